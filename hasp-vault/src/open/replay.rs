//! The commit point of a change of recipients: all new records, the settings, the keys and the pin,
//! in one private file of the home. While it is there the vault is half-way, and whoever comes
//! next, reader or writer, goes the rest of the way first.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use ed25519_dalek::VerifyingKey;
use hasp_core::files::{self, Guard};
use hasp_core::lock::{self, Lock};
use hasp_core::{Error, Home, Result, SecretName, VaultId, here, tree};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::format::known::{self, Known};
use crate::format::public_key;
use crate::format::seen::Seen;
use crate::format::signed::{self, Label};
use crate::format::version::file_number;

const MAX_JOURNAL: usize = 1 << 30;

/// A change that was decided.
#[derive(Serialize, Deserialize)]
pub struct Journal {
    /// Of which vault.
    pub id: VaultId,
    /// Where that is: a home may know several clones of one.
    pub dir: PathBuf,
    /// The key that all of it is signed with.
    #[serde(with = "public_key::text")]
    pub key: VerifyingKey,
    /// The text of `vault.toml`.
    pub settings: String,
    /// The bytes of `keys.age`.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub keys: Vec<u8>,
    /// The records.
    pub lines: Vec<Line>,
    /// The new pin, if there is a new root.
    pub repin: Option<Repin>,
}

/// One record as it will be.
#[derive(Serialize, Deserialize)]
pub struct Line {
    name: SecretName,
    serial: u64,
    text: String,
    stale: Vec<String>,
}

/// What the home trusts from now on.
#[derive(Serialize, Deserialize)]
pub struct Repin {
    /// The entry of `known_vaults`.
    pub known: Known,
    /// The name and content of the identity's file, if a comment in it pins the vault.
    #[serde(serialize_with = "identity_to_base64", deserialize_with = "identity_from_base64")]
    pub identity: Option<(String, Vec<u8>)>,
}

impl Journal {
    /// Adds a record and the value files that it does not name any more.
    pub fn push(&mut self, name: SecretName, serial: u64, text: String, stale: Vec<String>) {
        self.lines.push(Line { name, serial, text, stale });
    }

    /// Makes the change durable, then does it; the caller holds the lock.
    pub fn commit(&self, home: &Home) -> Result<()> {
        let text =
            serde_json::to_vec(self).map_err(|e| Error::bug(format!("cannot write JSON: {e}")))?;
        files::replace(&path(home, self.id), &text)?;
        self.apply(home)
    }

    /// Each step can be done again. Values first, then what verifies them, then what the home
    /// remembers; the old files go last.
    fn apply(&self, home: &Home) -> Result<()> {
        let journal = path(home, self.id);
        self.verify(home).ok_or_else(|| signed::tampered(&journal))?;
        if tree::is_there(&self.dir)? {
            self.write_vault()?;
            self.write_home(home)?;
            self.remove_stale()?;
        }
        std::fs::remove_file(&journal).map_err(|e| Error::io("remove", &journal, e))?;
        files::sync_parent(&journal)
    }

    /// All of it is signed by the pinned key, or by the one that is about to be pinned.
    fn verify(&self, home: &Home) -> Option<()> {
        let pinned = match &self.repin {
            Some(repin) => repin.known.key,
            None => known::find(home, self.id).ok()??.key,
        };
        let signed = |kind, name: &str, text: &str| {
            Label { vault: self.id, kind, name }
                .verify(&self.key, text.as_bytes())
                .map(|r| r.serial)
        };
        signed(signed::VAULT, "", &self.settings).filter(|_| pinned == self.key)?;
        let own =
            |line: &Line| signed(signed::ITEM, line.name.as_str(), &line.text) == Some(line.serial);
        self.lines.iter().all(own).then_some(())
    }

    fn write_vault(&self) -> Result<()> {
        let items = self.dir.join("items");
        for line in &self.lines {
            files::rename_over(
                &items.join(line.name.as_str()).join("meta.toml"),
                line.text.as_bytes(),
            )?;
        }
        files::rename_over(&self.dir.join("keys.age"), &self.keys)?;
        files::rename_over(&self.dir.join("vault.toml"), self.settings.as_bytes())?;
        files::flush_all(&self.dir)
    }

    fn write_home(&self, home: &Home) -> Result<()> {
        if let Some(repin) = &self.repin {
            if let Some((name, content)) = &repin.identity {
                files::replace(&home.join(name), content)?;
            }
            known::put(home, repin.known.clone())?;
        }
        let seen = Seen::of(home, self.id);
        let settings = signed::unverified(self.settings.as_bytes()).map_or(0, |r| r.serial);
        seen.raise_all(signed::ITEM, self.lines.iter().map(|l| (l.name.as_str(), l.serial)))?;
        seen.raise_all(signed::VAULT, std::iter::once(("", settings)))?;
        files::flush_all(home.root())
    }

    fn remove_stale(&self) -> Result<()> {
        for line in &self.lines {
            let dir = self.dir.join("items").join(line.name.as_str());
            for name in line.stale.iter().filter(|n| file_number(n.as_ref()).is_some()) {
                let path = dir.join(name);
                match std::fs::remove_file(&path) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Error::io("remove", &path, e));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Whether a change of this vault is half-way.
pub fn pending(home: &Home, id: VaultId) -> Result<bool> {
    tree::is_there(&path(home, id))
}

/// Goes the rest of the way, once whoever is on it has ended.
pub fn settle(home: &Home, id: VaultId) -> Result<()> {
    let lock = take_lock(home, id)?;
    resume(home, id, &lock)
}

/// [`settle`] for who holds the lock.
pub fn resume(home: &Home, id: VaultId, _lock: &Lock) -> Result<()> {
    let path = path(home, id);
    let Some(content) = files::read_if_present(&path, Guard::Private, MAX_JOURNAL)? else {
        return Ok(());
    };
    let journal = serde_json::from_slice::<Journal>(&content).ok().filter(|j| j.id == id);
    journal.ok_or_else(|| signed::tampered(&path))?.apply(home)
}

fn take_lock(home: &Home, id: VaultId) -> Result<Lock> {
    let dir = files::ensure_dirs(home.root(), Path::new("locks"))?;
    lock::lock(&dir.join(id.to_string()))
}

fn path(home: &Home, id: VaultId) -> PathBuf {
    here::change_of(home, &id)
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}

type IdentityFile = Option<(String, Vec<u8>)>;

fn identity_to_base64<S: Serializer>(
    file: &IdentityFile,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    file.as_ref().map(|(name, content)| (name, BASE64.encode(content))).serialize(serializer)
}

fn identity_from_base64<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<IdentityFile, D::Error> {
    let file = Option::<(String, String)>::deserialize(deserializer)?;
    file.map(|(name, text)| {
        BASE64.decode(text.as_bytes()).map(|c| (name, c)).map_err(serde::de::Error::custom)
    })
    .transpose()
}
