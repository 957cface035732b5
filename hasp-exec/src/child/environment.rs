//! The child's environment: what is inherited under the grant's rules, what was pinned when it was
//! minted, what is always dropped, and the deliveries on top. Who uses a grant chooses none of the
//! code that the approved command runs.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use hasp_core::{Environ, Var};
use hasp_grant::EnvRules;
use hasp_target::Fate;

/// What the child inherits, one entry a name, and the names that were dropped although they were
/// set.
#[derive(Debug)]
pub(crate) struct Inherited {
    /// Name and value.
    pub(crate) vars: BTreeMap<OsString, OsString>,
    /// Dropped names that load code, name hasp's sources, or were taken as a source.
    pub(crate) dropped: Vec<OsString>,
}

/// Where a hasp below this one finds its state: places, of which none is a secret, whatever else
/// the rules leave.
const PLACES: [Var; 3] = [Var::Home, Var::Vault, Var::Runtime];

/// Applies the rules. With `clean` only `pass` and `keep` are left; otherwise everything but what
/// loads code (hasp.toml(5)).
pub(crate) fn inherit(env: &Environ, rules: &EnvRules) -> Inherited {
    let mut vars = BTreeMap::new();
    let mut dropped = BTreeSet::new();
    for (name, value) in env.for_child().filter(|(name, _)| passes(name, rules)) {
        match left_of(name, value, rules) {
            // Of a name that is given twice, getenv(3) sees the first.
            Some(value) => drop(vars.entry(name.to_owned()).or_insert(value)),
            None if pinned(name, rules).is_none() => drop(dropped.insert(name.to_owned())),
            None => {}
        }
    }
    for (name, value) in
        rules.pinned.iter().flatten().filter(|(name, _)| passes(OsStr::new(name), rules))
    {
        // What is kept is the consumer's, also when he has none.
        if pinned(OsStr::new(name), rules).is_some() {
            vars.insert(name.into(), value.as_os().to_owned());
        }
    }
    for place in PLACES {
        if let Some(path) = env.var(place) {
            // The command runs in a directory of its own.
            let path = std::path::absolute(path).map_or_else(|_| path.into(), Into::into);
            dropped.remove(OsStr::new(place.as_str()));
            vars.insert(place.as_str().into(), path);
        }
    }
    dropped.extend(env.withheld().into_iter().filter(|n| env.raw(n).is_some()));
    Inherited { vars, dropped: dropped.into_iter().collect() }
}

fn passes(name: &OsStr, rules: &EnvRules) -> bool {
    !rules.clean || named(&rules.pass, name) || named(&rules.keep, name)
}

fn named(list: &[String], name: &OsStr) -> bool {
    list.iter().any(|n| OsStr::new(n) == name)
}

/// What the grant pins of this name; nothing for one that it keeps.
fn pinned<'a>(name: &OsStr, rules: &'a EnvRules) -> Option<&'a OsStr> {
    let pinned = rules.pinned.as_ref().filter(|_| !named(&rules.keep, name))?;
    pinned.get(name.to_str()?).map(|value| value.as_os())
}

