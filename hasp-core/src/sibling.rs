//! Running another hasp tool: always the one installed beside this one, never what PATH would find
//! first.

use std::path::PathBuf;
use std::process::Command;

use crate::code;
use crate::error::{Error, Kind, Result};

/// The path of the tool `name` beside the running executable.
///
/// # Errors
/// `[no-sibling]` if it is not installed there.
pub fn path(name: &str) -> Result<PathBuf> {
    let own =
        std::env::current_exe().map_err(|e| Error::system("find this program's own path", e))?;
    // A program replaced while it runs is "/path (deleted)": its directory is still right.
    let beside = own.with_file_name(name);
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Error::new(
        Kind::Missing,
        code::NO_SIBLING,
        format!("{name} is not installed beside {}", crate::text::printable_path(&own)),
    )
    .hint("install all tools in one directory: make install"))
}

/// A command that runs the tool `name`; it inherits this process's environment and terminal.
pub fn command(name: &str) -> Result<Command> {
    path(name).map(Command::new)
}
