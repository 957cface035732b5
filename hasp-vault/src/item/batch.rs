//! Many secrets in one step: value files, one flush, the log, then a journal of all new records as
//! the commit point. Before it a crash changes nothing; after it the next writer finishes the work.

use std::path::{Path, PathBuf};

use hasp_audit::Event;
use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, Secret, SecretName, Timestamp, tree};
use serde::{Deserialize, Serialize};

use crate::format::item::Item;
use crate::format::record::{self, Label};
use crate::item::events;
use crate::item::set::{SetOptions, check_value};
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

/// The longest journal: some ten thousand records.
const MAX_JOURNAL: usize = 256 << 20;

/// A record as it will be, signed; each is verified again before it is written.
#[derive(Serialize, Deserialize)]
struct Line {
    name: SecretName,
    serial: u64,
    text: String,
}

impl Unlocked {
    /// Stores all values or none, each recorded under `event`.
    pub fn set_all(
        &self,
        values: &[(SecretName, Secret)],
        options: &SetOptions,
        event: &str,
        now: Timestamp,
    ) -> Result<Vec<Item>> {
        values.iter().try_for_each(|(_, value)| check_value(value))?;
        let vault = self.vault();
        let writer = Writer::begin(vault)?;
        writer.intend_all(values.iter().map(|(name, _)| name))?;
        let mut items = values
            .iter()
            .map(|(name, value)| self.stage(name, value, options, now))
            .collect::<Result<Vec<Item>>>()?;
        let recorded: Vec<_> =
            items.iter().map(|i| events::of_version(event, i, i.current)).collect();
        self.commit_all(&mut items, &recorded, now)?;
        writer.done()?;
        Ok(items)
    }

    /// Commits records whose value files are written and not flushed yet, after these events; the
    /// caller holds the lock.
    pub(crate) fn commit_all(
        &self,
        items: &mut [Item],
        recorded: &[Event],
        now: Timestamp,
    ) -> Result<()> {
        let vault = self.vault();
        for item in items.iter_mut() {
            item.serial =
                item.serial.max(vault.seen().highest(record::ITEM, item.name.as_str())?) + 1;
        }
        sync_all(vault.dir())?;
        let lines = items.iter().map(|i| self.line(i)).collect::<Result<Vec<Line>>>()?;
        vault.log()?.append(now, recorded)?;
        let journal = serde_json::to_vec(&lines)
            .map_err(|e| Error::bug(format!("cannot write JSON: {e}")))?;
        files::replace(&journal_path(vault)?, &journal)?;
        apply(vault, &lines)
    }

    /// After a failure of [`Unlocked::commit_all`]: removes these files unless they are committed.
    pub(crate) fn remove_uncommitted(&self, files: &[PathBuf]) {
        if journal_path(self.vault())
            .and_then(|p| tree::is_there(&p))
            .is_ok_and(|committed| !committed)
        {
            files.iter().for_each(|path| drop(std::fs::remove_file(path)));
        }
    }

    /// A value file that is written and not flushed yet, and the record that will name it.
    fn stage(
        &self,
        name: &SecretName,
        value: &Secret,
        options: &SetOptions,
        now: Timestamp,
    ) -> Result<Item> {
        let before = self.vault().item_if_present(name)?;
        let mut item = before.unwrap_or_else(|| Item::new(name.clone()));
        options.apply(&mut item, now);
        let dir = self.vault().make_item_dir_unflushed(name)?;
        self.add_version_unflushed(&dir, &mut item, value, now)?;
        Ok(item)
    }

    fn line(&self, item: &Item) -> Result<Line> {
        let text =
            record::sign(self, record::ITEM, item.name.as_str(), item.serial, &item.render()?);
        Ok(Line { name: item.name.clone(), serial: item.serial, text })
    }
}

/// Finishes a batch that was committed and interrupted; called by every writer under the lock.
pub(crate) fn resume(vault: &Vault) -> Result<()> {
    let path = journal_path(vault)?;
    let Some(content) = files::read_if_present(&path, Guard::Private, MAX_JOURNAL)? else {
        return Ok(());
    };
    let lines: Vec<Line> = serde_json::from_slice(&content).map_err(|_| record::tampered(&path))?;
    apply(vault, &lines)
}

/// Each step can be done again: a record that is in place already is written once more.
fn apply(vault: &Vault, lines: &[Line]) -> Result<()> {
    let path = journal_path(vault)?;
    for line in lines {
        let name = line.name.as_str();
        let label = Label { vault: *vault.id(), kind: record::ITEM, name };
        let signed = label
            .verify(vault.record_key(), line.text.as_bytes())
            .filter(|v| v.serial == line.serial);
        // Written by somebody else since, or by us before the crash: never put an older record
        // back.
        if signed.is_none() {
            return Err(record::tampered(&path));
        }
        if vault.seen().highest(record::ITEM, name)? <= line.serial {
            rename_over(&vault.meta_path(&line.name), line.text.as_bytes())?;
        }
    }
    sync_all(vault.dir())?;
    vault.seen().raise_all(record::ITEM, lines.iter().map(|l| (l.name.as_str(), l.serial)))?;
    sync_all(vault.home().root())?;
    std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    files::sync_parent(&path)
}

/// The journal lies in the home, beside the lock: nothing in a vault is per machine.
fn journal_path(vault: &Vault) -> Result<PathBuf> {
    Ok(vault.lock_path()?.with_extension("journal"))
}

/// A whole-file write whose durability a later [`sync_all`] gives.
pub(crate) fn rename_over(path: &Path, content: &[u8]) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    let temp = parent.join(format!("{}batch{}", files::TEMP_PREFIX, files::TEMP_SUFFIX));
    // Under the lock nobody else has this name; what a dead writer left of it is stale.
    let _ = std::fs::remove_file(&temp);
    crate::item::set::create_new(&temp, content)?;
    std::fs::rename(&temp, path).map_err(|e| Error::io("write", path, e))
}

/// One flush of the file system for all that was written to it, instead of one or two a file.
pub(crate) fn sync_all(dir: &Path) -> Result<()> {
    let opened = std::fs::File::open(dir).map_err(|e| Error::io("open", dir, e))?;
    rustix::fs::syncfs(&opened).map_err(|e| Error::io("flush", dir, e))
}
