//! `NAME[@N]` words, or the lines of stdin for a single `-`: all are read, and refused, before
//! anything is done with the first.

use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Source, VersionedName};

use super::input;

use crate::code;

/// The longest list that is read from stdin, in bytes.
const MAX_LIST: usize = 4 << 20;

/// The names that were typed, or that stdin holds.
///
/// # Errors
/// `[bad-name]` with the number of the line; what it holds is shown cut and escaped.
pub fn read(words: &[String], cx: &mut Context) -> Result<Vec<VersionedName>> {
    if words != ["-"] {
        return words.iter().map(|w| w.parse()).collect();
    }
    input::refuse_two_readers(&Source::Stdin, cx)?;
    let list = Source::Stdin.read(&mut cx.env, MAX_LIST)?;
    let text = std::str::from_utf8(list.expose()).map_err(|_| {
        Error::new(Kind::Data, code::BAD_NAME, "stdin does not hold names")
            .hint("one NAME or NAME@N a line is expected")
    })?;
    let lines = text.lines().enumerate().filter(|(_, l)| !l.is_empty());
    lines.map(|(at, line)| line.parse().map_err(|e: Error| at_line(&e, at + 1))).collect()
}

fn at_line(error: &Error, number: usize) -> Error {
    let named =
        Error::new(error.kind(), error.code(), format!("line {number}: {}", error.message()));
    named.hints_of(error)
}
