//! What a record says of values that were let out or asked for in vain, read without the rest of
//! it: after an incident a question may go through every record there is.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::record::Use;
use crate::record::kind::{self, EventKind};

/// A record of hasp itself that names secrets.
#[derive(Debug, Deserialize)]
pub struct Naming<'a> {
    n: u64,
    #[serde(borrow, default)]
    event: Cow<'a, str>,
    of: Option<u64>,
    #[serde(borrow, rename = "for")]
    about: Option<Cow<'a, str>>,
    #[serde(borrow)]
    via: Option<Cow<'a, str>>,
    #[serde(borrow)]
    secret: Option<Cow<'a, str>>,
    version: Option<u64>,
    #[serde(borrow, default)]
    secrets: Vec<Named<'a>>,
    secrets_items: Option<IgnoredAny>,
    asker_items: Option<IgnoredAny>,
    count: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    version: Option<u64>,
}

impl<'a> Naming<'a> {
    /// Reads a line; `None` if it is none, or came through the plumbing.
    pub fn read(line: &'a [u8]) -> Option<Naming<'a>> {
        let read: Naming = serde_json::from_slice(line).ok()?;
        (read.via.as_deref() != Some("append")).then_some(read)
    }

    /// The record's number, or that of the record it is a part of.
    pub fn whole(&self) -> u64 {
        self.of.unwrap_or(self.n)
    }

    /// Whether who asked, or for what, stands in other records too.
    pub fn is_split(&self) -> bool {
        self.of.is_some() || self.secrets_items.is_some() || self.asker_items.is_some()
    }

    /// The event that it is, or is a part of.
    pub fn event(&self) -> &str {
        let about = self.about.as_deref().filter(|_| self.of.is_some());
        about.unwrap_or(&self.event)
    }

    /// That event, if it let values out.
    pub fn release(&self) -> Option<EventKind> {
        EventKind::of(self.event()).filter(|kind| kind.releases())
    }

    /// For how many refusals it stands; none if it is no refusal.
    pub fn refusals(&self) -> u64 {
        if kind::is_denial(self.event()) { self.count.unwrap_or(1) } else { 0 }
    }

    /// Each secret version that it names: name and number.
    pub fn uses(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        let own = self.secret.as_deref().map(|name| (name, self.version));
        let listed = self.secrets.iter().filter_map(|s| Some((s.name.as_deref()?, s.version)));
        own.into_iter().chain(listed)
    }
}

/// Secret versions, each once however often it is taken in.
#[derive(Debug, Default)]
pub struct Versions(std::collections::BTreeMap<String, std::collections::BTreeSet<Option<u64>>>);

impl Versions {
    /// Takes one in.
    pub fn insert(&mut self, name: &str, version: Option<u64>) {
        match self.0.get_mut(name) {
            Some(versions) => drop(versions.insert(version)),
            None => drop(self.0.insert(name.to_owned(), [version].into())),
        }
    }

    /// Takes in those of another.
    pub fn extend(&mut self, other: Versions) {
        for (name, versions) in other.0 {
            self.0.entry(name).or_default().extend(versions);
        }
    }

    /// All of them, sorted.
    pub fn into_uses(self) -> impl Iterator<Item = Use> {
        let uses = |(name, versions): (String, std::collections::BTreeSet<Option<u64>>)| {
            versions.into_iter().map(move |version| Use { name: name.clone(), version })
        };
        self.0.into_iter().flat_map(uses)
    }
}

#[cfg(test)]
mod tests;
