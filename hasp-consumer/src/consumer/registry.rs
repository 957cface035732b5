//! `consumers.toml`: names for programs. A registered name is a label, not a barrier, so the file
//! is private but not signed; what a grant holds is the path, as it was when it was minted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use hasp_core::files::{self, Guard};
use hasp_core::lock::{Lock, lock};
use hasp_core::suggest;
use hasp_core::text::{printable, printable_path};
use hasp_core::{Environ, Error, Home, Kind, Result, SecretName, Timestamp, hint};

use crate::code;
use crate::consumer::Consumer;
use crate::consumer::ceiling::Ceiling;

const FILE: &str = "consumers.toml";
const LOCK: &str = "consumers.lock";
/// The largest registry, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Words that no registered name can be.
const RESERVED: [&str; 5] = ["session", "parent", "user", "pid", "exe"];

pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// One registered program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its real path.
    pub exe: PathBuf,
    /// When it was registered.
    pub added: Timestamp,
    /// The SHA-256 of its file, if it is recognised by that too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pin: Option<String>,
    /// What it may be granted at most.
    #[serde(skip_serializing_if = "is_open", default)]
    pub ceiling: Ceiling,
}

fn is_open(ceiling: &Ceiling) -> bool {
    *ceiling == Ceiling::default()
}

impl Entry {
    fn is_sound(&self) -> bool {
        let digest = |pin: &String| pin.len() == 64 && pin.bytes().all(|b| b.is_ascii_hexdigit());
        self.pin.as_ref().is_none_or(digest)
    }

    /// `, at most 30m, pinned`: what limits it, behind its path.
    pub(crate) fn limits(&self) -> String {
        let pinned = self.pin.as_ref().map(|_| "pinned".to_owned());
        let parts = [Some(self.ceiling.text()).filter(|text| !text.is_empty()), pinned];
        parts.into_iter().flatten().map(|part| format!(", {part}")).collect()
    }
}

/// The registered names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// By name.
    #[serde(default)]
    pub consumer: BTreeMap<String, Entry>,
}

impl Registry {
    /// The registry of the home that the environment names; without a home it is empty.
    pub(crate) fn here(env: &Environ) -> Result<Registry> {
        let home = Home::locate(env)?;
        if home.exists()? {
            home.check()?;
        }
        Registry::load(&home)
    }

    /// Reads the registry; an absent one is empty.
    ///
    /// # Errors
    /// `[bad-registry]` if it cannot be read as what hasp-consumer writes; the file discipline's
    /// codes.
    pub fn load(home: &Home) -> Result<Registry> {
        let path = home.join(FILE);
        let Some(bytes) = files::read_if_present(&path, Guard::Private, MAX_SIZE)? else {
            return Ok(Registry::default());
        };
        Registry::parse(&bytes).ok_or_else(|| bad_registry(&path))
    }

    fn parse(bytes: &[u8]) -> Option<Registry> {
        let text = std::str::from_utf8(bytes).ok()?;
        toml::from_str::<Registry>(text).ok().filter(Registry::sound)
    }

    /// Keeps other writers away until the lock is dropped.
    pub(crate) fn lock(home: &Home) -> Result<Lock> {
        lock(&home.join(LOCK))
    }

    /// Writes the registry whole; the caller holds the lock.
    pub(crate) fn save(&self, home: &Home) -> Result<()> {
        let text =
            toml::to_string(self).map_err(|e| Error::bug(format!("cannot write {FILE}: {e}")))?;
        files::sweep_stale_temps(home.root())?;
        files::replace(&home.join(FILE), text.as_bytes())
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// `[consumer-unknown]`.
    pub fn get(&self, name: &str) -> Result<&Entry> {
        self.consumer.get(name).ok_or_else(|| self.unknown(name))
    }

    /// The registered programs that this consumer is, whether it was named or given by its path.
    pub fn of<'a>(
        &'a self,
        consumer: &'a Consumer,
    ) -> impl Iterator<Item = (&'a str, &'a Entry)> + 'a {
        let is = move |name: &str, entry: &Entry| match consumer {
            Consumer::Exe { path } => entry.exe == *path,
            Consumer::Named { name: own, path, .. } => own == name || entry.exe == *path,
            Consumer::Session { .. } | Consumer::Process { .. } | Consumer::User { .. } => false,
        };
        self.consumer.iter().map(|(name, e)| (name.as_str(), e)).filter(move |(n, e)| is(n, e))
    }

    fn unknown(&self, name: &str) -> Error {
        let shown: String = printable(name.as_bytes()).chars().take(64).collect();
        let error = Error::new(
            Kind::Missing,
            code::CONSUMER_UNKNOWN,
            format!("no consumer is called '{shown}'"),
        );
        let near = suggest::hint(&shown, self.consumer.keys().map(String::as_str).chain(RESERVED));
        error.hint(near.as_deref().unwrap_or(hint(
            "a consumer is session, parent, pid:N, user, exe:PATH, \
             or a name from: hasp-consumer list",
        )))
    }

    fn sound(&self) -> bool {
        self.consumer
            .iter()
            .all(|(name, e)| check_name(name).is_ok() && e.exe.is_absolute() && e.is_sound())
    }
}

/// Refuses a name that is a word of its own, or no plain name.
///
/// # Errors
/// `[bad-consumer]`.
pub(crate) fn check_name(name: &str) -> Result<()> {
    if !is_reserved(name) && !name.contains('/') && name.parse::<SecretName>().is_ok() {
        return Ok(());
    }
    let shown: String = printable(name.as_bytes()).chars().take(64).collect();
    Err(Error::new(
        Kind::Usage,
        code::BAD_CONSUMER,
        format!("'{shown}' cannot be the name of a consumer"),
    )
    .hint(
        "a name has letters, digits, '.', '_' and '-', and is none of session, parent, \
               user, pid, exe",
    ))
}

fn bad_registry(path: &Path) -> Error {
    let typed = hasp_core::text::shell_word(path.as_os_str());
    Error::new(
        Kind::Data,
        code::BAD_REGISTRY,
        format!("{} is not in the form that hasp-consumer writes", printable_path(path)),
    )
    .hint(format!("look at it, then start afresh: mv {typed} {typed}.old"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_this_tool_writes_is_read() {
        let good =
            "[consumer.claude]\nexe = \"/usr/bin/claude\"\nadded = \"2026-01-31T12:00:00Z\"\n";
        let registry = Registry::parse(good.as_bytes()).unwrap();
        assert_eq!(toml::to_string(&registry).unwrap(), good);
        for bad in [
            good.replace("/usr", "usr"),
            good.replace("claude]", "session]"),
            good.replace("claude]", "\"a b\"]"),
            good.replace("12:00:00Z", "12:00:00+00:00"),
            format!("{good}uid = 1\n"),
            format!("more = 1\n{good}"),
        ] {
            assert_eq!(Registry::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Registry::parse(&bytes);
        }

        #[test]
        fn a_name_is_one_plain_word(name: String) {
            if check_name(&name).is_ok() {
                prop_assert!(!name.contains([':', '/']) && !is_reserved(&name));
            }
        }
    }
}
