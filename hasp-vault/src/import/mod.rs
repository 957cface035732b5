//! Values from elsewhere: each format gives the same list of keys and values, and of what cannot be
//! taken. All of that is told at once, by place and reason and never by content, so that a file
//! takes one run to be put right and not one a line.

pub mod dotenv;
pub mod guess;
pub mod json;
pub mod naming;
pub mod pass;
pub mod remarks;
pub mod select;

use std::fmt;

use hasp_core::Secret;
use hasp_core::text::printable;

/// The largest input, in bytes.
pub const MAX_INPUT: usize = 64 << 20;
/// How much of a key is shown.
const SHOWN: usize = 60;

/// What an input holds.
#[derive(Debug, Default)]
pub struct Input {
    /// What can be taken, each key once.
    pub entries: Vec<Entry>,
    /// What cannot.
    pub faults: Vec<Fault>,
}

/// One value of an input.
#[derive(Debug)]
pub struct Entry {
    /// The variable of a `.env` file, the path of keys in JSON, the name in a tree.
    pub key: String,
    /// The value.
    pub value: Secret,
    /// What stands in the clear and is worth a remark.
    pub seen: Seen,
}

/// What the reader of a format saw of a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// It holds what a shell would have replaced.
    pub unexpanded: bool,
    /// Where else the key stands: the last of these counts.
    pub places: Vec<usize>,
}

/// Something that cannot be imported.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key that can be left out, where it is known.
    pub key: Option<String>,
    /// Where it stands, such as `line 3`; the key says it if empty.
    pub place: String,
    /// Why, without the value.
    pub reason: String,
    /// What to type about it.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault of one key.
    pub fn of(key: &str, reason: impl Into<String>) -> Fault {
        let (key, reason) = (Some(key.to_owned()), reason.into());
        Fault { key, place: String::new(), reason, hint: None }
    }

    /// A fault of a place.
    pub fn at(place: impl Into<String>, reason: impl Into<String>) -> Fault {
        Fault { key: None, place: place.into(), reason: reason.into(), hint: None }
    }

    /// The same with what to type about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Fault {
        Fault { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_deref().map(shown);
        let parts = [Some(self.place.clone()), key, Some(self.reason.clone())];
        let parts: Vec<String> = parts.into_iter().flatten().filter(|p| !p.is_empty()).collect();
        f.write_str(&parts.join(": "))
    }
}

/// A key as it is shown: cut, and without what a terminal obeys.
pub fn shown(key: &str) -> String {
    printable(key.as_bytes()).chars().take(SHOWN).collect()
}
