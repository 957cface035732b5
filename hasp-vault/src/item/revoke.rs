//! Taking secrets back: revoked ones keep their value and are not delivered, destroyed ones lose
//! their value files and keep a record that says so, forgotten ones lose that too.

use std::path::PathBuf;

use hasp_audit::EventKind;
use hasp_core::{Error, Kind, Result, SecretName, Timestamp, files};

use crate::code;
use crate::format::events;
use crate::format::item::{Item, State};
use crate::format::signed;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

/// A secret that was revoked.
#[derive(Debug)]
pub struct Revoked {
    /// Its record now.
    pub item: Item,
    /// Why that is not on record, if it is not.
    pub unrecorded: Option<Error>,
}

impl Unlocked {
    /// Makes a secret undeliverable from now on, for this reason; recorded as `vault.revoke`. One
    /// that was revoked before stays as it is. It is the one change that does not wait for the
    /// record: nothing is let out by it, and in an incident the record may be what is gone.
    ///
    /// # Errors
    /// `[secret-destroyed]`; `[value-in-reason]`, since a reason is kept in the clear.
    pub fn revoke(&self, name: &SecretName, reason: &str, now: Timestamp) -> Result<Revoked> {
        let writer = Writer::begin(self.vault())?;
        let mut item = self.vault().item(name)?;
        let version = item.version(item.current)?;
        if self.holds_value(&[reason.as_bytes()], version)? {
            return Err(Error::new(
                Kind::Denied,
                code::VALUE_IN_REASON,
                format!("the reason holds the value of {name}"),
            )
            .hint(
                "a reason is kept in the record: give one without the value, for example \
                 --reason 'seen in a log'",
            ));
        }
        if let State::Revoked { .. } = item.state {
            return Ok(Revoked { item, unrecorded: None });
        }
        item.state = State::Revoked { at: now, reason: reason.to_owned() };
        writer.intend(name)?;
        let event =
            events::of_version(EventKind::VaultRevoke, &item, item.current).field("reason", reason);
        let recorded = self.vault().log().and_then(|log| log.append(now, &[event]));
        self.commit(&mut item)?;
        writer.done()?;
        Ok(Revoked { item, unrecorded: recorded.err() })
    }

    /// Removes the value files of one version, or of all; recorded as `vault.destroy`. The record
    /// is committed first: what a crash leaves of the files goes with the next write.
    ///
    /// # Errors
    /// `[version-current]` for the current version alone, `[version-unknown]`,
    /// `[secret-destroyed]`.
    pub fn destroy(
        &self,
        name: &SecretName,
        version: Option<u32>,
        forget: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Item> {
        let writer = Writer::begin(self.vault())?;
        let mut item = self.vault().item(name)?;
        let files = mark(&mut item, version, now)?;
        if version.is_none() {
            item.forget = forget;
        }
        writer.intend(name)?;
        let event = events::of_secret(EventKind::VaultDestroy, name)
            .maybe("version", version)
            .field("class", item.class.as_str());
        self.vault().log()?.append(now, &[event])?;
        self.commit(&mut item)?;
        let dir = self.vault().item_dir(name);
        for file in files {
            remove(dir.join(file))?;
        }
        files::sync_parent(&dir.join("meta.toml"))?;
        writer.done()?;
        Ok(item)
    }
}

impl Vault {
    /// Removes the record of a destroyed secret whose time has come; recorded as `vault.forget`.
    /// Needs no keys: the time is signed.
    ///
    /// # Errors
    /// `[not-due]` before that time, or for a secret that was not destroyed to be forgotten.
    pub fn forget(&self, name: &SecretName, now: Timestamp) -> Result<()> {
        let writer = Writer::begin(self)?;
        let item = self.item(name)?;
        if item.forget.is_none_or(|at| at > now) || !matches!(item.state, State::Destroyed { .. }) {
            return Err(Error::new(
                Kind::Denied,
                code::NOT_DUE,
                format!("{name} is not to be forgotten yet"),
            ));
        }
        writer.intend(name)?;
        self.log()?.append(now, &[events::of_secret(EventKind::VaultForget, name)])?;
        let dir = self.item_dir(name);
        remove(dir.join("meta.toml"))?;
        // Stays if names below it are secrets too.
        let _ = std::fs::remove_dir(&dir);
        files::sync_parent(&dir)?;
        self.seen().forget(signed::ITEM, name.as_str())?;
        self.watch().forget(&self.id().to_string(), name)?;
        self.forget_programs(name)?;
        writer.done()
    }
}

/// Marks versions as destroyed; the names of their files.
pub(super) fn mark(item: &mut Item, version: Option<u32>, now: Timestamp) -> Result<Vec<String>> {
    let name = &item.name;
    match version {
        Some(number) if number == item.current => {
            return Err(Error::new(
                Kind::Denied,
                code::VERSION_CURRENT,
                format!("version {number} is the current one of {name}"),
            )
            .hint(format!("put a new value in its place first: hasp-vault set {name}"))
            .hint(format!("or destroy all of it: hasp-vault destroy {name}")));
        }
        Some(number) if item.staged() == Some(number) => return Err(version_staged(name, number)),
        Some(number) => drop(item.version(number)?),
        None => {
            item.state = State::Destroyed { at: now };
            item.current = 0;
            item.rotation = None;
            item.recipe = None;
        }
    }
    let hit = item
        .versions
        .iter_mut()
        .filter(|v| v.destroyed.is_none() && version.is_none_or(|n| v.number == n));
    let files = hit.map(|v| {
        v.destroyed = Some(now);
        v.retiring = None;
        v.file.clone()
    });
    Ok(files.collect())
}

fn version_staged(name: &SecretName, number: u32) -> Error {
    Error::new(
        Kind::Denied,
        code::VERSION_STAGED,
        format!("version {number} of {name} is staged to become the current one"),
    )
    .hint(format!("give it up with: hasp-vault rotate {name} --abort"))
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: PathBuf) -> Result<()> {
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &path, e)),
        _ => Ok(()),
    }
}
