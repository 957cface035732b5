//! What of the environment is fixed when a grant is minted: the places where programs look for code
//! and configuration. Who uses the grant later must not choose them, and the command cannot do
//! without.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use hasp_core::Environ;
use hasp_target::Fate;
use hasp_target::fate;

use crate::action::arg::Arg;

/// The variables that are pinned, of those that the command gets at all. What names a source of
/// ours is no child's.
pub fn pin(env: &Environ, passed: impl Fn(&str) -> bool) -> BTreeMap<String, Arg> {
    let mut pinned = BTreeMap::new();
    for (name, value) in env.for_child() {
        let Some(name) = name.to_str().filter(|n| fate(n) == Fate::Pinned && passed(n)) else {
            continue;
        };
        let value = if name == "PATH" { absolute(value) } else { value.to_owned() };
        // Of a name that is given twice, getenv(3) sees the first.
        pinned.entry(name.to_owned()).or_insert_with(|| Arg::from(&value));
    }
    pinned
}

/// A relative directory, or an empty one, would be another one wherever the command changes to.
fn absolute(search: &OsStr) -> OsString {
    let directories = std::env::split_paths(search).filter(|d| d.is_absolute());
    // What was split at colons holds none.
    std::env::join_paths(directories).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(vars: &[(&str, &str)], passed: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let env: Environ =
            vars.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect();
        let text = |word: Arg| word.as_os().to_string_lossy().into_owned();
        pin(&env, passed).into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    #[test]
    fn places_are_pinned_and_relative_directories_left_out() {
        let vars = [
            ("PATH", "/b::.:bin:/usr/bin:"),
            ("HOME", "/h"),
            ("TERM", "vt"),
            ("PYTHONPATH", "/e"),
            ("PATH", "/second"),
        ];
        let expected =
            [("HOME", "/h"), ("PATH", "/b:/usr/bin")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(pinned(&vars, |_| true), expected);
        assert_eq!(pinned(&vars, |name| name == "HOME"), expected[..1]);
    }

    #[test]
    fn a_source_is_never_pinned() {
        assert_eq!(
            pinned(&[("HASP_IDENTITY", "env:HOME"), ("HOME", "AGE-SECRET-KEY")], |_| true),
            []
        );
    }
}
