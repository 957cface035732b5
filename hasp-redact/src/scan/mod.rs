//! Finding watched values in files and commits.

mod archive;
mod bytes;
pub(crate) mod finder;
pub(crate) mod level;
pub(crate) mod many;
pub(crate) mod report;
pub(crate) mod table;
mod trail;
pub(crate) mod tree;
pub(crate) mod watch;
