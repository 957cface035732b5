//! From keys to names of secrets: what was renamed, the prefix, and a rule for characters that no
//! name may have. The rule is shown where it was used, and two keys never become one name.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use hasp_core::suggest::nearest;
use hasp_core::text::shell_word;
use hasp_core::{Error, Kind, Result, SecretName};

use super::{Fault, shown};
use crate::code;

/// `--rename OLD=NEW`, in the order that was typed.
#[derive(Clone, Debug, Default)]
pub struct Renames(Vec<(String, String)>);

impl Renames {
    /// Reads what was typed: a key may hold `=`, a name may not.
    ///
    /// # Errors
    /// `[usage]`, `[bad-name]`.
    pub fn parse(words: &[String]) -> Result<Renames> {
        let pair = |word: &String| {
            let (old, new) =
                word.rsplit_once('=').filter(|(old, _)| !old.is_empty()).ok_or_else(|| {
                    Error::new(Kind::Usage, code::USAGE, "--rename takes OLD=NEW")
                        .hint("for example --rename me@example.com=mail/me")
                })?;
            new.parse::<SecretName>()?;
            Ok((old.to_owned(), new.to_owned()))
        };
        words.iter().map(pair).collect::<Result<_>>().map(Renames)
    }

    /// Refuses a key that is not there.
    ///
    /// # Errors
    /// `[key-unknown]`.
    pub fn check(&self, keys: &[&String]) -> Result<()> {
        let Some((old, _)) = self.0.iter().find(|(old, _)| !keys.contains(&old)) else {
            return Ok(());
        };
        let message = format!("there is no '{}' to rename", shown(old));
        let error = Error::new(Kind::Usage, code::KEY_UNKNOWN, message);
        Err(match nearest(old, keys.iter().map(|key| key.as_str())) {
            Some(near) => error.hint(format!("did you mean '{}'?", shown(near))),
            None => error.hint("see what there is: hasp-vault import --dry-run"),
        })
    }

    /// What a key was renamed to.
    pub fn of(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(old, _)| old == key).map(|(_, new)| new.as_str())
    }
}

/// What the keys become.
#[derive(Debug, Default)]
pub struct Named {
    /// The name of each key.
    pub names: BTreeMap<String, SecretName>,
    /// The keys that were changed by the rule.
    pub changed: Vec<String>,
    /// What has no name, or one that another key has.
    pub faults: Vec<Fault>,
}

/// Names all keys.
pub fn name_all(keys: &[String], prefix: Option<&str>, renames: &Renames) -> Named {
    let mut named = Named::default();
    let mut taken: BTreeMap<SecretName, String> = BTreeMap::new();
    for key in keys {
        let renamed = renames.of(key);
        let below = |name: &str| match prefix {
            Some(prefix) => format!("{}/{name}", prefix.trim_end_matches('/')),
            None => name.to_owned(),
        };
        let plain = below(renamed.unwrap_or(key));
        let name = plain.parse::<SecretName>().or_else(|e| match renamed {
            Some(_) => Err(e),
            None => below(&by_rule(key)).parse(),
        });
        let name = match name {
            Ok(name) => name,
            Err(error) => {
                named.faults.push(Fault::of(key, error.message()).hint(rename(key)));
                continue;
            }
        };
        if let Some(other) = taken.get(&name) {
            let reason = format!("it would become {name}, as '{}' does", shown(other));
            named.faults.push(Fault::of(key, reason).hint(rename(key)));
            continue;
        }
        if name.as_str() != plain {
            named.changed.push(key.clone());
        }
        taken.insert(name.clone(), key.clone());
        named.names.insert(key.clone(), name);
    }
    named
}

/// Each run of characters that no name may have becomes one `_`, and so does a dot or dash at the
/// beginning of a part. An ending that files of a vault have is set off.
fn by_rule(key: &str) -> String {
    key.split('/').map(part_by_rule).collect::<Vec<_>>().join("/")
}

fn part_by_rule(part: &str) -> String {
    let mut made = String::with_capacity(part.len());
    for c in part.chars() {
        let allowed = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let first = made.is_empty() && !c.is_ascii_alphanumeric();
        match allowed && !first {
            true => made.push(c),
            false if made.ends_with('_') => {}
            false => made.push('_'),
        }
    }
    match [".age", ".toml", ".tmp"].iter().find(|ending| made.ends_with(**ending)) {
        Some(ending) => {
            let at = made.len() - ending.len();
            made.replace_range(at..=at, "_");
            made
        }
        None => made,
    }
}

fn rename(key: &str) -> String {
    hasp_core::hint!("give it another name: --rename {}=NEW", shell_word(OsStr::new(key)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn characters_that_no_name_has_are_replaced_and_told() {
        let found = name_all(
            &keys(&[
                "Email/me@example.com",
                "My Bank/PIN",
                "https://index.docker.io/v1/",
                "caf\u{e9}",
                "x.age",
                ".hidden",
                "ok",
            ]),
            Some("p"),
            &Renames::default(),
        );
        let name = |key: &str| found.names.get(key).map(|n| n.as_str().to_owned());
        assert_eq!(name("Email/me@example.com").unwrap(), "p/Email/me_example.com");
        assert_eq!(name("My Bank/PIN").unwrap(), "p/My_Bank/PIN");
        assert_eq!(name("caf\u{e9}").unwrap(), "p/caf_");
        assert_eq!(name("x.age").unwrap(), "p/x_age");
        assert_eq!(name(".hidden").unwrap(), "p/_hidden");
        assert_eq!(found.changed.len(), 5);
        // Empty parts are for a person to name.
        assert_eq!(found.faults.len(), 1);
        assert!(found.faults[0].hint.as_ref().unwrap().contains("--rename"));
    }

    #[test]
    fn two_keys_never_become_one_name() {
        let found = name_all(&keys(&["a@b", "a b", "a_b"]), None, &Renames::default());
        assert_eq!((found.names.len(), found.faults.len()), (1, 2));
        let renames = Renames::parse(&keys(&["a b=a/b", "a@b=mail"])).unwrap();
        let found = name_all(&keys(&["a@b", "a b", "a_b"]), Some("p/"), &renames);
        assert_eq!((found.names.len(), found.faults.len(), found.changed.len()), (3, 0, 0));
        assert_eq!(found.names["a b"].as_str(), "p/a/b");
    }

    #[test]
    fn what_is_no_renaming_is_refused() {
        for bad in ["x", "=y", "x=", "x=.y", "x=y z"] {
            assert!(Renames::parse(&keys(&[bad])).is_err(), "{bad}");
        }
        let renames = Renames::parse(&keys(&["a=b=c"])).unwrap();
        let check = |key: &str| renames.check(&[&key.to_owned()]);
        assert!(check("a=b").is_ok() && check("a").is_err());
    }

    proptest! {
        #[test]
        fn the_rule_gives_names_or_nothing(key in "\\PC{0,30}") {
            let found = name_all(&[key], None, &Renames::default());
            prop_assert_eq!(found.names.len() + found.faults.len(), 1);
        }
    }
}
