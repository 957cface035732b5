//! What the tool does, a file a verb.

pub mod append;
pub mod export;
pub mod exposed;
pub mod follow;
pub mod head;
pub mod keys;
pub mod log;
pub mod place;
pub mod progress;
pub mod recover;
pub mod render;
pub mod verify;
pub mod who;
