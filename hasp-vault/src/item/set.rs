//! Storing a value: value file, record, `meta.toml` (the commit point), `seen`, in this order, so
//! that a crash anywhere leaves the old state or the new one. The cost does not depend on how many
//! secrets there are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use hasp_audit::EventKind;
use hasp_core::files;
use hasp_core::secret::MAX_VALUE;
use hasp_core::{Class, Error, Kind, Result, Secret, SecretName, Timestamp};
use sha2::{Digest, Sha256};

use crate::code;
use crate::crypto::age_file;
use crate::format::allow::Allow;
use crate::format::events;
use crate::format::item::{Item, State};
use crate::format::rotation::{Every, Recipe};
use crate::format::signed;
use crate::format::version::Version;
use crate::open::unlocked::Unlocked;
use crate::open::writer::Writer;

/// What may be given with a value; what is absent stays as it was.
#[derive(Clone, Debug, Default)]
pub struct SetOptions {
    /// The blast radius.
    pub class: Option<Class>,
    /// How long from now on it may be delivered.
    pub expires: Option<Every>,
    /// How often it should get a new value.
    pub rotate_every: Option<Every>,
    /// How `rotate --due` makes it.
    pub recipe: Option<Recipe>,
    /// Who may ask for it.
    pub allow: Option<Vec<Allow>>,
    /// Whatever its owner writes.
    pub note: Option<String>,
}

impl Unlocked {
    /// Stores a value as the new current version, recorded as `vault.set`; brings a revoked or
    /// destroyed secret back.
    ///
    /// # Errors
    /// `[value-empty]`, `[value-too-large]`, `[value-in-note]`; `[busy]`; `[tampered]` if the
    /// record that is there does not verify.
    pub fn set(
        &self,
        name: &SecretName,
        value: &Secret,
        options: &SetOptions,
        now: Timestamp,
    ) -> Result<Item> {
        check_value(value)?;
        let writer = Writer::begin(self.vault())?;
        let before = self.vault().item_if_present(name)?;
        let mut item = before.unwrap_or_else(|| Item::new(name.clone()));
        options.apply(&mut item, now);
        writer.intend(name)?;
        self.add_version(&mut item, value, now)?;
        let event = events::of_version(EventKind::VaultSet, &item, item.current);
        self.vault().log()?.append(now, &[event])?;
        self.commit(&mut item)?;
        writer.done()?;
        Ok(item)
    }

    /// Writes a value file and makes it the current version, in memory; [`Unlocked::commit`] makes
    /// it so on disk.
    fn add_version(&self, item: &mut Item, value: &Secret, now: Timestamp) -> Result<()> {
        let dir = self.vault().make_item_dir(&item.name)?;
        let path = self.add_version_unflushed(&dir, item, value, now)?;
        files::flush(&path)?;
        self.vault().watch().flush()
    }

    /// As [`Unlocked::add_version`], with the flush left to the caller; the path of the value file.
    pub(crate) fn add_version_unflushed(
        &self,
        dir: &Path,
        item: &mut Item,
        value: &Secret,
        now: Timestamp,
    ) -> Result<PathBuf> {
        refuse_open_rotation(item)?;
        let (number, path) = self.append_version(dir, item, value, now)?;
        item.current = number;
        item.state = State::Active;
        item.forget = None;
        Ok(path)
    }

    /// Writes the value file of one more version, which is not the current one yet; its number, and
    /// the path of the file. Every value that is stored passes here.
    pub(crate) fn append_version(
        &self,
        dir: &Path,
        item: &mut Item,
        value: &Secret,
        now: Timestamp,
    ) -> Result<(u32, PathBuf)> {
        refuse_in_note(item, value)?;
        let file = age_file::encrypt(value, &self.vault().settings().recipients)?;
        let named = write_new(dir, item.next_file, &file)?;
        item.next_file = named + 1;
        let number = item.versions.last().map_or(1, |v| v.number + 1);
        item.versions.push(Version {
            number,
            file: format!("{named}.age"),
            sha256: HEXLOWER.encode(&Sha256::digest(&file)),
            fp: self.fingerprint(value),
            parts: self.part_fingerprints(value)?,
            created: now,
            size: value.len() as u64,
            nul: value.expose().contains(&0),
            destroyed: None,
            retiring: None,
        });
        // Before the commit: a fingerprint without its value does no harm, a value without its
        // fingerprint is not watched.
        self.vault().watch().add(&self.vault().id().to_string(), &item.name, number, value)?;
        Ok((number, dir.join(format!("{named}.age"))))
    }

