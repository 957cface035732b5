//! One writer at a time, and nothing left behind by a dead one: the name of what is being written
//! is noted beside the lock, so that the next writer sweeps that one directory and no writer ever
//! lists the whole vault.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use hasp_audit::{Event, EventKind, Log};
use hasp_core::files::{self, Guard};
use hasp_core::lock::{self, Lock};
use hasp_core::{Error, Result, SecretName, Timestamp, tree};

use crate::format::events;
use crate::format::item::Item;
use crate::format::signed;
use crate::format::version::file_number;
use crate::open::vault::Vault;
use crate::open::{batch, replay};

/// The lock on a vault, held until drop.
pub struct Writer<'a> {
    vault: &'a Vault,
    note: PathBuf,
    _lock: Lock,
}

impl<'a> Writer<'a> {
    /// Waits for the lock, then sweeps what a writer that died has left.
    ///
    /// # Errors
    /// `[busy]` after 10 s; `[vault-changed]` if it got other recipients or another key since it
    /// was opened.
    pub fn begin(vault: &'a Vault) -> Result<Writer<'a>> {
        let path = vault.lock_path()?;
        let lock = lock::lock(&path)?;
        replay::resume(vault.home(), *vault.id(), &lock)?;
        vault.refuse_if_changed()?;
        let writer = Writer { vault, note: path.with_extension("writing"), _lock: lock };
        writer.sweep()?;
        Ok(writer)
    }

    /// Whether a writer is at work, or died at it.
    pub fn has_left_something(vault: &Vault) -> Result<bool> {
        let path = vault.lock_path()?;
        let note = path.with_extension("writing");
        let noted = tree::is_there(&note)? && note.metadata().map_or(true, |m| m.len() > 0);
        Ok(noted || batch::pending(vault)?)
    }

    /// Notes what is about to be written. Not synced: after a power cut fsck finds what is left,
    /// after a kill the page cache tells.
    pub fn intend(&self, name: &SecretName) -> Result<()> {
        self.write_note(name.as_str())
    }

    /// [`Writer::intend`] for many.
    pub fn intend_all<'n>(&self, names: impl Iterator<Item = &'n SecretName>) -> Result<()> {
        self.write_note(&names.map(SecretName::as_str).collect::<Vec<_>>().join("\n"))
    }

    /// Everything is committed: nothing is to be swept.
    pub fn done(self) -> Result<()> {
        self.write_note("")
    }

    fn write_note(&self, text: &str) -> Result<()> {
        let mut file = files::open_or_create(&self.note)?;
        let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
        written.map_err(|e| Error::io("write", &self.note, e))
    }

    fn sweep(&self) -> Result<()> {
        // First what was committed, so that nothing it needs is swept.
        batch::resume(self.vault)?;
        let mut text = String::new();
        let mut file = files::open_or_create(&self.note)?;
        file.read_to_string(&mut text).map_err(|e| Error::io("read", &self.note, e))?;
        if text.is_empty() {
            return Ok(());
        }
        let names: Vec<SecretName> = text.lines().filter_map(|l| l.parse().ok()).collect();
        let left: Vec<Event> = names
            .iter()
            .map(|n| sweep_item(self.vault, n))
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        // In a record that is gone there is nothing to put right, and revoking must not wait for
        // it.
        if !left.is_empty() && !Log::is_gone(self.vault.home(), self.vault.log_id()) {
            self.vault.log()?.append(Timestamp::now(), &left)?;
        }
        sweep_temps(self.vault.dir())?;
        sweep_temps(&self.vault.seen().dir())?;
        self.write_note("")
    }
}

/// Removes temporary files, value files that were written but never committed, and those of
/// destroyed versions. A record that does not verify is left for fsck: nothing is removed on the
/// word of an unsigned file.
///
/// Its write may be on record without having been committed: the event says how far the secret
/// really is.
fn sweep_item(vault: &Vault, name: &SecretName) -> Result<Option<Event>> {
    let dir = vault.item_dir(name);
    if vault.refuse_links(name).is_err() {
        return Ok(None);
    }
    sweep_temps(&dir)?;
    let Ok(item) = vault.item_if_present(name) else { return Ok(None) };
    let version = item.as_ref().and_then(|i| i.versions.last()).map_or(0, |v| v.number);
    let event = events::of_secret(EventKind::VaultInterrupted, name).field("version", version);
    if !dir.is_dir() {
        return Ok(Some(event));
    }
    let kept = |number: u32| {
        let destroyed = |i: &Item| {
            i.versions.iter().any(|v| v.destroyed.is_some() && v.file == format!("{number}.age"))
        };
        item.as_ref().is_some_and(|i| number < i.next_file && !destroyed(i))
    };
    tree::remove_files(&dir, |name| file_number(name).is_some_and(|n| !kept(n)))?;
    // Only an empty directory goes: a secret that was never committed.
    let _ = std::fs::remove_dir(&dir);
    Ok(Some(event))
}

fn sweep_temps(dir: &Path) -> Result<()> {
    if dir.is_dir() { files::sweep_temps(dir) } else { Ok(()) }
}

impl Vault {
    /// Makes each missing directory of a secret; an existing one must be a directory and, in the
    /// home, ours alone.
    pub(crate) fn make_item_dir(&self, name: &SecretName) -> Result<PathBuf> {
        make_dirs(self.dir(), &Path::new("items").join(name.as_str()), self.guard())
    }

    /// As [`Vault::make_item_dir`], with the flush left to the caller.
    pub(crate) fn make_item_dir_unflushed(&self, name: &SecretName) -> Result<PathBuf> {
        make_each(self.dir(), &Path::new("items").join(name.as_str()), self.guard(), make_unflushed)
    }
}

/// Makes each missing directory from a vault's own down to `below`.
pub(crate) fn make_dirs(vault: &Path, below: &Path, guard: Guard) -> Result<PathBuf> {
    make_each(vault, below, guard, files::ensure_dir)
}

/// As [`make_dirs`] for a private directory, with the flush left to the caller.
pub(crate) fn make_dirs_unflushed(base: &Path, below: &Path) -> Result<PathBuf> {
    make_each(base, below, Guard::Private, make_unflushed)
}

fn make_each(
    vault: &Path,
    below: &Path,
    guard: Guard,
    make: fn(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut path = vault.to_owned();
    for part in below.components() {
        path.push(part);
        match path.symlink_metadata() {
            Ok(_) if guard == Guard::Private => files::check_dir(&path)?,
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Err(signed::tampered(&path)),
            Err(_) => make(&path)?,
        }
    }
    Ok(path)
}

fn make_unflushed(path: &Path) -> Result<()> {
    rustix::fs::mkdir(path, rustix::fs::Mode::RWXU).map_err(|e| Error::io("create", path, e))
}
