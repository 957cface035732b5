//! Changing a manifest: comments and order stay, the result must be a manifest again, and the file
//! is replaced whole or not at all.

pub(crate) mod addition;
pub(crate) mod env_file;
pub(crate) mod lines;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result};

use crate::manifest::Manifest;
use crate::manifest::text::MAX_SIZE;

/// A manifest that is about to be changed.
#[derive(Debug)]
pub(crate) struct Opened {
    path: PathBuf,
    /// Its text as it stands in the file.
    pub(crate) text: String,
    /// What that says.
    pub(crate) manifest: Manifest,
    /// Whether there is no file yet.
    pub(crate) is_new: bool,
}

impl Opened {
    /// One that is not there yet, with the text that it begins with.
    pub(crate) fn new(path: &Path, text: String) -> Result<Opened> {
        let manifest = Manifest::parse(text.as_bytes(), path)?;
        Ok(Opened { path: path.to_owned(), text, manifest, is_new: true })
    }

    /// Writes the text, if it is a manifest.
    pub(crate) fn save(&self, text: &str) -> Result<Manifest> {
        if !self.is_new {
            return save(&self.path, text);
        }
        let manifest = Manifest::parse(text.as_bytes(), &self.path)?;
        create(&self.path, text)?;
        Ok(manifest)
    }
}

/// Reads a manifest for editing, after all its checks.
pub(crate) fn open(path: &Path) -> Result<Opened> {
    let manifest = Manifest::load(path)?;
    let bytes = files::read(path, Guard::Signed, MAX_SIZE)?;
    // A manifest that loaded is UTF-8; it may only have changed since.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Opened { path: path.to_owned(), text, manifest, is_new: false })
}

/// Replaces the manifest by this text, if it is one; owner's and others' permission to read it stay
/// as they were.
fn save(path: &Path, text: &str) -> Result<Manifest> {
    let manifest = Manifest::parse(text.as_bytes(), path)?;
    let meta = path.symlink_metadata().map_err(|e| Error::io("open", path, e))?;
    let temp = files::write_temp(path, text.as_bytes())?;
    let mode = std::fs::Permissions::from_mode(meta.permissions().mode() & 0o777);
    temp.as_file().set_permissions(mode).map_err(|e| Error::io("write", path, e))?;
    temp.persist(path).map_err(|e| Error::io("write", path, e.error))?;
    files::sync_parent(path)?;
    Ok(manifest)
}

/// Writes a new file that is as open as its directory: a manifest belongs to the repository.
pub(crate) fn create(path: &Path, text: &str) -> Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let open = dir.metadata().map_err(|e| Error::io("open", dir, e))?.permissions().mode() & 0o666;
    let temp = files::write_temp(path, text.as_bytes())?;
    let mode = std::fs::Permissions::from_mode(open | 0o600);
    temp.as_file().set_permissions(mode).map_err(|e| Error::io("write", path, e))?;
    temp.persist_noclobber(path).map_err(|e| match e.error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Error::io("write", path, e.error),
    })?;
    files::sync_parent(path)
}

pub(crate) fn exists(path: &Path) -> Error {
    let shown = hasp_core::text::printable_path(path);
    Error::new(hasp_core::Kind::Create, hasp_core::code::EXISTS, format!("{shown} exists already"))
        .hint("add to it with: hasp-target add NAME -e VAR=REF -- COMMAND")
}
