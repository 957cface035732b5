//! Finding watched values in files and commits.

mod archive;
pub(crate) mod finder;
pub(crate) mod layer;
pub(crate) mod level;
pub(crate) mod many;
pub(crate) mod report;
pub(crate) mod table;
pub(crate) mod tree;
pub(crate) mod words;