/// What the child gets of a variable as it is here: all of it, a part, or nothing.
fn left_of(name: &OsStr, value: &OsStr, rules: &EnvRules) -> Option<OsString> {
    // Old names of functions and the like need not be UTF-8 to be dropped by their beginning.
    let fate = hasp_target::fate(&name.to_string_lossy());
    match fate {
        _ if named(&rules.keep, name) => Some(value.to_owned()),
        Fate::Inherited => Some(value.to_owned()),
        Fate::MakeFlags => Some(hasp_target::make_flags(&value.to_string_lossy()).into()),
        // A grant from before pinning was approved with whatever its user has.
        Fate::Pinned => rules.pinned.is_none().then(|| value.to_owned()),
        Fate::Dropped => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hasp_grant::Arg;

    fn environ(names: &[&str]) -> Environ {
        names.iter().map(|n| (OsString::from(n), OsString::from("v"))).collect()
    }

    fn left(env: &Environ, rules: &EnvRules) -> Vec<String> {
        inherit(env, rules).vars.into_keys().map(|n| n.to_string_lossy().into_owned()).collect()
    }

    fn rules(keep: &[&str], pinned: &[(&str, &str)]) -> EnvRules {
        let pinned = pinned.iter().map(|(n, v)| ((*n).to_owned(), Arg::from(v))).collect();
        EnvRules {
            keep: keep.iter().map(|n| (*n).to_owned()).collect(),
            pinned: Some(pinned),
            ..EnvRules::default()
        }
    }

    #[test]
    fn what_loads_code_is_dropped_unless_kept_by_name() {
        let env = environ(&[
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "BASH_ENV",
            "ENV",
            "BASH_FUNC_ls%%",
            "HASP_HOME",
            "DYLD_X",
            "TERM",
            "LDAP_X",
        ]);
        assert_eq!(left(&env, &EnvRules::default()), ["HASP_HOME", "LDAP_X", "TERM"]);
        let rules = rules(&["LD_LIBRARY_PATH", "HASP_HOME"], &[]);
        assert_eq!(left(&env, &rules), ["HASP_HOME", "LDAP_X", "LD_LIBRARY_PATH", "TERM"]);
        assert_eq!(inherit(&env, &rules).dropped.len(), 5);
    }

    #[test]
    fn where_the_state_is_stays_and_sources_go() {
        let names = ["HASP_HOME", "HASP_VAULT", "HASP_RUNTIME", "HASP_PASSPHRASE", "HASP_ASKPASS"];
        let env = environ(&[&names[..], &["HASP_IDENTITY", "HASP_GRANT", "HASP_X"]].concat());
        let clean = EnvRules { clean: true, ..EnvRules::default() };
        for rules in [EnvRules::default(), clean] {
            let vars = inherit(&env, &rules).vars;
            let left: Vec<_> = vars.keys().collect();
            assert_eq!(left, ["HASP_HOME", "HASP_RUNTIME", "HASP_VAULT"]);
            assert!(vars.values().all(|v| std::path::Path::new(v).is_absolute()), "{vars:?}");
        }
    }

    /// Every row of the table, whatever the name looks like: nothing of it comes from whoever uses
    /// the grant.
    #[test]
    fn no_name_of_the_table_reaches_the_child_as_its_consumer_has_it() {
        for row in hasp_target::TABLE.iter().filter(|row| row.fate != Fate::Inherited) {
            for name in row.names.split_whitespace().map(|n| n.replace('*', "X")) {
                let env = environ(&[&name]);
                let clean = EnvRules { clean: true, pass: vec![name.clone()], ..rules(&[], &[]) };
                for rules in [rules(&[], &[]), clean] {
                    let left = inherit(&env, &rules).vars;
                    assert!(left.values().all(|value| value.is_empty()), "{name} {left:?}");
                }
                assert_eq!(left(&env, &rules(&[&name], &[])), [name]);
            }
        }
    }

    #[test]
    fn what_was_pinned_counts_whatever_is_set_here() {
        let value = |env: &Environ, rules: &EnvRules, name: &str| {
            inherit(env, rules).vars.get(OsStr::new(name)).cloned()
        };
        let (set, unset) = (environ(&["PATH", "HOME"]), environ(&[]));
        let pins = rules(&[], &[("PATH", "/bin")]);
        for env in [&set, &unset] {
            assert_eq!(value(env, &pins, "PATH"), Some("/bin".into()));
            assert_eq!(value(env, &pins, "HOME"), None);
        }
        let kept = rules(&["PATH"], &[("PATH", "/bin")]);
        assert_eq!(
            (value(&set, &kept, "PATH"), value(&unset, &kept, "PATH")),
            (Some("v".into()), None)
        );
        assert_eq!(inherit(&set, &pins).dropped, ["HOME"]);
        assert_eq!(
            value(&set, &EnvRules::default(), "PATH"),
            Some("v".into()),
            "a grant from before"
        );
    }

    #[test]
    fn a_clean_environment_keeps_a_list_only() {
        let env = environ(&["PATH", "TERM", "SECRET", "LD_PRELOAD"]);
        let pass = ["PATH", "TERM", "LD_PRELOAD"].map(String::from).to_vec();
        let rules =
            EnvRules { clean: true, pass, ..rules(&[], &[("PATH", "/bin"), ("HOME", "/h")]) };
        assert_eq!(left(&env, &rules), ["PATH", "TERM"]);
        assert_eq!(
            left(&env, &EnvRules { clean: true, ..EnvRules::default() }),
            Vec::<String>::new()
        );
    }

    #[test]
    fn duplicates_collapse_and_sources_are_withheld() {
        let env: Environ = [("A", "1"), ("A", "2"), ("HASP_IDENTITY", "env:KEY"), ("KEY", "k")]
            .map(|(n, v)| (n.into(), v.into()))
            .into_iter()
            .collect();
        let inherited = inherit(&env, &EnvRules::default());
        assert_eq!(inherited.vars.into_iter().collect::<Vec<_>>(), [("A".into(), "1".into())]);
        assert_eq!(inherited.dropped, ["HASP_IDENTITY", "KEY"]);
    }
}
