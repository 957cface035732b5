//! What the tool does, a file a verb.

pub mod append;
pub mod export;
pub mod exposed;
pub mod head;
pub mod log;
pub mod mend;
pub mod verify;
pub mod who;
