//! The record of hasp: an append-only chain of JSON lines in which a key is used once and erased,
//! so that a thief of today's key cannot change yesterday unseen (Schneier and Kelsey, "Secure
//! Audit Logs to Support Computer Forensics", 1999).
//!
//! What each event says is laid down in `record::kind`; the bytes of a line in `record::line`,
//! of the key state in `segment::state`.
#![forbid(unsafe_code)]

pub mod cli;
pub mod code;

mod log;
mod prune;
mod query;
mod record;
mod run;
mod segment;
mod verb;
mod verify;

// The tests beside the code stand on the same log as those of the tool.
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;
#[cfg(test)]
extern crate self as hasp_audit;

pub use hasp_core::LogId;
pub use log::Log;
pub use record::Record;
pub use record::event::Event;
pub use record::head::Head;
pub use record::kind::EventKind;
pub use verify::{Against, Report, verify};
