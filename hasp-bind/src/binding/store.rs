//! Where bindings lie: one signed file a project in the home, named after the hash of the project's
//! real path.

use std::path::{Path, PathBuf};

use hasp_core::files;
use hasp_core::here::{self, BINDINGS};
use hasp_core::lock::{Lock, lock};
use hasp_core::{Error, Home, Result};

/// The lock that every writer of a binding takes.
const LOCK: &str = "bindings.lock";

/// The name of a project's binding: the first 32 hexadecimal digits of the SHA-256 of its real
/// path.
pub(crate) fn id(root: &Path) -> String {
    here::binding_id(root)
}

/// The file of a project's binding.
pub(crate) fn path(home: &Home, root: &Path) -> PathBuf {
    path_of(home, &id(root))
}

pub(crate) fn path_of(home: &Home, id: &str) -> PathBuf {
    here::binding_path(home, id)
}

/// The bytes of a binding, `None` if there is none.
pub(crate) fn read(home: &Home, id: &str) -> Result<Option<Vec<u8>>> {
    here::read_binding(home, id)
}

/// Replaces a binding; the caller holds the lock.
pub(crate) fn write(home: &Home, id: &str, text: &str) -> Result<()> {
    let dir = files::ensure_dirs(home.root(), Path::new(BINDINGS))?;
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
    let dir = home.join(BINDINGS);
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("read", &dir, e)),
    };
    let stem = |name: std::ffi::OsString| {
        name.to_str().and_then(|n| n.strip_suffix(".toml")).map(str::to_owned)
    };
    let is_id = |id: &String| here::is_binding_id(id);
    let mut ids: Vec<String> =
        entries.filter_map(|e| stem(e.ok()?.file_name()).filter(is_id)).collect();
    ids.sort();
    Ok(ids)
}
