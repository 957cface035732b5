//! `meta.toml`: what is known of one secret without opening it. A version counts only while this
//! signed record names its file and the SHA-256 of that file.

use std::time::Duration;

use hasp_core::text::printable;
use hasp_core::time::{duration_text, parse_duration};
use hasp_core::{Class, Error, Kind, Result, SecretName, Timestamp};
use serde::{Deserialize, Serialize};

use super::allow::Allow;
use super::rotation::{Plan, Rotation};
use super::version::Version;

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
    pub recipe: Option<Plan>,
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
            Error::new(Kind::Missing, "version-unknown", format!("{name} has no version {number}"))
                .hint(format!("hasp-vault history {name}"))
        })?;
        match found.destroyed {
            Some(at) => Err(destroyed(format!(
                "version {number} of {name} was destroyed on {}",
                at.local()
            ))),
            None => Ok(found),
        }
    }

    /// The current version, if it may be delivered now.
    ///
    /// # Errors
    /// `[secret-destroyed]`, `[secret-revoked]`, `[secret-expired]`, all `Kind::Denied`.
    pub fn deliverable(&self, now: Timestamp) -> Result<&Version> {
        let name = &self.name;
        if let State::Revoked { at, reason } = &self.state {
            let why = printable(reason.as_bytes());
            let why = if why.is_empty() { String::new() } else { format!(": {why}") };
            let message = format!("{name} was revoked on {}{why}", at.local());
            return Err(Error::new(Kind::Denied, "secret-revoked", message)
                .hint("it is still good at the provider until it is changed there")
                .hint(format!(
                    "when it is changed there, store the new value: hasp-vault rotate {name}"
                )));
        }
        let version = self.version(self.current)?;
        if self.expired(now) {
            let since = self.expires.map(Timestamp::local).unwrap_or_default();
            return Err(Error::new(
                Kind::Denied,
                "secret-expired",
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

    /// Reads a record's body.
    ///
    /// # Errors
    /// `None` for a body that is not in the form that [`Item::render`] writes.
    pub fn parse(name: &SecretName, body: &str) -> Option<Item> {
        let body: Body = toml::from_str(body).ok()?;
        body.into_item(name.clone()).filter(Item::sound)
    }

    /// The body as it is signed.
    pub fn render(&self) -> Result<String> {
        toml::to_string(&Body::of(self)).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))
    }

    /// Numbers rise, file names are ours, hashes are hashes: what is read here becomes paths and
    /// comparisons.
    fn sound(&self) -> bool {
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
    Error::new(Kind::Denied, "secret-destroyed", message)
}

/// The TOML of a record; plain values first, tables last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    serial: u64,
    class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotate_every: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<Allow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forget: Option<Timestamp>,
    current: u32,
    next_file: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<Revoked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destroyed: Option<Destroyed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipe: Option<Plan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
    #[serde(default, rename = "version", skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Version>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    at: Timestamp,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destroyed {
    at: Timestamp,
}

impl Body {
    fn of(item: &Item) -> Body {
        let (revoked, destroyed) = match &item.state {
            State::Active => (None, None),
            State::Revoked { at, reason } => {
                (Some(Revoked { at: *at, reason: reason.clone() }), None)
            }
            State::Destroyed { at } => (None, Some(Destroyed { at: *at })),
        };
        Body {
            serial: item.serial,
            class: item.class,
            expires: item.expires,
            rotate_every: item.rotate_every.map(duration_text),
            allow: item.allow.clone(),
            note: item.note.clone(),
            forget: item.forget,
            current: item.current,
            next_file: item.next_file,
            revoked,
            destroyed,
            recipe: item.recipe.clone(),
            rotation: item.rotation.clone(),
            versions: item.versions.clone(),
        }
    }

    fn into_item(self, name: SecretName) -> Option<Item> {
        let state = match (self.revoked, self.destroyed) {
            (None, None) => State::Active,
            (Some(r), None) => State::Revoked { at: r.at, reason: r.reason },
            (None, Some(d)) => State::Destroyed { at: d.at },
            (Some(_), Some(_)) => return None,
        };
        let rotate_every = self.rotate_every.map(|t| parse_duration(&t)).transpose().ok()?;
        Some(Item {
            name,
            serial: self.serial,
            class: self.class,
            state,
            expires: self.expires,
            rotate_every,
            allow: self.allow,
            note: self.note,
            forget: self.forget,
            recipe: self.recipe,
            rotation: self.rotation,
            current: self.current,
            next_file: self.next_file,
            versions: self.versions,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests {
    use super::*;
    use crate::format::version::tests::version;
    use proptest::prelude::*;

    pub(crate) fn item() -> Item {
        Item {
            serial: 4,
            current: 2,
            next_file: 3,
            versions: vec![version(1), version(2)],
            ..Item::new("db/url".parse().unwrap())
        }
    }

    pub(crate) fn read(body: &str) -> Option<Item> {
        Item::parse(&"db/url".parse().unwrap(), body)
    }

    #[test]
    fn read_back() {
        let full = Item {
            class: Class::Critical,
            expires: Some(Timestamp::from_second(1_800_000_000)),
            rotate_every: Some(Duration::from_secs(30 * 86400)),
            allow: vec!["api:test".parse().unwrap()],
            note: Some("line\n\"serial = 9\"\n'''\u{1b}".into()),
            state: State::Revoked { at: Timestamp::from_second(1), reason: "leaked".into() },
            ..item()
        };
        let gone = Item {
            state: State::Destroyed { at: Timestamp::from_second(1) },
            current: 0,
            ..item()
        };
        for written in [item(), full, gone] {
            let body = written.render().unwrap();
            assert!(body.starts_with("serial = 4\n"));
            assert_eq!(read(&body), Some(written));
        }
    }

    #[test]
    fn unsound_records_are_refused() {
        let good = item().render().unwrap();
        assert!(read(&good).is_some());
        for (from, to) in [
            ("2.age", "../2.age"),
            ("2.age", "02.age"),
            ("2.age", "3.age"),
            ("number = 2", "number = 1"),
            ("current = 2", "current = 3"),
            ("aaaa", "AAAA"),
            ("class = \"medium\"", "class = \"none\""),
            ("serial = 4", "serial = 4\nunknown = 1"),
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20+00:00"),
        ] {
            assert!(read(&good.replacen(from, to, 1)).is_none() || !good.contains(from), "{to}");
            assert!(good.contains(from), "{from}");
        }
    }

    #[test]
    fn what_may_not_be_delivered_says_why() {
        let now = Timestamp::from_second(1_750_000_000);
        assert_eq!(item().deliverable(now).unwrap().number, 2);
        let expired = Item { expires: Some(now), ..item() };
        let revoked = Item { state: State::Revoked { at: now, reason: "leaked".into() }, ..item() };
        let gone = Item { state: State::Destroyed { at: now }, current: 0, ..item() };
        for (item, code) in
            [(expired, "secret-expired"), (revoked, "secret-revoked"), (gone, "secret-destroyed")]
        {
            let error = item.deliverable(now).unwrap_err();
            assert_eq!((error.code().as_str(), error.kind()), (code, Kind::Denied));
        }
        let later = Item { expires: Some(now.after(Duration::from_secs(1))), ..item() };
        assert!(later.deliverable(now).is_ok());
    }

    #[test]
    fn due_counts_from_the_current_version() {
        let item = Item { rotate_every: Some(Duration::from_secs(60)), ..item() };
        assert_eq!(item.due(), Some(Timestamp::from_second(1_700_000_060)));
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text in "\\PC{0,120}") {
            let _ = read(&text);
        }
    }
}
