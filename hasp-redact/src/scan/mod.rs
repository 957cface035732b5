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

use std::io::Read;
use std::sync::Arc;

use hasp_core::Result;

use crate::filter::Patterns;

/// How many hits there are in a file and in what is packed in it, and how much of that could not be
/// looked into.
///
/// # Errors
/// Where the file cannot be read.
pub fn look_through(patterns: &Arc<Patterns>, file: impl Read) -> Result<(usize, usize)> {
    let wanted = finder::Wanted { table: None, patterns: Some(Arc::clone(patterns)) };
    let looked = archive::Opener::new(&wanted).look(file)?;
    Ok((looked.hits.len(), looked.unseen.len()))
}
