//! A backup merged into a vault that is there: what is missing is added, what only went on in the
//! backup is taken, what went on here stays. Where both went on, nobody but a person can decide.

use hasp_audit::EventKind;
use hasp_core::{Error, Kind, Result, SecretName, Timestamp};

use super::restore::Staged;
use crate::code;
use crate::crypto::age_file;
use crate::format::events;
use crate::format::item::Item;
use crate::format::version::Version;
use crate::open::unlocked::Unlocked;
use crate::open::writer::Writer;
use crate::recipients::Reencrypt;

/// What became of each secret in the backup.
#[derive(Debug, Default)]
pub struct Report {
    /// Was not here.
    pub added: Vec<SecretName>,
    /// Had fewer versions here.
    pub updated: Vec<SecretName>,
    /// Has all that the backup has.
    pub kept: Vec<SecretName>,
    /// Went on differently here and in the backup: left as it is here.
    pub conflicts: Vec<SecretName>,
}

impl Unlocked {
    /// Merges a backup of this vault, made under this key or an earlier one; each secret that is
    /// taken is recorded as `vault.restore`.
    ///
    /// # Errors
    /// `[other-vault]`; those of [`Unlocked::set_all`], and nothing is changed then.
    pub fn merge(
        &self,
        staged: &Staged,
        now: Timestamp,
        progress: &(dyn Fn() + Sync),
    ) -> Result<Report> {
        self.refuse_other(staged)?;
        let writer = Writer::begin(self.vault())?;
        let mut report = Report::default();
        let (mut take, mut stale) = (Vec::new(), Vec::new());
        for item in &staged.items {
            let here = self.vault().item_if_present(&item.name)?;
            let Some(mut taken) = self.decide(staged, item, here.as_ref(), &mut report)? else {
                continue;
            };
            if let Some(here) = &here {
                taken.next_file = taken.next_file.max(here.next_file);
                taken.serial = taken.serial.max(here.serial);
                let dir = self.vault().item_dir(&here.name);
                let files = here
                    .versions
                    .iter()
                    .filter(|v| v.destroyed.is_none())
                    .map(|v| dir.join(&v.file));
                stale.extend(files);
            }
            take.push(taken);
        }
        writer.intend_all(take.iter().map(|i| &i.name))?;
        self.take(staged, take, now, progress)?;
        stale.iter().for_each(|path| drop(std::fs::remove_file(path)));
        writer.done()?;
        Ok(report)
    }

    fn refuse_other(&self, staged: &Staged) -> Result<()> {
        let known = self.vault().known();
        let mut keys = std::iter::once(&known.key).chain(known.earlier.iter().map(|e| &e.key));
        if staged.vault.id() == self.vault().id() && keys.any(|k| k == staged.key()) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Denied,
            code::OTHER_VAULT,
            "the backup is one of another vault; nothing was changed",
        )
        .hint(
            "restore it into a home of its own: HASP_HOME=/another/home hasp-vault restore < FILE",
        ))
    }

    /// The record to take, if it is to be taken.
    fn decide(
        &self,
        staged: &Staged,
        item: &Item,
        here: Option<&Item>,
        report: &mut Report,
    ) -> Result<Option<Item>> {
        let Some(here) = here else {
            report.added.push(item.name.clone());
            return Ok(Some(item.clone()));
        };
        let theirs = self.prints(staged, item)?;
        let ours: Vec<(u32, Option<String>)> = here.versions.iter().map(print).collect();
        let within = |part: &[(u32, Option<String>)], whole: &[(u32, Option<String>)]| {
            // A version that was destroyed on one side is the same one on the other.
            part.iter().all(|(n, fp)| {
                whole
                    .iter()
                    .any(|(m, other)| m == n && (fp == other || fp.is_none() || other.is_none()))
            })
        };
        if within(&theirs, &ours) {
            report.kept.push(item.name.clone());
            return Ok(None);
        }
        if within(&ours, &theirs) {
            report.updated.push(item.name.clone());
            return Ok(Some(item.clone()));
        }
        report.conflicts.push(item.name.clone());
        Ok(None)
    }

    /// The fingerprints of a backup's versions under the current key: those in it may be from an
    /// earlier one.
    fn prints(&self, staged: &Staged, item: &Item) -> Result<Vec<(u32, Option<String>)>> {
        if staged.key() == self.vault().record_key() {
            return Ok(item.versions.iter().map(print).collect());
        }
        let one = |version: &Version| {
            if version.destroyed.is_some() {
                return Ok((version.number, None));
            }
            let file = staged.vault.value_file(&item.name, &version.file, &version.sha256)?;
            let value = age_file::decrypt(&file, self.identity().keys())?;
            Ok((version.number, Some(self.fingerprint(&value))))
        };
        item.versions.iter().map(one).collect()
    }

    fn take(
        &self,
        staged: &Staged,
        take: Vec<Item>,
        now: Timestamp,
        progress: &(dyn Fn() + Sync),
    ) -> Result<()> {
        if take.is_empty() {
            return Ok(());
        }
        let work = Reencrypt {
            from: &staged.vault,
            to: self.vault(),
            identities: self.identity().keys(),
            recipients: &self.vault().settings().recipients,
            keys: self.keys(),
            progress,
        };
        let renewed = work.all(take)?;
        let fresh: Vec<_> = renewed.iter().flat_map(|r| r.fresh(self.vault())).collect();
        let mut items: Vec<Item> = renewed.into_iter().map(|r| r.item).collect();
        let recorded: Vec<_> = items
            .iter()
            .map(|i| events::of_version(EventKind::VaultRestore, i, i.current))
            .collect();
        let committed = self.commit_all(&mut items, &recorded, now);
        if committed.is_err() {
            self.remove_uncommitted(&fresh);
        }
        committed
    }
}

fn print(version: &Version) -> (u32, Option<String>) {
    (version.number, version.destroyed.is_none().then(|| version.fp.clone()))
}
