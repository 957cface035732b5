//! `meta.toml`: what is known of one secret without opening it. A version counts only while this
//! signed record names its file and the SHA-256 of that file.

use std::time::Duration;

use hasp_core::text::printable;
use hasp_core::{Class, Error, Kind, Result, SecretName, Timestamp};

use super::allow::Allow;
use super::rotation::{Recipe, Rotation};
use super::version::Version;

use crate::code;

/// The longest `meta.toml`: some ten thousand versions.
pub const MAX_FILE: usize = 4 << 20;

/// A secret's record.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its name.
    pub name: SecretName,
    /// Rises by one with each change.
    pub serial: u64,
    /// The blast radius.
    pub class: Class,
    /// Whether it can be delivered at all.
    pub state: State,
    /// From this moment on it is not delivered.
    pub expires: Option<Timestamp>,
    /// How often it should get a new value.
    pub rotate_every: Option<Duration>,
    /// Who may ask for it; anybody with a binding if empty.
    pub allow: Vec<Allow>,
    /// Whatever its owner wrote.
    pub note: Option<String>,
    /// When the record of a destroyed secret may be removed as well.
    pub forget: Option<Timestamp>,
    /// How `rotate --due` exchanges the value by itself.
    pub recipe: Option<Recipe>,
    /// An exchange that has begun and not come to its end.
    pub rotation: Option<Rotation>,
    /// The number of the current version; 0 if there is none.
    pub current: u32,
    /// The number of the next value file: a file name is never used twice.
    pub next_file: u32,
    /// All versions, oldest first.
    pub versions: Vec<Version>,
}

/// Whether a secret can be delivered.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Yes.
    Active,
    /// No, since then and for this reason; a new value brings it back.
    Revoked {
        /// Since when.
        at: Timestamp,
        /// Why and by whom, as it was given.
        reason: String,
    },
    /// No: its values are gone.
    Destroyed {
        /// Since when.
        at: Timestamp,
    },
}

impl Item {
    /// A secret without a value.
    pub fn new(name: SecretName) -> Item {
        Item {
            name,
            serial: 0,
            class: Class::default(),
            state: State::Active,
            expires: None,
            rotate_every: None,
            allow: Vec::new(),
            note: None,
            forget: None,
            recipe: None,
            rotation: None,
            current: 0,
            next_file: 1,
            versions: Vec::new(),
        }
    }

    /// The version that can be granted.
    pub fn current_version(&self) -> Option<&Version> {
        self.version(self.current).ok()
    }

    /// A version that still has its value.
    ///
    /// # Errors
    /// `[version-unknown]`, `[secret-destroyed]`.
    pub fn version(&self, number: u32) -> Result<&Version> {
        let name = &self.name;
        if let (State::Destroyed { at }, 0) = (&self.state, self.current) {
            return Err(destroyed(format!("{name} was destroyed on {}", at.local())));
        }
        let found = self.versions.iter().find(|v| v.number == number).ok_or_else(|| {
            Error::new(
                Kind::Missing,
                code::VERSION_UNKNOWN,
                format!("{name} has no version {number}"),
            )
            .hint(format!("hasp-vault history {name}"))
        })?;
        match found.destroyed {
            Some(at) => Err(destroyed(format!(
                "version {number} of {name} was destroyed on {}",
                at.local()
            ))
            .hint(format!("see which there are: hasp-vault history {name}"))),
            None => Ok(found),
        }
    }

    /// The current version, if it may be delivered now.
    ///
    /// # Errors
    /// `[secret-destroyed]`, `[secret-revoked]`, `[secret-expired]`, all `Kind::Denied`.
    pub fn deliverable(&self, now: Timestamp) -> Result<&Version> {
        self.deliverable_version(self.current, now)
    }

    /// The version before the current one that still has its value.
    ///
    /// # Errors
    /// `[version-unknown]`.
    pub fn previous(&self) -> Result<u32> {
        let older = |v: &&Version| v.number < self.current && v.destroyed.is_none();
        self.versions.iter().rev().find(older).map(|v| v.number).ok_or_else(|| {
            let name = &self.name;
            let message = format!("{name} has no version before the current one");
            Error::new(Kind::Missing, code::VERSION_UNKNOWN, message)
                .hint(format!("hasp-vault history {name}"))
        })
    }

    /// This version, if the secret may be delivered now and it has not been destroyed.
    ///
    /// # Errors
    /// As [`Item::deliverable`], and `[version-unknown]`.
    pub fn deliverable_version(&self, number: u32, now: Timestamp) -> Result<&Version> {
        let name = &self.name;
        if let State::Revoked { at, reason } = &self.state {
            let why = printable(reason.as_bytes());
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let message = format!("{name} was revoked on {}{why}", at.local());
            return Err(Error::new(Kind::Denied, code::SECRET_REVOKED, message)
                .hint("it is still good at the provider until it is changed there")
                .hint(format!(
                    "when it is changed there, store the new value: hasp-vault rotate {name}"
                )));
        }
        let version = self.version(number)?;
        if self.expired(now) {
            let since = self.expires.map(Timestamp::local).unwrap_or_default();
            return Err(Error::new(
                Kind::Denied,
                code::SECRET_EXPIRED,
                format!("{name} has expired on {since}"),
            )
            .hint(format!("put a new value in its place: hasp-vault set {name} --expires 90d")));
        }
        Ok(version)
    }

    /// The version that waits to become the current one.
    pub fn staged(&self) -> Option<u32> {
        self.rotation.as_ref().and_then(|r| r.staged)
    }

    /// Old versions whose time to be taken back has come.
    pub fn to_retire(&self, now: Timestamp) -> Vec<u32> {
        let due = |v: &&Version| v.retiring.as_ref().is_some_and(|r| r.after <= now);
        self.versions.iter().filter(due).map(|v| v.number).collect()
    }

    /// Whether its time is over; at the very second of `expires` it is.
    pub fn expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|e| e <= now)
    }

    /// When it should get its next value.
    pub fn due(&self) -> Option<Timestamp> {
        let every = self.rotate_every?;
        if self.state != State::Active {
            return None;
        }
        self.current_version().map(|v| v.created.after(every))
    }

    /// One word for tables: `active`, `expired`, `revoked` or `destroyed`.
    pub fn state_word(&self, now: Timestamp) -> &'static str {
        match self.state {
            State::Destroyed { .. } => "destroyed",
            State::Revoked { .. } => "revoked",
            State::Active if self.expired(now) => "expired",
            State::Active => "active",
        }
    }

    /// Numbers rise, file names are ours, hashes are hashes: what is read here becomes paths and
    /// comparisons.
    pub(super) fn sound(&self) -> bool {
        let rising = self.versions.windows(2).all(|w| w[0].number < w[1].number);
        let current = self.current == 0 || self.versions.iter().any(|v| v.number == self.current);
        let staged =
            self.rotation.as_ref().is_none_or(|r| r.staged.is_none_or(|n| self.holds_staged(n)));
        let retiring =
            self.versions.iter().all(|v| v.retiring.is_none() || v.number != self.current);
        rising
            && current
            && staged
            && retiring
            && self.versions.iter().all(|v| v.sound(self.next_file))
    }

    fn holds_staged(&self, number: u32) -> bool {
        number != self.current
            && self.versions.iter().any(|v| v.number == number && v.destroyed.is_none())
    }
}

fn destroyed(message: String) -> Error {
    Error::new(Kind::Denied, code::SECRET_DESTROYED, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
