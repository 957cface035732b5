//! Consumers: who asks for a value, and how that is recognised.
//!
//! A process is (boot id, pid-namespace inode, pid, start time): a pid alone is reused, a name is
//! chosen by whoever runs. What is read about a process is read twice around, so that a pid that
//! changes hands in between is seen.
#![forbid(unsafe_code)]

mod caller;
pub mod cli;
mod consumer;
mod describe;
mod manage;
mod process;
mod program;
mod registry;
mod resolve;
mod run;
mod whoami;

pub use caller::{Caller, Leader};
pub use consumer::Consumer;
pub use process::{Process, ProcessId};
pub use program::warnings as program_warnings;
pub use registry::{Entry, Registry};
