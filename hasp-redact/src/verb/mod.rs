//! The verbs, one file each, and what they share: how values come in, and what is recorded.

mod append;
mod called;
mod ci;
pub(crate) mod explain;
pub(crate) mod filter;
pub(crate) mod hooks;
pub(crate) mod markers;
pub(crate) mod scan;
mod status;
mod values;
pub(crate) mod watch;

pub use called::look_for;
