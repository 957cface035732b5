//! Telling a log that is gone from one that is damaged: of the first nothing is left that could be
//! gone on from, and only a person can say that it shall go on all the same.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, files, tree};

use crate::code;
use crate::segment::{self, state};

/// Whether a log's directory has neither records nor a key state.
pub(crate) fn is_empty(dir: &Path) -> bool {
    let key = dir.join(state::NAME).symlink_metadata();
    let no_key = key.is_err_and(|e| e.kind() == ErrorKind::NotFound);
    no_key && segment::list(dir).is_ok_and(|segments| segments.is_empty())
}

/// What stands where the directory of a log, or the one that holds it, should be.
pub(crate) fn in_the_way(dir: &Path) -> Option<PathBuf> {
    let no_dir = |path: &&Path| path.symlink_metadata().is_ok() && !path.is_dir();
    dir.parent().into_iter().chain([dir]).find(no_dir).map(Path::to_owned)
}

/// Sets aside what is no directory and stands where that of all logs should be; says where it is
/// kept.
pub(crate) fn set_aside(audit: &Path) -> Result<Option<PathBuf>> {
    if tree::look(audit)?.is_none_or(|found| found.is_dir()) {
        return Ok(None);
    }
    let name = |number: u32| audit.with_extension(format!("no-record-{number}"));
    let mut number = 1;
    while tree::is_there(&name(number))? {
        number += 1;
    }
    let kept = name(number);
    std::fs::rename(audit, &kept).map_err(|e| Error::io("set aside", audit, e))?;
    files::sync_parent(&kept).map(|()| Some(kept))
}

/// The same error, or that the record is gone, where that is why.
pub(crate) fn or_missing(error: Error, dir: &Path) -> Error {
    if error.code() == code::KEY_STATE && is_empty(dir) { missing(dir) } else { error }
}

/// The record is gone.
pub(crate) fn missing(dir: &Path) -> Error {
    let shown = printable_path(dir);
    let message = match in_the_way(dir) {
        Some(other) => {
            format!("the record is gone: {} is no directory", printable_path(&other))
        }
        None => format!("the record is gone: there is none in {shown}"),
    };
    Error::new(Kind::Data, code::LOG_MISSING, message)
        .hint("put it back, if there is a copy of the home; what was in it cannot be rebuilt")
        .hint("or go on without it, which the new record says first: hasp-audit accept-loss")
}
