//! What `--only` and `--except` leave, before anything is judged: a line that cannot be read is
//! no matter if nobody wants it.

use hasp_core::suggest::nearest;
use hasp_core::{Error, Kind, Result};

use super::{Fault, shown};
use crate::code;

/// Which keys are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these, if any is named.
    pub only: Vec<String>,
    /// Not these.
    pub except: Vec<String>,
}

impl Selection {
    /// Refuses a key that was named and is not there.
    ///
    /// # Errors
    /// `[key-unknown]`.
    pub fn check(&self, keys: &[String], faults: &[Fault]) -> Result<()> {
        let of_faults = faults.iter().filter_map(|f| f.key.as_ref());
        let all: Vec<&str> = keys.iter().chain(of_faults).map(String::as_str).collect();
        let known = |named: &str| all.iter().any(|key| covers(named, key));
        let mut named = self.only.iter().chain(&self.except);
        let Some(unknown) = named.find(|named| !known(named)) else { return Ok(()) };
        let message = format!("there is no '{}' to import", shown(unknown));
        let error = Error::new(Kind::Usage, code::KEY_UNKNOWN, message);
        Err(match nearest(unknown, all.iter().copied()) {
            Some(near) => error.hint(format!("did you mean '{}'?", shown(near))),
            None => error.hint("see what there is: hasp-vault import --dry-run"),
        })
    }

    /// Whether a key is wanted.
    pub fn wants(&self, key: &str) -> bool {
        let named = |keys: &[String]| keys.iter().any(|k| covers(k, key));
        (self.only.is_empty() || named(&self.only)) && !named(&self.except)
    }

    /// Whether a fault matters: one without a key does unless the wanted keys were named.
    pub fn minds(&self, fault: &Fault) -> bool {
        fault.key.as_deref().map_or(self.only.is_empty(), |key| self.wants(key))
    }
}

/// A key stands for itself and for all below it.
fn covers(named: &str, key: &str) -> bool {
    key.strip_prefix(named).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn selection(only: &[&str], except: &[&str]) -> Selection {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Selection { only: owned(only), except: owned(except) }
    }

    #[test]
    fn a_key_stands_for_what_is_below_it() {
        let some = selection(&["db", "x"], &["db/old"]);
        for (key, wanted) in
            [("db", true), ("db/url", true), ("db/old", false), ("dbx", false), ("x", true)]
        {
            assert_eq!(some.wants(key), wanted, "{key}");
        }
        assert!(selection(&[], &["a"]).wants("b") && !selection(&[], &["a"]).wants("a"));
    }

    #[test]
    fn faults_count_only_where_they_are_wanted() {
        let (named, nameless) = (Fault::of("A", "x"), Fault::at("line 1", "x"));
        let all = selection(&[], &["A"]);
        assert!(!all.minds(&named) && all.minds(&nameless));
        let only = selection(&["B"], &[]);
        assert!(!only.minds(&named) && !only.minds(&nameless));
    }

    #[test]
    fn an_unknown_key_is_named_with_what_is_near() {
        let keys = ["DB_URL".to_owned()];
        let fault = [Fault::of("BROKEN", "x")];
        assert!(selection(&["DB_URL"], &["BROKEN"]).check(&keys, &fault).is_ok());
        let error = selection(&["DB_URI"], &[]).check(&keys, &fault).unwrap_err();
        assert_eq!(error.code(), code::KEY_UNKNOWN);
        assert!(error.hints()[0].contains("DB_URL"), "{error:?}");
    }
}
