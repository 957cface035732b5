//! Names of secrets: a path-like word that can be a file name on any system and can be printed
//! anywhere.

use std::fmt;
use std::str::FromStr;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::text::printable;

/// The longest name, in bytes.
pub const MAX_NAME: usize = 200;
/// The longest part of a name, in bytes.
pub const MAX_PART: usize = 64;
/// Endings that files of a vault have, which a name must not imitate.
const RESERVED: [&str; 3] = [".age", ".toml", ".tmp"];

/// The name of a secret or a reference: `/`-separated parts of `[A-Za-z0-9_][A-Za-z0-9._-]*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = Error;

    fn from_str(text: &str) -> Result<SecretName> {
        match fault(text) {
            None => Ok(SecretName(text.to_owned())),
            Some(fault) => Err(bad_name(text, &fault)),
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for SecretName {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for SecretName {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<SecretName, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))
    }
}

/// `NAME` or `NAME@N`: a secret, or one version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedName {
    /// Which secret.
    pub name: SecretName,
    /// Which version, from 1; the current one if absent.
    pub version: Option<u32>,
}

impl FromStr for VersionedName {
    type Err = Error;

    fn from_str(text: &str) -> Result<VersionedName> {
        let Some((name, version)) = text.split_once('@') else {
            return Ok(VersionedName { name: text.parse()?, version: None });
        };
        let number =
            version.parse::<u32>().ok().filter(|n| *n > 0 && !version.starts_with(['0', '+']));
        match number {
            Some(number) => Ok(VersionedName { name: name.parse()?, version: Some(number) }),
            None => Err(bad_name(text, "what follows '@' is not a version number")),
        }
    }
}

/// What is wrong with this text as a name, if anything.
fn fault(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("it is empty".into());
    }
    if text.len() > MAX_NAME {
        return Some(format!("it has {} bytes, more than {MAX_NAME}", text.len()));
    }
    text.split('/').find_map(part_fault)
}

fn part_fault(part: &str) -> Option<String> {
    let bytes = part.as_bytes();
    let Some(first) = bytes.first() else {
        return Some("it has an empty part between slashes".into());
    };
    if part.len() > MAX_PART {
        return Some(format!("a part of it has {} bytes, more than {MAX_PART}", part.len()));
    }
    if !first.is_ascii_alphanumeric() && *first != b'_' {
        return Some(
            "a part of it begins with something else than a letter, a digit or '_'".into(),
        );
    }
    if !bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b)) {
        return Some(
            "it holds a character other than letters, digits, '.', '_', '-' and '/'".into(),
        );
    }
    RESERVED.iter().find(|e| part.ends_with(**e)).map(|e| format!("a part of it ends in '{e}'"))
}

/// The name is shown cut and escaped: somebody may have typed a value in its place, or pasted an
/// escape sequence.
fn bad_name(text: &str, fault: &str) -> Error {
    let shown: String = printable(text.as_bytes()).chars().take(24).collect();
    Error::new(Kind::Usage, code::BAD_NAME, format!("'{shown}' is not a name: {fault}"))
        .hint("a name looks like db/url or openai/key")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_what_the_design_names() {
        let long = format!("{}/{}/{}", "a".repeat(64), "b".repeat(64), "c".repeat(64));
        for name in ["db/url", "openai/key", "A_1.b-c", "_x", "1/2/3", &long] {
            assert_eq!(name.parse::<SecretName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_everything_that_could_leave_the_vault_or_the_line() {
        let long = "a".repeat(300);
        let part = "a".repeat(65);
        let bad = [
            "",
            "../x",
            "a/../../b",
            "/a",
            "a/",
            "a//b",
            ".a",
            "-n",
            "a\nb",
            "a\x1b[2J",
            "a\u{202e}b",
            "caf\u{e9}",
            "a b",
            "a\0",
            "x.age",
            "x.toml/y",
            "x.tmp",
            "a@b",
            &long,
            &part,
        ];
        for name in bad {
            let error = name.parse::<SecretName>().unwrap_err();
            assert_eq!((error.code().as_str(), error.kind().status()), ("bad-name", 64));
            assert!(!error.message().chars().any(char::is_control));
        }
    }

    #[test]
    fn versions_are_plain_positive_numbers() {
        let parsed: VersionedName = "db/url@3".parse().unwrap();
        assert_eq!((parsed.name.as_str(), parsed.version), ("db/url", Some(3)));
        for bad in
            ["db/url@", "db/url@0", "db/url@+1", "db/url@01", "db/url@x", "db/url@4294967296", "@1"]
        {
            assert!(bad.parse::<VersionedName>().is_err());
        }
    }

    proptest! {
        #[test]
        fn a_name_never_leaves_its_directory(text in "\\PC{0,220}|[a-z./_-]{0,220}") {
            if let Ok(name) = text.parse::<SecretName>() {
                let path = std::path::Path::new(name.as_str());
                let is_normal = |c| matches!(c, std::path::Component::Normal(_));
                prop_assert!(path.components().all(is_normal));
                prop_assert_eq!(path.to_str().unwrap(), text);
            }
        }
    }
}
