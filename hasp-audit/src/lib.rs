//! The record of hasp: an append-only chain of JSON lines in which a key is used once and erased,
//! so that a thief of today's key cannot change yesterday unseen (Schneier and Kelsey, "Secure
//! Audit Logs to Support Computer Forensics", 1999).
//!
//! What each event says is laid down in [`events`]; the bytes of a line in [`mod@line`], of the key
//! state in [`state`].
#![forbid(unsafe_code)]

pub mod chain;
pub mod cli;
pub mod event;
pub mod events;
pub mod filter;
pub mod head;
pub mod id;
pub mod index;
pub mod line;
pub mod log;
pub mod pack;
pub mod policy;
pub mod query;
pub mod record;
pub mod reread;
pub mod segment;
pub mod state;
pub mod verify;

mod copies;
mod ends;
mod fit;
mod follow;
mod judge;
mod keys;
mod lock;
mod mend;
mod part;
mod place;
mod progress;
mod render;
mod replay;
mod run;
mod torn;
mod verb;

pub use event::Event;
pub use head::Head;
pub use id::LogId;
pub use keys::current_log;
pub use log::Log;
pub use verify::{Against, Report, verify};
