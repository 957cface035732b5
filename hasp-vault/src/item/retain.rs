//! What `policy.toml` does not keep any longer: which versions and secrets that is, and their end.
//! The current version of a secret that can be delivered is never among it, nor one that a rotation
//! still needs.

use hasp_audit::{EventKind, Retention};
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
            State::Revoked { at, .. } => kept.revoked().is_some_and(|span| at.after(span) <= now),
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
            let long_ago = kept.superseded().is_some_and(|span| replaced.after(span) <= now);
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
    /// Destroys what of a secret is overdue; recorded as `vault.destroy`, each version. What that is
    /// is looked at anew: another tool may have written meanwhile.
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::format::rotation::Retiring;
    use crate::format::version::tests::version;
    use hasp_core::Class;
    use proptest::prelude::*;

    const DAY: i64 = 86400;

    fn day(n: i64) -> Timestamp {
        Timestamp::from_second(n * DAY)
    }

    /// A secret with a version a day, the last of which is the current one.
    fn item(versions: u32) -> Item {
        let mut item = Item::new("a/b".parse().unwrap());
        for number in 1..=versions {
            let mut one = version(number);
            one.created = day(i64::from(number));
            item.versions.push(one);
        }
        (item.current, item.next_file) = (versions, versions + 1);
        item
    }

    fn kept(text: &str) -> Retention {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_oldest_go_and_the_current_one_stays() {
        let five = kept("versions = 5");
        assert_eq!(Overdue::of(&item(5), &five, day(99)), Overdue::Nothing);
        assert_eq!(Overdue::of(&item(7), &five, day(99)), Overdue::Versions(vec![1, 2]));
        assert_eq!(Overdue::of(&item(3), &kept("versions = 1"), day(99)), Overdue::Versions(vec![1, 2]));
        // Version 2 was replaced on day 3.
        let month = kept("superseded = \"30d\"");
        assert_eq!(Overdue::of(&item(4), &month, day(33)), Overdue::Versions(vec![1, 2]));
        assert_eq!(Overdue::of(&item(1), &month, day(999)), Overdue::Nothing);
        assert_eq!(Overdue::of(&item(9), &Retention::default(), day(999)), Overdue::Nothing);
    }

    #[test]
    fn what_a_rotation_needs_stays() {
        let one = kept("versions = 1");
        let mut retiring = item(3);
        retiring.versions[0].retiring = Some(Retiring { after: day(9), program: None });
        assert_eq!(Overdue::of(&retiring, &one, day(99)), Overdue::Versions(vec![2]));
    }

    #[test]
    fn a_revoked_secret_goes_after_its_term() {
        let month = kept("revoked = \"30d\"");
        let mut revoked = item(2);
        revoked.state = State::Revoked { at: day(10), reason: String::new() };
        assert_eq!(Overdue::of(&revoked, &month, day(39)), Overdue::Nothing);
        assert_eq!(Overdue::of(&revoked, &month, day(40)), Overdue::All);
        revoked.state = State::Destroyed { at: day(10) };
        assert_eq!(Overdue::of(&revoked, &month, day(99)), Overdue::Nothing);
        assert_eq!(revoked.class, Class::default());
    }

    proptest! {
        #[test]
        fn the_current_version_is_never_overdue(
            versions in 1u32..40,
            current in 1u32..40,
            gone: Vec<u8>,
            keep in prop::option::of(1u32..8),
            superseded in prop::option::of(1u32..50),
            now in 0i64..2000,
        ) {
            let mut item = item(versions);
            item.current = current.min(versions);
            for n in gone {
                let at = usize::from(n) % item.versions.len();
                if item.versions[at].number != item.current {
                    item.versions[at].destroyed = Some(day(1));
                }
            }
            let text = keep.map(|n| format!("versions = {n}\n")).unwrap_or_default()
                + &superseded.map(|n| format!("superseded = \"{n}d\"\n")).unwrap_or_default();
            if let Overdue::Versions(numbers) = Overdue::of(&item, &kept(&text), day(now)) {
                prop_assert!(numbers.iter().all(|n| *n < item.current));
                for number in &numbers {
                    prop_assert!(item.version(*number).is_ok(), "it has a value");
                }
            }
            let old = item.versions.iter().filter(|v| v.number < item.current && v.destroyed.is_none());
            if let (Some(keep), None) = (keep, superseded) {
                let expected = old.count().saturating_sub(keep as usize - 1);
                let found = match Overdue::of(&item, &kept(&text), day(now)) {
                    Overdue::Versions(numbers) => numbers.len(),
                    _ => 0,
                };
                prop_assert_eq!(found, expected);
            }
        }
    }
}
