//! The verbs, one file each, and what they share: how values come in, and what is recorded.

mod append;
pub(crate) mod ci;
pub(crate) mod explain;
pub(crate) mod hooks;
pub(crate) mod markers;
pub(crate) mod scan;
pub(crate) mod status;
pub(crate) mod values;
pub(crate) mod watch;
