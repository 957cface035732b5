//! One version of a secret: the name and hash of its value file, and what can be said of the value
//! without opening it.

use hasp_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::rotation::Retiring;

/// One value that a secret has or had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// From 1.
    pub number: u32,
    /// The name of its age file in the secret's directory, `<n>.age`.
    pub file: String,
    /// SHA-256 of that file, 64 lower hex digits.
    pub sha256: String,
    /// The value's fingerprint, 32 lower hex digits: equal values have equal ones.
    pub fp: String,
    /// The fingerprints of its parts that are secret by themselves, for the event that records it;
    /// not kept here.
    #[serde(skip)]
    pub parts: Vec<String>,
    /// When it was stored.
    pub created: Timestamp,
    /// Bytes of the value.
    pub size: u64,
    /// Whether the value holds a NUL byte, and so cannot be delivered in a variable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nul: bool,
    /// When its file was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroyed: Option<Timestamp>,
    /// It was replaced by a rotation and waits to be taken back; a table, so it comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<Retiring>,
}

impl Version {
    /// What is read here becomes paths and comparisons: file names are ours, hashes are hashes.
    pub(crate) fn sound(&self, next_file: u32) -> bool {
        let file = self.file.strip_suffix(".age").and_then(|n| n.parse::<u32>().ok());
        let named = file.is_some_and(|n| n > 0 && n < next_file && format!("{n}.age") == self.file);
        let lost = self.destroyed.is_some() && self.retiring.is_some();
        self.number > 0 && named && !lost && hex(&self.sha256, 64) && hex(&self.fp, 32)
    }
}

/// The number of a value file's name, `<n>.age`.
pub(crate) fn file_number(name: &std::ffi::OsStr) -> Option<u32> {
    let digits = name.to_str()?.strip_suffix(".age")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn version(number: u32) -> Version {
        Version {
            number,
            file: format!("{number}.age"),
            sha256: "a".repeat(64),
            fp: "b".repeat(32),
            parts: Vec::new(),
            created: Timestamp::from_second(1_700_000_000),
            size: 12,
            nul: false,
            destroyed: None,
            retiring: None,
        }
    }
}
