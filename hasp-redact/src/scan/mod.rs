//! Finding watched values in files and commits.

mod archive;
mod escape;
pub(crate) mod finder;
pub(crate) mod layer;
pub(crate) mod level;
pub(crate) mod many;
pub(crate) mod report;
mod symbol;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod words;
