//! Tokens that are kept for hasp-exec to find: `<runtime>/kept/<jti>`, and beside it an empty file
//! `<runtime>/places/<place>/<jti>`, so that whoever looks for a target of a project reads nothing
//! of any other. The name of a place tells nothing of either.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use hasp_core::files::{self, Guard};
use hasp_core::{Error, GrantId, Result, tree};
use sha2::{Digest, Sha256};

use crate::ledger::{Ledger, Locked};
use crate::token::claims::Terms;

/// The file of a place that names the one that ended last.
const LAST: &str = "last";
/// The folder of all places.
const PLACES: &str = "places";

/// The name of the place for a target of a project, or for its commands without one: 32 digits of a
/// SHA-256 over vault, root and target, each behind its length.
pub fn place(vault: &str, root: &Path, target: Option<&str>) -> String {
    let mut hash = Sha256::new_with_prefix(b"hasp/v1/place\0");
    let named = target.map(|t| [b"t", t.as_bytes()].concat()).unwrap_or_default();
    for part in [vault.as_bytes(), root.as_os_str().as_bytes(), &named] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    HEXLOWER.encode(&hash.finalize()[..16])
}

impl Ledger {
    /// Where the token of a kept grant lies.
    pub fn kept_path(&self, id: &GrantId) -> PathBuf {
        self.runtime.join("kept").join(id.as_str())
    }

    /// All kept tokens with the moment at which each was kept.
    pub fn kept(&self) -> Result<Vec<(SystemTime, GrantId)>> {
        self.kept_among(&self.runtime.join("kept"))
    }

    /// Those of one place.
    pub fn kept_at(&self, place: &str) -> Result<Vec<(SystemTime, GrantId)>> {
        let folder = self.runtime.join(PLACES).join(place);
        if tree::is_there(&folder)? { self.kept_among(&folder) } else { Ok(Vec::new()) }
    }

    fn kept_among(&self, folder: &Path) -> Result<Vec<(SystemTime, GrantId)>> {
        let entries = std::fs::read_dir(folder).map_err(|e| Error::io("read", folder, e))?;
        let ids = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<GrantId>().ok());
        let dated = ids.filter_map(|id| {
            Some((self.kept_path(&id).symlink_metadata().ok()?.modified().ok()?, id))
        });
        Ok(dated.collect())
    }

    /// The one that was kept at a place and has ended last.
    pub fn last(&self, place: &str) -> Option<GrantId> {
        let path = self.runtime.join(PLACES).join(place).join(LAST);
        let text = files::read(&path, Guard::Private, 64).ok()?;
        std::str::from_utf8(&text).ok()?.parse().ok()
    }

    pub(super) fn sign_of(&self, place: &str, id: &GrantId) -> PathBuf {
        self.runtime.join(PLACES).join(place).join(id.as_str())
    }
}

impl Locked<'_> {
    /// Keeps the token of a grant of this vault. The sign at its place comes last: what has a sign
    /// is there, until it has ended.
    pub fn keep(&self, vault: &str, terms: &Terms, line: &[u8]) -> Result<()> {
        let ledger = self.ledger;
        files::replace(&ledger.kept_path(&terms.jti), line)?;
        let place = place(vault, terms.project.as_path(), terms.action.target.as_deref());
        ledger.runtime.dir(PLACES)?;
        ledger.runtime.dir(&format!("{PLACES}/{place}"))?;
        files::replace(&ledger.sign_of(&place, &terms.jti), b"")
    }

    /// Takes the sign of one that has ended away, and remembers it as the last of its place.
    pub(super) fn take_sign(&self, place: &str, id: &GrantId) {
        let sign = self.ledger.sign_of(place, id);
        if std::fs::remove_file(&sign).is_ok() {
            // What it says is for people.
            let _ = files::replace(&sign.with_file_name(LAST), id.as_str().as_bytes());
        }
    }

    /// Removes signs of what is kept no more, and places without one.
    pub(super) fn tidy_places(&self) -> Result<()> {
        let Ok(places) = self.ledger.runtime.join(PLACES).read_dir() else { return Ok(()) };
        for folder in places.filter_map(|e| e.ok().map(|e| e.path())) {
            let place = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let last = self.ledger.last(place).filter(|id| self.ledger.tombstone(id).is_some());
            tree::remove_files(&folder, |name| {
                let id = name.to_str().and_then(|name| name.parse::<GrantId>().ok());
                let stays = id.is_some_and(|id| self.ledger.kept_path(&id).exists());
                !(stays || (name == LAST && last.is_some()))
            })?;
            // One that is not empty stays.
            let _ = std::fs::remove_dir(&folder);
        }
        Ok(())
    }
}
