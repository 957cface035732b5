//! What stands in a text before anything is decoded: words, runs of symbols and escapes, found with
//! masks of 64 bytes at a time, for every byte of every file passes here.

pub(crate) mod escape;
pub(crate) mod masks;
pub(crate) mod runs;
pub(crate) mod words;
