//! Many secrets in one step: value files, one flush, the log, then a journal of all new records as
//! the commit point. Before it a crash changes nothing; after it the next writer finishes the work.

use std::path::PathBuf;

use hasp_audit::{Event, EventKind};
use hasp_core::{Result, Secret, SecretName, Timestamp, files};

use crate::format::events;
use crate::format::item::Item;
use crate::format::signed;
use crate::item::set::{SetOptions, check_value};
use crate::open::batch::{self, Line};
use crate::open::unlocked::Unlocked;
use crate::open::writer::Writer;

impl Unlocked {
    /// Stores all values or none, each recorded under `event`.
    pub fn set_all(
        &self,
        values: &[(SecretName, Secret)],
        options: &SetOptions,
        event: EventKind,
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
                item.serial.max(vault.seen().highest(signed::ITEM, item.name.as_str())?) + 1;
        }
        files::flush_all(vault.dir())?;
        let lines = items.iter().map(|i| self.line(i)).collect::<Result<Vec<Line>>>()?;
        vault.log()?.append(now, recorded)?;
        batch::commit(vault, &lines)
    }

    /// After a failure of [`Unlocked::commit_all`]: removes these files unless they are committed.
    pub(crate) fn remove_uncommitted(&self, files: &[PathBuf]) {
        if batch::pending(self.vault()).is_ok_and(|committed| !committed) {
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
        let text = self.sign(signed::ITEM, item.name.as_str(), item.serial, &item.render()?);
        Ok(Line { name: item.name.clone(), serial: item.serial, text })
    }
}
