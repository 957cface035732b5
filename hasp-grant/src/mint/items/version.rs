//! A reference with a version, `db/url@3` or `db/url@prev`: which version is meant, where it is not
//! the current one.

use std::collections::BTreeMap;

use hasp_core::{Error, Kind, Result, SecretName};
use hasp_vault::Item;

use crate::code;

/// The version that somebody names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// The one before the current one.
    Previous,
    /// The one of this number.
    Number(u32),
}

/// Which references are meant in which version.
pub type Versions = BTreeMap<SecretName, Named>;

impl Named {
    /// The number of it.
    ///
    /// # Errors
    /// `[version-unknown]`.
    pub fn of(self, item: &Item) -> Result<u32> {
        match self {
            Named::Previous => item.previous(),
            Named::Number(number) => Ok(number),
        }
    }

    fn parse(word: &str) -> Option<Named> {
        match word {
            "prev" => Some(Named::Previous),
            digits if !digits.starts_with('+') => digits.parse().ok().map(Named::Number),
            _ => None,
        }
    }
}

/// Takes the version from the end of a word, `VAR=REF@3`: what is before it. A word without one, or
/// with anything else behind the sign, stays as it is.
pub fn split(word: &str) -> (&str, Option<Named>) {
    let parts =
        word.rsplit_once('@').and_then(|(rest, version)| Some((rest, Named::parse(version)?)));
    parts.map_or((word, None), |(rest, named)| (rest, Some(named)))
}

/// Remembers which version of a reference is meant.
///
/// # Errors
/// `[two-versions]`: a grant opens one version of each.
pub fn remember(versions: &mut Versions, reference: SecretName, named: Named) -> Result<()> {
    match versions.insert(reference.clone(), named) {
        Some(other) if other != named => {
            let message = format!("{reference} is asked for in two versions");
            Err(Error::new(Kind::Usage, code::TWO_VERSIONS, message)
                .hint("grant one of them; the other goes into a grant of its own"))
        }
        _ => Ok(()),
    }
}

/// The words of `--at`.
///
/// # Errors
/// `[bad-version]`, `[two-versions]`.
pub fn read(words: &[String], versions: &mut Versions) -> Result<()> {
    words.iter().try_for_each(|word| match split(word) {
        (reference, Some(named)) => remember(versions, reference.parse()?, named),
        (_, None) => Err(Error::new(
            Kind::Usage,
            code::BAD_VERSION,
            "--at takes a reference and its version",
        )
        .hint("for example: --at db/url@3 or --at db/url@prev")),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_at_the_end_and_anything_else_is_left() {
        assert_eq!(split("A=db/url@3"), ("A=db/url", Some(Named::Number(3))));
        assert_eq!(split("db/url@prev"), ("db/url", Some(Named::Previous)));
        for word in ["A=db/url", "A=db/url@", "A=db/url@x", "A=db/url@-1", "A=db/url@+1", "a@1@b"] {
            assert_eq!(split(word), (word, None));
        }
        let mut versions = Versions::new();
        read(&["a@1".to_owned(), "a@1".to_owned()], &mut versions).unwrap();
        let code = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            read(&words, &mut Versions::new()).unwrap_err().code()
        };
        assert_eq!(code(&["a@1", "a@2"]), code::TWO_VERSIONS);
        assert_eq!(code(&["a"]), code::BAD_VERSION);
    }
}
