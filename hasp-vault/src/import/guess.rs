//! Which format an input is in: the option, else the name, else `.env`. What it looks like is said
//! where it cannot be read, together with the formats that can.

use std::ffi::OsStr;
use std::path::Path;

use hasp_core::{Error, Kind, Result, hint};

use crate::code;

/// The formats that are read, as every message about them says it.
pub const FORMATS: &str = "import reads .env files, JSON objects, and trees of pass and passage";

/// A format that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    /// `key: value`, indented.
    Yaml,
    /// Fields between commas.
    Csv,
    /// `machine .. login .. password ..`.
    Netrc,
    /// A list of JSON.
    JsonList,
    /// An object of JSON, given as something else.
    Json,
    /// Tags.
    Xml,
    /// `[section]` and `key = value`.
    Ini,
}

impl Other {
    /// What an ending of a file name stands for, where that is not read.
    fn of_ending(ending: &str) -> Option<Other> {
        match ending.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Some(Other::Yaml),
            "csv" | "tsv" => Some(Other::Csv),
            "netrc" => Some(Other::Netrc),
            "xml" | "plist" => Some(Other::Xml),
            "ini" | "toml" => Some(Other::Ini),
            _ => None,
        }
    }

    /// What a text looks like that is no `.env` file.
    pub fn of_text(text: &[u8]) -> Option<Other> {
        let text = std::str::from_utf8(text).ok()?;
        let lines = || {
            text.trim_start_matches('\u{feff}')
                .lines()
                .map(str::trim)
                .filter(|l| !l.is_empty() && !l.starts_with('#'))
                .take(20)
        };
        let first = lines().next()?;
        let word = |line: &str, word: &str| line.split_whitespace().next() == Some(word);
        let yaml = |line: &str| {
            let key = line.trim_start_matches("- ").split_once(':').map(|(k, v)| (k, v.trim()));
            key.is_some_and(|(k, v)| !k.contains('=') && (v.is_empty() || line.contains(": ")))
        };
        match first {
            _ if first.starts_with('{') => Some(Other::Json),
            _ if first.starts_with('[') && first.ends_with(']') && lines().count() > 1 => {
                Some(Other::Ini)
            }
            _ if first.starts_with('[') => Some(Other::JsonList),
            _ if first.starts_with('<') => Some(Other::Xml),
            _ if word(first, "machine") || word(first, "default") => Some(Other::Netrc),
            _ if first == "---" || lines().all(yaml) => Some(Other::Yaml),
            _ if lines().all(|l| l.contains(',') && !l.contains('=')) => Some(Other::Csv),
            _ => None,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Other::Yaml => "YAML",
            Other::Csv => "CSV",
            Other::Netrc => "netrc",
            Other::JsonList => "a list of JSON",
            Other::Json => "JSON",
            Other::Xml => "XML",
            Other::Ini => "TOML or INI",
        }
    }

    /// What to do with it.
    pub fn hint(self) -> &'static str {
        match self {
            Other::Yaml => {
                hint("turn it into JSON: yq -o json FILE | hasp-vault import --format json")
            }
            Other::Json => hint("say so: hasp-vault import --format json --from FILE"),
            Other::JsonList => hint(
                "make an object of it: jq 'from_entries' FILE | hasp-vault import --format json",
            ),
            Other::Csv | Other::Netrc | Other::Xml | Other::Ini => {
                hint("write NAME=VALUE lines from it, or store value by value: hasp-vault set NAME")
            }
        }
    }
}

/// Refuses a file whose name says that it is in a format that is not read.
///
/// # Errors
/// `[bad-import]`.
pub fn refuse_by_name(from: &OsStr) -> Result<()> {
    let ending = Path::new(from).extension().and_then(OsStr::to_str);
    match ending.and_then(Other::of_ending) {
        Some(other) => Err(unread(other)),
        None => Ok(()),
    }
}

/// The error for a format that is not read.
pub fn unread(other: Other) -> Error {
    let message = format!("that looks like {}; {FORMATS}", other.as_str());
    Error::new(Kind::Data, code::BAD_IMPORT, message)
        .hint(other.hint())
        .hint("if it is one of them all the same: --format env, or --format json")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_other_formats_are_known() {
        for (text, expected) in [
            ("db:\n  url: postgres://x\n  pool: 5\n", Some(Other::Yaml)),
            ("---\nx\n", Some(Other::Yaml)),
            ("name,url,password\nx,y,z\n", Some(Other::Csv)),
            ("machine h login u password p\n", Some(Other::Netrc)),
            ("[{\"a\":1}]", Some(Other::JsonList)),
            ("{\"a\":1}", Some(Other::Json)),
            ("<?xml version='1.0'?>", Some(Other::Xml)),
            ("[db]\nurl = x\n", Some(Other::Ini)),
            ("A=1\nnonsense\n", None),
            ("", None),
        ] {
            assert_eq!(Other::of_text(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn names_of_other_formats_are_refused_with_those_there_are() {
        for name in ["a.yaml", "b.YML", "c.csv", "d.xml", "e.toml"] {
            let error = refuse_by_name(OsStr::new(name)).unwrap_err();
            assert!(error.message().contains("JSON objects"), "{error}");
        }
        for name in [".env", "x.env", "prod.properties", "-", "fd:3"] {
            assert!(refuse_by_name(OsStr::new(name)).is_ok(), "{name}");
        }
    }
}
