//! Finding watched values in files and commits.

mod archive;
mod escape;
pub(crate) mod finder;
pub(crate) mod layer;
pub(crate) mod level;
pub(crate) mod many;
mod masks;
pub(crate) mod report;
mod runs;
mod symbol;
pub(crate) mod table;
mod trail;
pub(crate) mod tree;
pub(crate) mod words;
