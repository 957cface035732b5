//! A secret that two people changed, each on a branch: both records are signed, git can merge
//! neither. One of them is taken, under a serial and a version above both, so that whoever has seen
//! either accepts it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use hasp_audit::EventKind;
use hasp_core::files;
use hasp_core::{Error, Kind, Result, SecretName, Timestamp};
use sha2::{Digest, Sha256};

use crate::code;
use crate::crypto::age_file;
use crate::format::events;
use crate::format::item::Item;
use crate::format::signed::{self, Label};
use crate::format::version::file_number;
use crate::item::set::write_new;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

/// Whose value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// That of the branch that is checked out.
    Ours,
    /// That of the branch that is merged into it.
    Theirs,
}

impl Side {
    /// The stage that git keeps it in.
    fn stage(self) -> u8 {
        match self {
            Side::Ours => 2,
            Side::Theirs => 3,
        }
    }

    fn other(self) -> Side {
        match self {
            Side::Ours => Side::Theirs,
            Side::Theirs => Side::Ours,
        }
    }
}

/// What git has of one secret's directory.
#[derive(Debug, Default)]
pub struct Stages {
    /// The unmerged files, by name and stage.
    pub files: BTreeMap<(String, u8), Vec<u8>>,
    /// The value files in the commits of both sides.
    pub committed: Vec<Vec<u8>>,
}

impl Stages {
    fn meta(&self, side: Side) -> Option<&[u8]> {
        self.files.get(&("meta.toml".to_owned(), side.stage())).map(Vec::as_slice)
    }

    /// A value file with this hash, whichever side it came from.
    fn value(&self, sha256: &str) -> Option<&[u8]> {
        self.files
            .values()
            .chain(&self.committed)
            .map(Vec::as_slice)
            .find(|content| hash(content) == sha256)
    }
}

impl Unlocked {
    /// Takes one side's record and values; recorded as `vault.resolve`.
    ///
    /// # Errors
    /// `[no-conflict]`, `[side-missing]`; `[tampered]` if the chosen side was not signed by this
    /// vault, or a value of it is not there.
    pub fn resolve(
        &self,
        name: &SecretName,
        side: Side,
        stages: &Stages,
        now: Timestamp,
    ) -> Result<Item> {
        let vault = self.vault();
        if stages.meta(side).or_else(|| stages.meta(side.other())).is_none() {
            return Err(Error::new(
                Kind::Missing,
                code::NO_CONFLICT,
                format!("git has no conflict about {name}"),
            )
            .hint("see what is in conflict with: git status"));
        }
        let text = stages.meta(side).ok_or_else(|| side_missing(name, side))?;
        let mut item =
            signed(vault, name, text).ok_or_else(|| signed::tampered(&vault.meta_path(name)))?;
        let other = stages.meta(side.other()).and_then(|text| signed(vault, name, text));
        if let Some(other) = &other {
            item.serial = item.serial.max(other.serial);
            item.next_file = item.next_file.max(other.next_file);
        }
        let writer = Writer::begin(vault)?;
        writer.intend(name)?;
        let dir = vault.make_item_dir(name)?;
        place_values(vault, &dir, &mut item, stages)?;
        let above = other.and_then(|o| o.versions.last().map(|v| v.number)).unwrap_or(0);
        self.renumber(&dir, &mut item, above, now)?;
        vault
            .log()?
            .append(now, &[events::of_version(EventKind::VaultResolve, &item, item.current)])?;
        self.commit(&mut item)?;
        remove_others(&dir, &item)?;
        writer.done()?;
        Ok(item)
    }
}

impl Unlocked {
    /// The value that was taken becomes a version that neither side has: the numbers that both gave
    /// to different values stay with the logs that know them. It is as old as it was.
    fn renumber(&self, dir: &Path, item: &mut Item, above: u32, now: Timestamp) -> Result<()> {
        let Some(taken) = item.current_version().filter(|v| v.number <= above) else {
            return Ok(());
        };
        let (state, created) = (item.state.clone(), taken.created);
        let value = self.value(item, item.current)?;
        let path = self.add_version_unflushed(dir, item, &value, now)?;
        files::flush(&path)?;
        item.state = state;
        if let Some(added) = item.versions.last_mut() {
            (added.number, added.created) = (added.number.max(above + 1), created);
            item.current = added.number;
        }
        Ok(())
    }
}

/// A record as it was signed, whatever serial was seen: it gets a higher one.
fn signed(vault: &Vault, name: &SecretName, text: &[u8]) -> Option<Item> {
    let label = Label { vault: *vault.id(), kind: signed::ITEM, name: name.as_str() };
    let verified = label.verify(vault.record_key(), text)?;
    Item::parse(name, &verified.body).filter(|i| i.serial == verified.serial)
}

/// A value file that git left in place stays; one whose name the other side's has taken gets a name
/// that neither side knows.
fn place_values(vault: &Vault, dir: &Path, item: &mut Item, stages: &Stages) -> Result<()> {
    let mut next = item.next_file;
    for version in item.versions.iter_mut().filter(|v| v.destroyed.is_none()) {
        let path = dir.join(&version.file);
        let there = files::read_if_present(&path, vault.guard(), age_file::MAX_FILE)?;
        if there.is_some_and(|content| hash(&content) == version.sha256) {
            continue;
        }
        let content = stages.value(&version.sha256).ok_or_else(|| signed::tampered(&path))?;
        let number = write_new(dir, next, content)?;
        version.file = format!("{number}.age");
        files::flush(&dir.join(&version.file))?;
        next = number + 1;
    }
    item.next_file = next;
    files::sync_parent(&dir.join("meta.toml"))
}

/// The other side's values: they stay in git's history and nowhere else.
fn remove_others(dir: &Path, item: &Item) -> Result<()> {
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    let kept = |name: &std::ffi::OsStr| {
        item.versions.iter().any(|v| v.destroyed.is_none() && name == v.file.as_str())
    };
    let others: Vec<PathBuf> = entries
        .filter_map(std::result::Result::ok)
        .filter(|e| file_number(&e.file_name()).is_some() && !kept(&e.file_name()))
        .map(|e| e.path())
        .collect();
    others
        .iter()
        .try_for_each(|path| std::fs::remove_file(path).map_err(|e| Error::io("remove", path, e)))
}

fn hash(content: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(content))
}

fn side_missing(name: &SecretName, side: Side) -> Error {
    let other = if side == Side::Ours { "--theirs" } else { "--ours" };
    Error::new(Kind::Missing, code::SIDE_MISSING, format!("that side has removed {name}"))
        .hint(format!("take the other one: hasp-vault resolve {name} {other}"))
        .hint("or agree to the removal: git rm -r")
}
