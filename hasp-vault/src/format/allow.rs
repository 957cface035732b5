//! The scope of a secret, fixed when it was issued: it only ever narrows a grant.

use std::fmt;
use std::str::FromStr;

use hasp_core::{Error, Kind, Result};

use crate::code;

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
