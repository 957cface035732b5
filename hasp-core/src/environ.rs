//! The environment as it was at start: a value that a source took from it must reach no child.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

use crate::platform;
use crate::var::Var;

/// A snapshot of the environment of this process.
#[derive(Debug, Default)]
pub struct Environ {
    vars: Vec<(OsString, OsString)>,
    claimed: BTreeSet<OsString>,
    read: BTreeSet<RawFd>,
}

impl Environ {
    /// The environment that this process was started with.
    pub fn capture() -> Environ {
        std::env::vars_os().collect()
    }

    /// The value of one of our variables; an empty one counts as absent.
    pub fn var(&self, var: Var) -> Option<&OsStr> {
        self.get(var.as_str())
    }

    /// The names that look like ours and are none: misspelt, or of another version.
    pub fn strange(&self) -> impl Iterator<Item = &OsStr> {
        let ours = |name: &OsStr| Var::ALL.iter().any(|v| name == v.as_str());
        self.words().map(|(name, _)| name).filter(move |name| !ours(name))
    }

    /// The value of a variable; an empty one counts as absent, as in a shell's `${VAR:-..}`.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.raw(OsStr::new(name)).filter(|v| !v.is_empty())
    }

    /// The value of a variable, empty or not.
    pub fn raw(&self, name: &OsStr) -> Option<&OsStr> {
        self.vars.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_os_str())
    }

    /// The value of a variable that is used as a source: no child will see it from now on.
    pub fn claim(&mut self, name: &OsStr) -> Option<OsString> {
        self.claimed.insert(name.to_owned());
        self.raw(name).map(OsStr::to_owned)
    }

    /// Notes that a source was read from this descriptor: no program that we start inherits it from
    /// now on.
    pub fn claim_descriptor(&mut self, number: RawFd) {
        self.read.insert(number);
        if number > 2 {
            // One that is not open is refused by whoever reads it.
            let _ = platform::set_inherited(number, false);
        }
    }

    /// Whether a source was read from this descriptor.
    pub fn has_read(&self, number: RawFd) -> bool {
        self.read.contains(&number)
    }

    /// What the `HASP_*` variables hold: the words of sources, and some that are none.
    pub fn words(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let ours = self.vars.iter().filter(|(n, _)| n.as_bytes().starts_with(b"HASP_"));
        ours.map(|(n, v)| (n.as_os_str(), v.as_os_str()))
    }

    /// Names that no child may see: claimed ones, and those that any `HASP_*` variable names as
    /// `env:NAME`.
    pub fn withheld(&self) -> BTreeSet<OsString> {
        let named = self.words().filter_map(|(_, v)| v.as_bytes().strip_prefix(b"env:"));
        named.map(|n| OsStr::from_bytes(n).to_owned()).chain(self.claimed.iter().cloned()).collect()
    }

    /// All variables in their order, without the withheld ones.
    pub fn for_child(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        let withheld = self.withheld();
        self.vars
            .iter()
            .filter(move |(n, _)| !withheld.contains(n))
            .map(|(n, v)| (n.as_os_str(), v.as_os_str()))
    }
}

impl FromIterator<(OsString, OsString)> for Environ {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(vars: I) -> Environ {
        Environ { vars: vars.into_iter().collect(), ..Environ::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environ(vars: &[(&str, &str)]) -> Environ {
        vars.iter().map(|(n, v)| (OsString::from(n), OsString::from(v))).collect()
    }

    #[test]
    fn a_source_is_withheld_from_children_even_unused() {
        let mut env = environ(&[
            ("HASP_IDENTITY", "env:AGE_KEY"),
            ("AGE_KEY", "k"),
            ("TOKEN", "t"),
            ("HOME", "/h"),
        ]);
        env.claim(OsStr::new("TOKEN"));
        let left: Vec<_> = env.for_child().map(|(n, _)| n.to_owned()).collect();
        assert_eq!(left, ["HASP_IDENTITY", "HOME"]);
    }

    #[test]
    fn empty_counts_as_absent() {
        let env = environ(&[("HASP_HOME", "")]);
        assert_eq!(env.var(Var::Home), None);
        assert_eq!(env.raw(OsStr::new("HASP_HOME")), Some(OsStr::new("")));
    }

    #[test]
    fn a_misspelt_name_is_strange() {
        let env = environ(&[("HASP_HOME", "/h"), ("HASP_HOMES", "/h"), ("HOME", "/u")]);
        assert_eq!(env.strange().collect::<Vec<_>>(), ["HASP_HOMES"]);
    }
}
