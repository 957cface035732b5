//! Where bindings lie: one signed file a project in the home, named after the hash of the project's real path.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use hasp_core::files::{self, Guard};
use hasp_core::lock::{Lock, lock};
use hasp_core::{Error, Home, Result};

/// The directory in the home.
const DIR: &str = "bindings";
/// The lock that every writer of a binding takes.
const LOCK: &str = "bindings.lock";
/// The largest binding, in bytes: consented targets are copied into it.
const MAX_SIZE: usize = 2 << 20;
/// How many hexadecimal digits of the hash name a binding.
const ID_LENGTH: usize = 32;

/// The name of a project's binding: the first 32 hexadecimal digits of the SHA-256 of its real path.
pub(crate) fn id(root: &Path) -> String {
    let mut id = HEXLOWER.encode(&Sha256::digest(root.as_os_str().as_bytes()));
    id.truncate(ID_LENGTH);
    id
}

/// The file of a project's binding.
pub(crate) fn path(home: &Home, root: &Path) -> PathBuf {
    path_of(home, &id(root))
}

pub(crate) fn path_of(home: &Home, id: &str) -> PathBuf {
    home.join(DIR).join(format!("{id}.toml"))
}

/// The bytes of a binding, `None` if there is none.
pub(crate) fn read(home: &Home, id: &str) -> Result<Option<Vec<u8>>> {
    files::read_if_present(&path_of(home, id), Guard::Private, MAX_SIZE)
}

/// Replaces a binding; the caller holds the lock.
pub(crate) fn write(home: &Home, id: &str, text: &str) -> Result<()> {
    let dir = files::ensure_dirs(home.root(), Path::new(DIR))?;
    files::sweep_temps(&dir)?;
    files::replace(&path_of(home, id), text.as_bytes())
}

/// Removes a binding; the caller holds the lock.
pub(crate) fn remove(home: &Home, id: &str) -> Result<()> {
    let path = path_of(home, id);
    std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    files::sync_parent(&path)
}

/// Keeps other writers away until the lock is dropped.
pub(crate) fn exclusive(home: &Home) -> Result<Lock> {
    lock(&home.join(LOCK))
}

/// The names of all bindings in the home, sorted.
pub(crate) fn all(home: &Home) -> Result<Vec<String>> {
    let dir = home.join(DIR);
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &dir, e)),
    };
    let stem = |name: std::ffi::OsString| name.to_str().and_then(|n| n.strip_suffix(".toml")).map(str::to_owned);
    let is_id = |id: &String| id.len() == ID_LENGTH && id.bytes().all(|b| b.is_ascii_hexdigit());
    let mut ids: Vec<String> = entries.filter_map(|e| stem(e.ok()?.file_name()).filter(is_id)).collect();
    ids.sort();
    Ok(ids)
}
