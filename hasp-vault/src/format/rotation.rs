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

use crate::item::generate::Sort;

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
                "bad-program",
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
pub struct Plan {
    /// Makes the new value from the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Program>,
    /// ... or a fresh value of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Sort>,
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
    pub plan: Plan,
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

impl Plan {
    /// Whether it makes a new value by itself.
    pub fn makes(&self) -> bool {
        self.run.is_some() || self.kind.is_some()
    }

    /// What is typed counts; what is not comes from the recipe.
    #[must_use]
    pub fn over(self, recipe: Option<&Plan>) -> Plan {
        let Some(recipe) = recipe else { return self };
        let mut whole = Plan {
            test: self.test.clone().or_else(|| recipe.test.clone()),
            retire: self.retire.clone().or_else(|| recipe.retire.clone()),
            overlap: self.overlap.or(recipe.overlap),
            ..self
        };
        if !whole.makes() {
            let Plan { run, kind, length, alphabet, .. } = recipe.clone();
            whole = Plan { run, kind, length, alphabet, ..whole };
        }
        whole
    }

    /// For a person: `run /usr/local/bin/new, test /usr/local/bin/try`.
    pub fn describe(&self) -> String {
        let program =
            |word: &str, program: &Option<Program>| program.as_ref().map(|p| format!("{word} {p}"));
        let parts = [
            program("run", &self.run),
            self.kind.map(|k| format!("a fresh {}", k.word())),
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
mod tests {
    use super::*;
    use crate::format::item::Item;
    use crate::format::item::tests::{item, read};
    use crate::format::version::Version;
    use crate::format::version::tests::version;

    fn program(path: &str) -> Option<Program> {
        Program::new(Path::new(path)).ok()
    }

    fn retiring(number: u32) -> Version {
        let retiring =
            Some(Retiring { after: Timestamp::from_second(9), program: program("/usr/bin/true") });
        Version { retiring, ..version(number) }
    }

    /// With a staged version, a recipe and everything that both can say.
    fn rotating() -> Item {
        let overlap = Some(Duration::from_secs(86400));
        let plan = Plan {
            run: program("/a b/run"),
            test: program("/t"),
            retire: program("/r"),
            overlap,
            ..Plan::default()
        };
        let fresh = Plan {
            kind: Some(Sort::SshEd25519),
            length: Some(9),
            alphabet: Some("ab\"".into()),
            ..Plan::default()
        };
        let tested = Some(Timestamp::from_second(8));
        let since = Timestamp::from_second(7);
        let rotation = Rotation {
            since,
            staged: Some(2),
            tested,
            every: overlap.map(Every::Span),
            due: true,
            plan,
        };
        Item { current: 1, recipe: Some(fresh), rotation: Some(rotation), ..item() }
    }

    #[test]
    fn rotations_read_back() {
        for written in [rotating(), Item { versions: vec![retiring(1), version(2)], ..item() }] {
            assert_eq!(read(&written.render().unwrap()), Some(written));
        }
    }

    #[test]
    fn an_unsound_rotation_is_refused() {
        for (good, from, to) in [
            (rotating(), "staged = 2", "staged = 1"),
            (rotating(), "staged = 2", "staged = 3"),
            (rotating(), "/a b/run", "a b/run"),
            (rotating(), "overlap = \"1d\"", "overlap = \"1w\""),
            (rotating(), "kind = \"ssh-ed25519\"", "kind = \"none\""),
            (
                Item { versions: vec![retiring(1), version(2)], ..item() },
                "current = 2",
                "current = 1",
            ),
        ] {
            let good = good.render().unwrap();
            assert!(read(&good).is_some() && good.contains(from), "{from}");
            assert!(read(&good.replacen(from, to, 1)).is_none(), "{to}");
        }
    }

    #[test]
    fn programs_are_absolute_and_can_be_shown() {
        assert_eq!(program("/usr/bin/true").unwrap().to_string(), "/usr/bin/true");
        let long = format!("/{}", "x".repeat(1024));
        for bad in ["true", "./true", "", "/a\nb", "/a\x1b[2J", &long] {
            assert_eq!(program(bad), None);
        }
        assert!(toml::from_str::<Plan>("run = \"true\"").is_err());
    }

    #[test]
    fn what_is_typed_counts_and_the_rest_comes_from_the_recipe() {
        let recipe = Plan {
            run: program("/run"),
            test: program("/test"),
            overlap: Some(Duration::from_secs(3600)),
            ..Plan::default()
        };
        let typed = Plan { test: program("/other"), ..Plan::default() }.over(Some(&recipe));
        assert_eq!(typed, Plan { test: program("/other"), ..recipe.clone() });
        let fresh = Plan { kind: Some(Sort::Hex), ..Plan::default() }.over(Some(&recipe));
        assert_eq!(
            (fresh.run, fresh.kind, fresh.test),
            (None, Some(Sort::Hex), recipe.test.clone())
        );
        assert_eq!(recipe.describe(), "run /run, test /test, overlap 1h");
    }
}
