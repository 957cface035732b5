//! Parts of a value that are secret by themselves: the password in a URL, the key in a JSON
//! document. Drivers and loggers print them without the rest. One rule for the filter, the scan,
//! the watch, the hooks, masking by a CI system and the record, written in hasp-redact(1): a part
//! whose name says that it is secret counts from 6 bytes on, any other if it looks drawn at random.

mod container;
pub(crate) mod danger;
pub(crate) mod entropy;
mod fields;
mod json;
mod name;
mod random;
mod url;

use zeroize::Zeroizing;

use danger::{MIN_VALUE, Reason};
use name::Says;

/// The most parts of a value that are looked for: each costs as much as a value.
pub(crate) const MOST: usize = 64;

/// JSON in a line of dotenv, a URL in that.
const DEPTH: usize = 3;

/// Where in a value a part stands. The names of fields are not kept: in a value that was misread
/// they are pieces of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Between `//` and `@` of a URL.
    Url,
    /// A string of a JSON document.
    Json,
    /// What follows a name and `=` or `:`.
    Field,
    /// The fifth field of a line of pgpass.
    Pgpass,
    /// What follows the word `password` in netrc.
    Netrc,
    /// What a `user:password` in base64 holds.
    Basic,
    /// A number of a private key, as every container of that key holds it.
    Key,
}

impl Place {
    /// In words that follow the name of a value.
    pub fn words(self) -> &'static str {
        match self {
            Place::Url => "the password in its URL",
            Place::Json => "a string in its JSON",
            Place::Field => "a field in it",
            Place::Pgpass => "a password of pgpass in it",
            Place::Netrc => "a password of netrc in it",
            Place::Basic => "the password in its user:password",
            Place::Key => "a secret number of its private key",
        }
    }
}

/// A part of a value that is secret by itself.
pub struct Part {
    /// Where it stands.
    pub place: Place,
    /// Its bytes, decoded.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Part({:?}, {} bytes)", self.place, self.bytes.len())
    }
}

/// The parts of a value, and those that are left out and why.
#[derive(Default)]
pub struct Parts {
    /// Parts to look for, each once.
    pub kept: Vec<Part>,
    /// What a name says is secret and is too short or too common to be looked for.
    pub left: Vec<(Place, Reason)>,
    /// Whether there are more than are looked for.
    pub more: bool,
    /// What was left out.
    told: Vec<Zeroizing<Vec<u8>>>,
}

/// Takes a value apart.
pub fn parts(value: &[u8]) -> Parts {
    let mut parts = Parts::default();
    parts.numbers(value);
    let whole = value.trim_ascii();
    // What holds NUL is no text; what has none of these has no parts, but for netrc.
    let plain = !whole.iter().any(|b| b"=:{[\"".contains(b)) && !fields::is_netrc(whole);
    if plain || whole.contains(&0) {
        return parts;
    }
    parts.dig(whole, 0);
    parts.kept.retain(|p| p.bytes.as_slice() != whole);
    parts
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({:?}, without {:?})", self.kept, self.left)
    }
}

impl Parts {
    /// Looks for parts in a text, which may be a part itself.
    fn dig(&mut self, text: &[u8], depth: usize) {
        if depth == DEPTH || self.more {
            return;
        }
        self.numbers(text);
        url::each(text, self);
        if json::looks_like(text) {
            return json::each_string(text, |key, string| {
                self.field(Place::Json, key, string, depth)
            });
        }
        fields::each(text, |place, key, value| self.field(place, key, value, depth));
    }

    /// Of private keys in a text.
    fn numbers(&mut self, text: &[u8]) {
        if container::may_be(text) {
            container::each(text, |number| self.keep(Place::Key, number));
        }
    }

    fn field(&mut self, place: Place, key: &[u8], value: &[u8], depth: usize) {
        self.read(place, key, value, depth);
        if let Some(read) = fields::unescaped(value).filter(|_| place == Place::Field) {
            self.read(place, key, &read, depth);
        }
    }

    fn read(&mut self, place: Place, key: &[u8], value: &[u8], depth: usize) {
        if self.more {
            return;
        }
        match name::says(key) {
            Says::Secret => self.secret(place, name::without_scheme(key, value)),
            Says::Nothing if random::looks(value) => self.keep(place, value),
            Says::Nothing | Says::Public => {}
        }
        self.dig(value, depth + 1);
    }

    /// A part whose name or place says that it is secret.
    fn secret(&mut self, place: Place, bytes: &[u8]) {
        if let Some(password) = random::basic(bytes) {
            self.secret(Place::Basic, &password);
        }
        if bytes.is_empty() || name::is_setting(bytes) {
            return;
        }
        match danger::risk(bytes) {
            _ if bytes.len() < MIN_VALUE => self.leave(place, bytes, Reason::TooShort(bytes.len())),
            Some(reason @ (Reason::CommonWord | Reason::OneCharacter)) => {
                self.leave(place, bytes, reason)
            }
            _ => self.keep(place, bytes),
        }
    }

    fn keep(&mut self, place: Place, bytes: &[u8]) {
        if self.kept.iter().any(|p| p.bytes.as_slice() == bytes) {
            return;
        }
        if self.kept.len() == MOST {
            self.more = true;
            return;
        }
        let mut copy = Zeroizing::new(Vec::with_capacity(bytes.len()));
        copy.extend_from_slice(bytes);
        self.kept.push(Part { place, bytes: copy });
    }

    fn leave(&mut self, place: Place, bytes: &[u8], reason: Reason) {
        // The query of a URL is a line of fields too.
        if self.left.contains(&(place, reason)) || self.told.iter().any(|t| t.as_slice() == bytes) {
            return;
        }
        self.left.push((place, reason));
        self.told.push(Zeroizing::new(bytes.to_vec()));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
