//! What a record says of exchanging a value: how it is done, how far it has come, and what waits to
//! be taken back. All of it is signed, since it names programs that will be given values.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use hasp_core::text::printable;
use hasp_core::time::{duration_text, parse_duration};
use hasp_core::{Error, Kind, Result, Timestamp};
use serde::{Deserialize, Serialize};

use super::value_kind::ValueKind;

use crate::code;

/// The longest path of a program, in bytes.
const MAX_PROGRAM: usize = 1024;

/// The absolute path of a program, as text that can be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program(String);

impl Program {
    /// Takes a path.
    ///
    /// # Errors
    /// `[bad-program]` for one that is not absolute, not UTF-8, longer than 1024 bytes or that
    /// holds control characters.
    pub fn new(path: &Path) -> Result<Program> {
        let text = path.to_str().filter(|_| path.is_absolute());
        let sound = text.filter(|t| t.len() <= MAX_PROGRAM && printable(t.as_bytes()) == *t);
        sound.map(|t| Program(t.to_owned())).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                code::BAD_PROGRAM,
                "a program is named by an absolute path of plain text",
            )
            .hint("for example --run /usr/local/bin/new-db-password")
        })
    }

    /// The path.
    pub fn path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl AsRef<OsStr> for Program {
    fn as_ref(&self) -> &OsStr {
        self.0.as_ref()
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Program {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Program, D::Error> {
        let text = String::deserialize(deserializer)?;
        Program::new(Path::new(&text)).map_err(|e| serde::de::Error::custom(e.message()))
    }
}

/// How a value is exchanged: where the new one comes from, what tests it, what takes the old one
/// back and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Makes the new value from the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Program>,
    /// ... or a fresh value of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ValueKind>,
    /// Its length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<usize>,
    /// Its characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alphabet: Option<String>,
    /// Must succeed with the new value before it becomes the current one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Program>,
    /// Must succeed with the old value before that is destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire: Option<Program>,
    /// How long the old value stays before it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "span")]
    pub overlap: Option<Duration>,
}

/// How often a secret should get a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// After each span of this length.
    Span(Duration),
    /// Not any more; its recipe goes too.
    Never,
}

impl FromStr for Every {
    type Err = Error;

    fn from_str(text: &str) -> Result<Every> {
        if text == "never" { Ok(Every::Never) } else { parse_duration(text).map(Every::Span) }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Every::Span(span) => f.write_str(&duration_text(*span)),
            Every::Never => f.write_str("never"),
        }
    }
}

impl Serialize for Every {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Every {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Every, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))
    }
}

/// An exchange that has begun and not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Since when.
    pub since: Timestamp,
    /// The version that holds the new value; none while a program is asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staged: Option<u32>,
    /// When the new value was tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested: Option<Timestamp>,
    /// The plan becomes the recipe, to be repeated so often, or the recipe goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
    /// Begun by `rotate --due`, which may also finish it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub due: bool,
    /// How it is done.
    #[serde(default)]
    pub plan: Recipe,
}

/// What waits for an old version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retiring {
    /// From then on.
    pub after: Timestamp,
    /// What takes it back; it is only destroyed if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

impl Recipe {
    /// Whether it makes a new value by itself.
    pub fn makes(&self) -> bool {
        self.run.is_some() || self.kind.is_some()
    }

    /// What is typed counts; what is not comes from the recipe.
    #[must_use]
    pub fn over(self, recipe: Option<&Recipe>) -> Recipe {
        let Some(recipe) = recipe else { return self };
        let mut whole = Recipe {
            test: self.test.clone().or_else(|| recipe.test.clone()),
            retire: self.retire.clone().or_else(|| recipe.retire.clone()),
            overlap: self.overlap.or(recipe.overlap),
            ..self
        };
        if !whole.makes() {
            let Recipe { run, kind, length, alphabet, .. } = recipe.clone();
            whole = Recipe { run, kind, length, alphabet, ..whole };
        }
        whole
    }

    /// For a person: `run /usr/local/bin/new, test /usr/local/bin/try`.
    pub fn describe(&self) -> String {
        let program =
            |word: &str, program: &Option<Program>| program.as_ref().map(|p| format!("{word} {p}"));
        let parts = [
            program("run", &self.run),
            self.kind.map(|k| format!("a fresh {}", k.as_str())),
            program("test", &self.test),
            program("retire", &self.retire),
            self.overlap.map(|o| format!("overlap {}", duration_text(o))),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Rotation {
    /// How far it has come, in words.
    pub fn describe(&self) -> String {
        let since = self.since.local();
        match (self.staged, self.tested) {
            (None, _) => {
                format!("a program was asked for a new value on {since}, and none has come")
            }
            (Some(number), None) => format!("version {number} is staged since {since}"),
            (Some(number), Some(at)) => {
                format!("version {number} is staged since {since}, tested {}", at.local())
            }
        }
    }
}

/// A duration in the words of the command line.
mod span {
    use super::*;

    pub fn serialize<S: serde::Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        span.map(duration_text).serialize(serializer)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|t| parse_duration(&t).map_err(|e| serde::de::Error::custom(e.message())))
            .transpose()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
