//! What the tool does, a file a verb.

pub(crate) mod append;
pub(crate) mod export;
pub(crate) mod exposed;
pub(crate) mod follow;
pub(crate) mod head;
pub(crate) mod keys;
pub(crate) mod log;
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod prune;
pub(crate) mod recover;
pub(crate) mod render;
pub(crate) mod touched;
pub(crate) mod verify;
pub(crate) mod who;
