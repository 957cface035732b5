//! What is said where a vault cannot be opened: each names the place, and what to type about it.

use std::path::Path;

use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Kind};

use crate::code;
use crate::format::signed;

/// The same error with the file's name in front, since the parsers know no paths.
pub fn at_path(error: &Error, path: &Path) -> Error {
    let message = format!("{}: {}", printable_path(path), error.message());
    let named = Error::new(error.kind(), error.code(), message);
    named.hints_of(error)
}

/// The error for a vault whose key is not the pinned one.
pub fn key_changed(dir: &Path) -> Error {
    let shown = printable_path(dir);
    Error::new(
        Kind::Data,
        code::KEY_CHANGED,
        format!("the vault in {shown} has another key than the one that this home pinned"),
    )
    .hint(
        "either somebody put another vault there, or a member was removed from it; ask who \
         changed it",
    )
    .hint(format!("if the change is right: hasp-vault join {}", shell_word(dir.as_os_str())))
}

/// The error for settings that do not verify: damaged, or as a merge left them.
pub fn settings(path: &Path, text: &[u8]) -> Error {
    if !signed::in_conflict(text) {
        return signed::tampered(path);
    }
    let dir = shell_word(path.parent().unwrap_or(path).as_os_str());
    let message = format!("{} was changed on both sides of a merge", printable_path(path));
    Error::new(Kind::Data, code::MERGE_CONFLICT, message)
        .hint(format!("take the recipients of one side: git checkout --ours {dir} (or --theirs)"))
        .hint("then do again what the other side did: hasp-vault recipients add AGE1..")
}

/// The error for a value file that a record names and that is not there.
pub fn value_missing(path: &Path) -> Error {
    Error::new(Kind::Data, code::TAMPERED, format!("{} is missing", printable_path(path)))
        .hint("put it back from git or a backup")
}
