//! The child's environment: what is inherited under the grant's rules, what is always dropped, and the deliveries on top.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use hasp_core::Environ;
use hasp_grant::claims::EnvRules;

/// What the child inherits, one entry a name, and the names that were dropped although they were set.
#[derive(Debug)]
pub struct Inherited {
    /// Name and value.
    pub vars: BTreeMap<OsString, OsString>,
    /// Dropped names that load code, name hasp's sources, or were taken as a source.
    pub dropped: Vec<OsString>,
}

/// Applies the rules. With `clean` only `pass` and `keep` are left; otherwise everything but what [`is_dropped`] names.
pub fn inherit(env: &Environ, rules: &EnvRules) -> Inherited {
    let named = |list: &[String], name: &OsStr| list.iter().any(|n| OsStr::new(n) == name);
    let withheld = env.withheld();
    let mut inherited = Inherited { vars: BTreeMap::new(), dropped: Vec::new() };
    let kept = |name: &OsStr| {
        let wanted = !rules.clean || named(&rules.pass, name);
        named(&rules.keep, name) || wanted && !is_dropped(name)
    };
    for (name, value) in env.for_child() {
        if kept(name) {
            // Of a name that is given twice, getenv(3) sees the first.
            inherited.vars.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        } else if !rules.clean {
            inherited.dropped.push(name.to_owned());
        }
    }
    inherited.dropped.extend(withheld.into_iter().filter(|n| env.raw(n).is_some()));
    inherited.dropped.sort();
    inherited.dropped.dedup();
    inherited
}

/// Names that load code into the child, or that are hasp's own.
fn is_dropped(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let prefixes: [&[u8]; 4] = [b"HASP_", b"LD_", b"DYLD_", b"BASH_FUNC_"];
    prefixes.iter().any(|p| name.starts_with(p)) || name == b"BASH_ENV" || name == b"ENV"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environ(names: &[&str]) -> Environ {
        names.iter().map(|n| (OsString::from(n), OsString::from("v"))).collect()
    }

    fn left(env: &Environ, rules: &EnvRules) -> Vec<String> {
        inherit(env, rules).vars.into_keys().map(|n| n.to_string_lossy().into_owned()).collect()
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
            "HOME",
            "LDFLAGS",
        ]);
        assert_eq!(left(&env, &EnvRules::default()), ["HOME", "LDFLAGS"]);
        let rules = EnvRules { keep: vec!["LD_LIBRARY_PATH".into(), "HASP_HOME".into()], ..EnvRules::default() };
        assert_eq!(left(&env, &rules), ["HASP_HOME", "HOME", "LDFLAGS", "LD_LIBRARY_PATH"]);
        assert_eq!(inherit(&env, &rules).dropped.len(), 5);
    }

    #[test]
    fn a_clean_environment_keeps_a_list_only() {
        let env = environ(&["PATH", "HOME", "SECRET", "LD_PRELOAD"]);
        let rules = EnvRules { clean: true, pass: vec!["PATH".into(), "LD_PRELOAD".into()], keep: vec![] };
        assert_eq!(left(&env, &rules), ["PATH"]);
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
