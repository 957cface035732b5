//! make, which takes variables of any name from its environment.

use std::ffi::OsStr;

/// What no list of variables can hold: a Makefile chooses the names.
pub const MAKE: &str =
    "make takes any variable of its Makefile from the environment; clean-env keeps it out";

/// Whether a command is make, or has a word or part of one that names it.
pub fn names_make<W: AsRef<OsStr>>(words: &[W]) -> bool {
    let parts = words
        .iter()
        .flat_map(|w| w.as_ref().as_encoded_bytes().split(|b| b" \t\n;&|()'\"`".contains(b)));
    let names = parts.map(|part| part.rsplit(|b| *b == b'/').next().unwrap_or(part));
    names.into_iter().any(|name| [&b"make"[..], b"gmake", b"bmake"].contains(&name))
}
