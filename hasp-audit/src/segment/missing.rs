//! Telling a log that is gone from one that is damaged: of the first nothing is left that could be
//! gone on from, and only a person can say that it shall go on all the same.

use std::io::ErrorKind;
use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind};

use crate::code;
use crate::segment::{self, state};

/// Whether a log's directory has neither records nor a key state.
pub(crate) fn is_empty(dir: &Path) -> bool {
    let key = dir.join(state::NAME).symlink_metadata();
    let no_key = key.is_err_and(|e| e.kind() == ErrorKind::NotFound);
    no_key && segment::list(dir).is_ok_and(|segments| segments.is_empty())
}

/// The same error, or that the record is gone, where that is why.
pub(crate) fn or_missing(error: Error, dir: &Path) -> Error {
    if error.code() == code::KEY_STATE && is_empty(dir) { missing(dir) } else { error }
}

/// The record is gone.
pub(crate) fn missing(dir: &Path) -> Error {
    let shown = printable_path(dir);
    Error::new(
        Kind::Data,
        code::LOG_MISSING,
        format!("the record is gone: there is none in {shown}"),
    )
    .hint("put it back, if there is a copy of the home; what was in it cannot be rebuilt")
    .hint("or go on without it, which the new record says first: hasp-audit accept-loss")
}
