//! Finding watched values in files and commits.

pub(crate) mod archive;
mod bytes;
pub(crate) mod finder;
pub(crate) mod level;
pub(crate) mod many;
pub(crate) mod objects;
pub(crate) mod pointer;
pub(crate) mod print;
pub(crate) mod report;
pub(crate) mod repository;
pub(crate) mod table;
mod trail;
pub(crate) mod tree;
pub(crate) mod watch;
