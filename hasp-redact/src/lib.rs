//! The output filter of hasp: finds values in a stream of bytes, in every form that programs give
//! them, and writes `[hasp:NAME]` in their place. It knows no vault, and must keep up with `cat`.
//!
//! And the leak watch: finds the values of a vault in files and commits by fingerprints, while the
//! vault is locked.
#![forbid(unsafe_code)]

mod app;
mod cli;
mod decode;
mod filter;
mod firsts;
mod form;
mod git;
mod hooks;
pub mod parts;
mod pattern;
mod patterns;
mod pump;
mod scan;
mod seed;
mod settled;
mod starts;
mod stream;
mod trail;
mod walk;
pub mod watch;
mod word;

pub use cli::Cli;
pub use filter::{Filter, IDLE_MS, Tally};
pub use pattern::danger::Reason;
pub use pattern::needle::MIN_VALUE;
pub use patterns::{Pattern, Patterns};
pub use pump::{Traffic, pump};
