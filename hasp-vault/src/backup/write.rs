//! Writing a backup. It needs no unlock: what lies in the vault is encrypted already, and
//! recipients are public; the outer layer hides names and times too. Everything is verified first,
//! so that no backup of a damaged vault is ever mistaken for a good one.

use std::io::Write;

use hasp_audit::{Event, EventKind};
use hasp_core::files;
use hasp_core::{Error, Result, Timestamp};

use super::restore::About;
use super::tar;
use crate::crypto::age_file;
use crate::format::item::{self, Item};
use crate::format::settings;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

impl Vault {
    /// Writes the whole vault, encrypted to its recipients; recorded as `vault.backup`. Gives the
    /// number of secrets.
    ///
    /// # Errors
    /// The first record or value that does not verify; nothing was written then.
    pub fn backup(
        &self,
        out: &mut dyn Write,
        now: Timestamp,
        progress: &dyn Fn(),
    ) -> Result<usize> {
        let writer = Writer::begin(self)?;
        let names = self.names()?;
        let survey = self.survey(&names);
        let look = |e: Error| e.hint("look the whole vault over first: hasp-vault fsck");
        if let Some(fault) = survey.faults.into_iter().next() {
            return Err(look(fault));
        }
        survey
            .items
            .iter()
            .try_for_each(|item| self.each_value(item, |_, _| Ok(())))
            .map_err(look)?;
        let log = self.log()?;
        log.append(now, &[Event::new(EventKind::VaultBackup).field("secrets", names.len())])?;
        let record = log.head()?.text().trim_end().replace('\n', " ");
        let about =
            About { format: 1, vault: *self.id(), created: now, secrets: names.len(), record };
        let mut sealed = age_file::writer(out, &self.settings().recipients)?;
        self.archive(&mut sealed, &about, &survey.items, progress)?;
        sealed
            .finish()
            .and_then(|out| out.flush())
            .map_err(|e| Error::system("write the backup", e))?;
        writer.done()?;
        Ok(names.len())
    }

    fn archive(
        &self,
        out: &mut impl Write,
        about: &About,
        items: &[Item],
        progress: &dyn Fn(),
    ) -> Result<()> {
        let modified = u64::try_from(about.created.as_second()).unwrap_or(0);
        let mut put = |path: &str, content: &[u8]| {
            tar::write_entry(out, path, content, modified)
                .map_err(|e| Error::system("write the backup", e))
        };
        put("backup.toml", about.render()?.as_bytes())?;
        for (name, limit) in [("vault.toml", settings::MAX_FILE), ("keys.age", age_file::MAX_FILE)]
        {
            put(
                &format!("vault/{name}"),
                &files::read(&self.dir().join(name), self.guard(), limit)?,
            )?;
        }
        for item in items {
            let dir = format!("vault/items/{}", item.name);
            let meta = files::read(&self.meta_path(&item.name), self.guard(), item::MAX_FILE)?;
            put(&format!("{dir}/meta.toml"), &meta)?;
            self.each_value(item, |file, content| put(&format!("{dir}/{file}"), content))?;
            progress();
        }
        for waiting in self.waiting()? {
            put(&format!("vault/inbox/{}.age", waiting.id), &self.read_deposit(&waiting)?)?;
        }
        tar::write_end(out).map_err(|e| Error::system("write the backup", e))
    }

    /// The value file of each version that still has one, compared with its signed hash.
    pub(crate) fn each_value(
        &self,
        item: &Item,
        mut use_it: impl FnMut(&str, &[u8]) -> Result<()>,
    ) -> Result<()> {
        for version in item.versions.iter().filter(|v| v.destroyed.is_none()) {
            use_it(&version.file, &self.value_file(&item.name, &version.file, &version.sha256)?)?;
        }
        Ok(())
    }
}
