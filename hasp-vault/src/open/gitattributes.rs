//! What keeps git from turning the line ends of a vault that lies in a repository: its records are
//! signed to the byte.

use std::path::Path;

use hasp_core::{Result, files, tree};

/// The name of the file.
pub const NAME: &str = ".gitattributes";
/// Only what is the vault's: its directory may hold other files too.
const CONTENT: &str = "# The files of the vault are signed to the byte.
/vault.toml -text
/keys.age -text
/items/** -text
/inbox/** -text
";

/// Writes the file, unless there is one; whether it did.
pub fn write(dir: &Path) -> Result<bool> {
    let path = dir.join(NAME);
    if tree::is_there(&path)? {
        return Ok(false);
    }
    match files::create_unflushed(&path, CONTENT.as_bytes()) {
        Ok(()) => files::flush(&path).map(|()| true),
        Err(e) if e.code() == crate::code::EXISTS => Ok(false),
        Err(e) => Err(e),
    }
}

/// As [`write`], where a failure is none: the vault is good without it.
pub fn offer(dir: &Path) -> bool {
    write(dir).unwrap_or(false)
}
