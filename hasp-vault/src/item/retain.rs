//! What `policy.toml` does not keep any longer: which versions and secrets that is, and their end.
//! The current version of a secret that can be delivered is never among it, nor one that a rotation
//! still needs.

use hasp_audit::EventKind;
use hasp_core::policy::Retention;
use hasp_core::{Result, SecretName, Timestamp, files};

use crate::format::events;
use crate::format::item::{Item, State};
use crate::item::revoke::{mark, remove};
use crate::open::unlocked::Unlocked;
use crate::open::writer::Writer;

/// Why the event of a destruction stands on record: nobody asked for this one.
const WHY: &str = "retention";

/// What of a secret is kept no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// Nothing.
    Nothing,
    /// These old versions, oldest first.
    Versions(Vec<u32>),
    /// All of it: it was revoked long enough ago.
    All,
}

impl Overdue {
    /// Of this secret, at this moment.
    pub(crate) fn of(item: &Item, kept: &Retention, now: Timestamp) -> Overdue {
        let revoked = match &item.state {
            State::Revoked { at, .. } => kept.revoked.is_some_and(|span| at.after(span) <= now),
            State::Active => false,
            State::Destroyed { .. } => return Overdue::Nothing,
        };
        if revoked && item.rotation.is_none() {
            return Overdue::All;
        }
        let old = old_versions(item);
        let room = kept.versions.map(|n| n.get() as usize - 1);
        let too_many = room.map_or(0, |room| old.len().saturating_sub(room));
        let over = |(place, (_, replaced)): &(usize, (u32, Timestamp))| {
            let long_ago = kept.superseded.is_some_and(|span| replaced.after(span) <= now);
            *place < too_many || long_ago
        };
        let over: Vec<u32> =
            old.into_iter().enumerate().filter(over).map(|(_, (number, _))| number).collect();
        if over.is_empty() { Overdue::Nothing } else { Overdue::Versions(over) }
    }

    /// In words, for a list.
    pub(crate) fn phrase(&self) -> Option<String> {
        match self {
            Overdue::Nothing => None,
            Overdue::All => Some("revoked, and kept no longer".to_owned()),
            Overdue::Versions(numbers) => {
                let shown: Vec<String> = numbers.iter().map(u32::to_string).collect();
                let word = if numbers.len() == 1 { "version" } else { "versions" };
                Some(format!("{word} {} kept no longer", shown.join(", ")))
            }
        }
    }
}

/// The versions before the current one that still have a value, oldest first, each with the moment
/// from which another stood in its place. What waits to be taken back at the provider is not among
/// them: the program that does it is given the value.
fn old_versions(item: &Item) -> Vec<(u32, Timestamp)> {
    let needed = |number| item.staged() == Some(number) || item.rotation.is_some();
    let held = |number| item.versions.iter().any(|v| v.number == number && v.retiring.is_some());
    let pairs = item.versions.windows(2).map(|pair| (&pair[0], pair[1].created));
    pairs
        .filter(|(version, _)| version.number < item.current && version.destroyed.is_none())
        .filter(|(version, _)| !needed(version.number) && !held(version.number))
        .map(|(version, replaced)| (version.number, replaced))
        .collect()
}

impl Unlocked {
    /// Destroys what of a secret is overdue; recorded as `vault.destroy`, each version. What that
    /// is, is looked at anew: another tool may have written meanwhile.
    ///
    /// # Errors
    /// As [`Unlocked::destroy`].
    pub(crate) fn destroy_overdue(
        &self,
        name: &SecretName,
        kept: &Retention,
        now: Timestamp,
    ) -> Result<Overdue> {
        let writer = Writer::begin(self.vault())?;
        let mut item = self.vault().item(name)?;
        let overdue = Overdue::of(&item, kept, now);
        let versions: Vec<Option<u32>> = match &overdue {
            Overdue::Nothing => return Ok(overdue),
            Overdue::Versions(numbers) => numbers.iter().copied().map(Some).collect(),
            Overdue::All => vec![None],
        };
        let (mut files, mut recorded) = (Vec::new(), Vec::new());
        for version in versions {
            files.extend(mark(&mut item, version, now)?);
            let event = events::of_secret(EventKind::VaultDestroy, name).maybe("version", version);
            recorded.push(event.field("class", item.class.as_str()).field("why", WHY));
        }
        writer.intend(name)?;
        self.vault().log()?.append(now, &recorded)?;
        self.commit(&mut item)?;
        let dir = self.vault().item_dir(name);
        files.into_iter().try_for_each(|file| remove(dir.join(file)))?;
        files::sync_parent(&dir.join("meta.toml"))?;
        writer.done()?;
        Ok(overdue)
    }
}

#[cfg(test)]
mod tests;