    /// Signs and writes a secret's record, the commit point, and remembers its serial.
    pub(crate) fn commit(&self, item: &mut Item) -> Result<()> {
        let name = item.name.as_str();
        // Also above what was seen, should the record have been removed since.
        item.serial = item.serial.max(self.vault().seen().highest(signed::ITEM, name)?) + 1;
        let text = self.sign(signed::ITEM, name, item.serial, &item.render()?);
        files::replace(&self.vault().meta_path(&item.name), text.as_bytes())?;
        self.vault().saw(signed::ITEM, name, item.serial)
    }
}

impl SetOptions {
    /// Changes what was given. A new value without an expiry of its own gets the span that the one
    /// before it had.
    pub(crate) fn apply(&self, item: &mut Item, now: Timestamp) {
        let span = item
            .current_version()
            .zip(item.expires)
            .map(|(v, e)| e.as_second() - v.created.as_second());
        let span = span.and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs);
        item.expires = match self.expires {
            Some(Every::Span(span)) => Some(now.after(span)),
            Some(Every::Never) => None,
            None => span.map(|s| now.after(s)),
        };
        item.class = self.class.unwrap_or(item.class);
        match self.rotate_every {
            Some(Every::Span(span)) => item.rotate_every = Some(span),
            Some(Every::Never) => (item.rotate_every, item.recipe) = (None, None),
            None => {}
        }
        item.recipe = self.recipe.clone().or_else(|| item.recipe.take());
        item.allow = self.allow.clone().unwrap_or_else(|| std::mem::take(&mut item.allow));
        item.note = self.note.clone().or_else(|| item.note.take());
    }
}

/// A value that is put beside a staged one would leave that hanging: nobody could say which the
/// provider has.
pub(crate) fn refuse_open_rotation(item: &Item) -> Result<()> {
    let Some(rotation) = &item.rotation else { return Ok(()) };
    let (name, how) = (&item.name, rotation.describe());
    Err(Error::new(Kind::Denied, code::ROTATION_OPEN, format!("{name} is being rotated: {how}"))
        .hint(format!("finish it: hasp-vault rotate {name} --resume"))
        .hint(format!("or give it up: hasp-vault rotate {name} --abort")))
}

/// A note is kept in the clear, and may hold neither the value nor a part that is secret by itself.
/// What is too short to be searched for anywhere may be a common word.
fn refuse_in_note(item: &Item, value: &Secret) -> Result<()> {
    let note = item.note.as_deref().unwrap_or_default().as_bytes();
    let parts = hasp_redact::parts(value.expose()).kept;
    let mut secrets = parts.iter().map(|p| p.bytes.as_slice()).chain([value.expose()]);
    let holds =
        |s: &[u8]| s.len() >= hasp_redact::MIN_VALUE && note.windows(s.len()).any(|w| w == s);
    if !secrets.any(holds) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        code::VALUE_IN_NOTE,
        format!("the note of {} holds its value", item.name),
    )
    .hint(
        "a note is kept in the clear: say what the value is for, for example --note \
         'read-only, nightly job'",
    ))
}

/// Refuses what is no value.
pub fn check_value(value: &Secret) -> Result<()> {
    if value.is_empty() {
        return Err(Error::new(
            Kind::Data,
            code::VALUE_EMPTY,
            "the value is empty: nothing was changed",
        )
        .hint("if the command before the pipe failed, see what it printed"));
    }
    if value.len() > MAX_VALUE {
        let message = format!("the value has {} bytes, more than {MAX_VALUE}", value.len());
        return Err(Error::new(Kind::Data, code::VALUE_TOO_LARGE, message));
    }
    Ok(())
}

/// Writes `<n>.age` under the first number from `number` on that is free: what lies there
/// uncommitted is never overwritten.
pub(crate) fn write_new(dir: &Path, mut number: u32, content: &[u8]) -> Result<u32> {
    loop {
        match files::create_unflushed(&dir.join(format!("{number}.age")), content) {
            Err(e) if e.code() == code::EXISTS => number += 1,
            outcome => return outcome.map(|()| number),
        }
    }
}
