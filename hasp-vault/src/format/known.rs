//! `known_vaults`: which vaults this home trusts and the key that verifies each, as ssh keeps the
//! keys of hosts.

use ed25519_dalek::VerifyingKey;
use hasp_audit::LogId;
use hasp_core::files::{self, Guard};
use hasp_core::here::KNOWN_VAULTS;
use hasp_core::text::printable_path;
use hasp_core::{Error, Home, Kind, Result, Timestamp, VaultId, lock};
use serde::{Deserialize, Serialize};

use super::public_key;

use crate::code;

const MAX_FILE: usize = 1 << 20;
const HEAD: &str = "# the vaults that this home trusts, and the key that verifies each\n\n";

/// One vault that this home trusts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Which vault.
    pub id: VaultId,
    /// The key that verifies its records: the pin.
    #[serde(with = "public_key::text")]
    pub key: VerifyingKey,
    /// The log of this home under the current root.
    pub log: LogId,
    /// Since when.
    pub since: Timestamp,
    /// How it came to be trusted: `init`, `join`, `removal` (of a recipient, which gave it a new
    /// key) or `restore`.
    pub how: String,
    /// Keys and logs before the vault got a new root, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Earlier>,
}

/// A key that was the pin, and the log under its root.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// The former pin.
    #[serde(with = "public_key::text")]
    pub key: VerifyingKey,
    /// The log that was kept then.
    pub log: LogId,
}

impl Known {
    /// This pin and the ones before it, as a newer one keeps them.
    pub fn as_earlier(&self) -> Vec<Earlier> {
        let own = Earlier { key: self.key, log: self.log };
        std::iter::once(own).chain(self.earlier.iter().cloned()).collect()
    }

    /// The key under whose root a log of this home was made, if it is one of this vault's.
    pub fn key_of_log(&self, log: &LogId) -> Option<&VerifyingKey> {
        let earlier = self.earlier.iter().map(|e| (&e.log, &e.key));
        let mut all = std::iter::once((&self.log, &self.key)).chain(earlier);
        all.find(|(l, _)| *l == log).map(|(_, k)| k)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    vault: Vec<Known>,
}

/// The vaults that the home knows; none if there is no list.
///
/// # Errors
/// `[tampered]` naming the file; the file discipline's codes.
pub fn load(home: &Home) -> Result<Vec<Known>> {
    let path = home.join(KNOWN_VAULTS);
    let Some(content) = files::read_if_present(&path, Guard::Private, MAX_FILE)? else {
        return Ok(Vec::new());
    };
    let text = String::from_utf8(content).ok();
    let list = text.and_then(|t| toml::from_str::<List>(&t).ok()).ok_or_else(|| {
        let shown = printable_path(&path);
        Error::new(Kind::Data, code::TAMPERED, format!("{shown} is damaged"))
            .hint("put it back from a backup")
    })?;
    Ok(list.vault)
}

/// The entry of one vault, if the home knows it.
pub fn find(home: &Home, id: VaultId) -> Result<Option<Known>> {
    Ok(load(home)?.into_iter().find(|k| k.id == id))
}

/// Adds or replaces the entry of a vault.
pub fn put(home: &Home, entry: Known) -> Result<()> {
    files::ensure_dirs(home.root(), "locks".as_ref())?;
    let _held = lock::lock(&home.join("locks/known_vaults"))?;
    let mut list = List { vault: load(home)? };
    list.vault.retain(|k| k.id != entry.id);
    list.vault.push(entry);
    files::sweep_stale_temps(home.root())?;
    files::replace(&home.join(KNOWN_VAULTS), render(&list)?.as_bytes())
}

fn render(list: &List) -> Result<String> {
    let body = toml::to_string(list).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))?;
    Ok(format!("{HEAD}{body}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::crypto::keys::Keys;

    fn known(root: u8) -> Known {
        Known {
            id: VaultId::random().unwrap(),
            key: Keys::derive(&[root; 32]).record_key(),
            log: LogId::random().unwrap(),
            since: Timestamp::now(),
            how: "init".into(),
            earlier: vec![Earlier {
                key: Keys::derive(&[9; 32]).record_key(),
                log: LogId::random().unwrap(),
            }],
        }
    }

    #[test]
    fn entries_are_kept_by_id() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        assert!(load(&home).unwrap().is_empty());
        let (mut one, two) = (known(1), known(2));
        put(&home, one.clone()).unwrap();
        put(&home, two.clone()).unwrap();
        one.key = Keys::derive(&[3; 32]).record_key();
        put(&home, one.clone()).unwrap();
        assert_eq!(find(&home, one.id).unwrap().unwrap().key, one.key);
        assert_eq!(load(&home).unwrap().len(), 2);
        assert_eq!(two.key_of_log(&two.earlier[0].log), Some(&two.earlier[0].key));
        assert_eq!(two.key_of_log(&one.log), None);
    }

    #[test]
    fn damage_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path());
        put(&home, known(1)).unwrap();
        let whole = std::fs::read(home.join(KNOWN_VAULTS)).unwrap();
        for length in HEAD.len() + 1..whole.len() - 1 {
            files::replace(&home.join(KNOWN_VAULTS), &whole[..length]).unwrap();
            if let Ok(list) = load(&home) {
                assert!(list.first().is_none_or(|k| k.earlier.is_empty()), "cut at {length}");
            }
        }
    }
}
