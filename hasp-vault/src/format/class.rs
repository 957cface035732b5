//! How far a secret reaches if it leaks, and the scope that was fixed when it was issued: both only
//! ever narrow a grant.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hasp_core::{Error, Kind, Result};

use crate::code;

/// The blast radius of a secret; the order is from harmless to worst.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A nuisance: grants up to 24 h.
    Low,
    /// The default: grants up to 8 h.
    #[default]
    Medium,
    /// Production: grants up to 1 h.
    High,
    /// The keys of the house: once only.
    Critical,
}

impl Class {
    /// The longest window that a grant may ask for; `None` means once only.
    pub fn ceiling(self) -> Option<Duration> {
        let hours = match self {
            Class::Low => 24,
            Class::Medium => 8,
            Class::High => 1,
            Class::Critical => return None,
        };
        Some(Duration::from_secs(hours * 3600))
    }

    /// The class as it is written.
    pub fn word(self) -> &'static str {
        match self {
            Class::Low => "low",
            Class::Medium => "medium",
            Class::High => "high",
            Class::Critical => "critical",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Class {
    type Err = Error;

    fn from_str(text: &str) -> Result<Class> {
        let all = [Class::Low, Class::Medium, Class::High, Class::Critical];
        all.into_iter().find(|c| c.word() == text).ok_or_else(|| {
            Error::new(
                Kind::Usage,
                code::BAD_CLASS,
                "a class is one of: low, medium, high, critical",
            )
        })
    }
}

/// `PROJECT[:TARGET]`: a project, by its name or root, and optionally one target of it, that may
/// ask for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The project's name, or its root as an absolute path.
    pub project: String,
    /// One target; any if absent.
    pub target: Option<String>,
}

impl Allow {
    /// Whether this entry admits a target (none for an ad-hoc grant) of the project with this name
    /// and root.
    pub fn admits(&self, name: &str, root: &str, target: Option<&str>) -> bool {
        (self.project == name || self.project == root)
            && (self.target.is_none() || self.target.as_deref() == target)
    }
}

impl fmt::Display for Allow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.project)?;
        self.target.as_ref().map_or(Ok(()), |t| write!(f, ":{t}"))
    }
}

impl FromStr for Allow {
    type Err = Error;

    /// The target follows the last colon.
    fn from_str(text: &str) -> Result<Allow> {
        let (project, target) = text.rsplit_once(':').map_or((text, None), |(p, t)| (p, Some(t)));
        let empty = project.is_empty() || target.is_some_and(str::is_empty);
        if empty || text.len() > 512 || text.chars().any(char::is_control) {
            return Err(Error::new(Kind::Usage, code::BAD_SCOPE, "that is not a scope")
                .hint("a scope looks like --allow api or --allow api:test"));
        }
        Ok(Allow { project: project.to_owned(), target: target.map(str::to_owned) })
    }
}

impl serde::Serialize for Allow {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Allow {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Allow, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn classes_are_ordered_and_bounded() {
        assert!(
            Class::Low < Class::Medium
                && Class::Medium < Class::High
                && Class::High < Class::Critical
        );
        assert_eq!(Class::High.ceiling().unwrap().as_secs(), 3600);
        assert_eq!(Class::Critical.ceiling(), None);
        assert_eq!("critical".parse::<Class>().unwrap(), Class::Critical);
        assert_eq!("Critical".parse::<Class>().unwrap_err().code(), code::BAD_CLASS);
    }

    #[test]
    fn scopes_admit_what_they_name() {
        let any: Allow = "api".parse().unwrap();
        let one: Allow = "/src/a:b/api:test".parse().unwrap();
        assert!(
            any.admits("api", "/x", None)
                && any.admits("api", "/x", Some("t"))
                && !any.admits("web", "/x", None)
        );
        assert!(one.admits("n", "/src/a:b/api", Some("test")));
        assert!(
            !one.admits("n", "/src/a:b/api", Some("deploy"))
                && !one.admits("n", "/src/a:b/api", None)
        );
        for bad in ["", ":", ":t", "p:", "a\nb"] {
            assert_eq!(bad.parse::<Allow>().unwrap_err().code(), code::BAD_SCOPE);
        }
    }

    proptest! {
        #[test]
        fn scopes_read_back(text in "\\PC{0,40}") {
            if let Ok(allow) = text.parse::<Allow>() {
                prop_assert_eq!(allow.to_string(), text);
            }
        }
    }
}
