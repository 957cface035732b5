//! Consumers: who asks for a value, and how that is recognised.
//!
//! A process is (boot id, pid-namespace inode, pid, start time): a pid alone is reused, a name is
//! chosen by whoever runs. What is read about a process is read twice around, so that a pid that
//! changes hands in between is seen.
#![forbid(unsafe_code)]

pub mod cli;
pub mod code;
mod consumer;
mod limits;
mod process;
mod run;
mod verb;

pub use consumer::Consumer;
pub use consumer::ceiling::{Asked, Ceiling};
pub use consumer::program::warnings as program_warnings;
pub use consumer::registry::{Entry, Registry};
pub use process::caller::{Caller, Leader};
pub use process::{Process, ProcessId};
