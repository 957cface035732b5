//! The output filter of hasp: finds values in a stream of bytes, in every form that programs give
//! them, and writes `[hasp:NAME]` in their place. It knows no vault, and must keep up with `cat`.
//!
//! And the leak watch: finds the values of a vault in files and commits by fingerprints, while the
//! vault is locked.
#![forbid(unsafe_code)]

mod cli;
pub mod code;
mod decode;
mod filter;
mod git;
mod hooks;
mod run;
mod scan;
mod verb;

pub use cli::{Cli, Hook};
#[doc(hidden)]
pub use decode::cost::compared;
pub use decode::parts::danger::{MIN_VALUE, Reason};
pub use decode::parts::{Part, Parts, Place, parts};
pub use filter::pump::{Pump, Step, Stop, Traffic, Watcher};
pub use filter::{Filter, IDLE_MS, Pattern, Patterns, Tally};
pub use hooks::kept::NOT_OPENED;
// For the fuzz target alone.
#[doc(hidden)]
pub use scan::look_through;
pub use scan::watch::{Rebuilt, Unwatched, Watch, judge, judge_parts};
pub use verb::look_for;
