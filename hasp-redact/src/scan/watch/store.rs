//! The watch on disk: a key and an append-only file of fingerprints, so that what `set` costs does
//! not depend on how many there are.

use std::io::Write;
use std::path::PathBuf;

use crate::code;
use hasp_core::files::{self, Guard};
use hasp_core::lock::{self, Lock};
use hasp_core::text::printable_path;
use hasp_core::{Error, Home, Kind, Result, Secret, SecretName, tree};
use zeroize::Zeroizing;

use super::fingerprint::{Kept, decode};
use super::key::{KEY, Key};
use super::mark::Unwatched;

/// The largest fingerprint file: some hundred thousand values.
const MAX_FILE: usize = 256 << 20;

/// The watch of a home: `$HASP_HOME/watch/`.
#[derive(Clone, Debug)]
pub struct Watch {
    dir: PathBuf,
}

/// What [`Watch::rebuild`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Versions that are watched now.
    pub watched: usize,
    /// Names of secrets that are not, and why.
    pub unwatched: Vec<(String, Unwatched)>,
    /// Versions that the vault has no more and that are still watched.
    pub kept: usize,
}

impl Watch {
    /// The watch of this home.
    pub fn of(home: &Home) -> Watch {
        Watch { dir: home.join("watch") }
    }

    /// Whether it was ever made.
    ///
    /// # Errors
    /// Where that cannot be told.
    pub fn exists(&self) -> Result<bool> {
        tree::is_there(&self.file())
    }

    /// Makes an empty watch, if there is none.
    pub fn create(&self) -> Result<()> {
        let _lock = self.lock()?;
        self.key_or_new().map(drop)
    }

    /// Keeps fingerprints of a value, or that it has none. Not flushed: see [`Watch::flush`].
    ///
    /// # Errors
    /// Those of the file discipline; `[busy]`.
    pub fn add(&self, origin: &str, name: &SecretName, version: u32, value: &Secret) -> Result<()> {
        let _lock = self.lock()?;
        let key = self.key_or_new()?;
        self.append(&Kept::of(&key, origin, name.as_str(), version, value.expose()).encode(&key))
    }

    /// Makes what was added safe from a power cut.
    pub fn flush(&self) -> Result<()> {
        let path = self.file();
        files::open(&path, Guard::Private)?.sync_data().map_err(|e| Error::io("write", &path, e))
    }

    /// Removes all that is kept of a secret, from the disk too.
    pub fn forget(&self, origin: &str, name: &SecretName) -> Result<()> {
        if !self.exists()? {
            return Ok(());
        }
        let _lock = self.lock()?;
        let (key, mut kept, _) = self.load()?;
        let before = kept.len();
        kept.retain(|k| (k.origin.as_str(), k.name.as_str()) != (origin, name.as_str()));
        if kept.len() == before { Ok(()) } else { self.write(&key, kept) }
    }

    /// Takes the fingerprints of all values of a vault again. What is kept of versions that it has
    /// no more stays: `destroy` removes a value, not the watch over it.
    ///
    /// # Errors
    /// The first of `values`; nothing is changed then.
    pub fn rebuild(
        &self,
        origin: &str,
        values: impl Iterator<Item = Result<(SecretName, u32, Secret)>>,
    ) -> Result<Rebuilt> {
        let _lock = self.lock()?;
        let key = self.key_or_new()?;
        // What cannot be read is what this is to mend.
        let mut kept = match self.load() {
            Err(e) if e.code() == code::NO_WATCH => Vec::new(),
            loaded => loaded?.1,
        };
        let mut fresh = std::collections::BTreeMap::new();
        for value in values {
            let (name, version, value) = value?;
            let one = Kept::of(&key, origin, name.as_str(), version, value.expose());
            fresh.insert((name.to_string(), version), one);
        }
        kept.retain(|k| k.origin != origin || !fresh.contains_key(&(k.name.clone(), k.version)));
        let mut rebuilt = Rebuilt {
            kept: kept.iter().filter(|k| k.origin == origin).count(),
            ..Rebuilt::default()
        };
        for one in fresh.into_values() {
            match &one.marks {
                Ok(_) => rebuilt.watched += 1,
                Err(why) => rebuilt.unwatched.push((one.name.clone(), *why)),
            }
            kept.push(one);
        }
        rebuilt.unwatched.dedup();
        self.write(&key, kept)?;
        Ok(rebuilt)
    }

    /// The key, what is kept, and how many bytes of the file are damaged.
    ///
    /// # Errors
    /// `[no-watch]` if it was never made or its key is gone.
    pub(crate) fn load(&self) -> Result<(Key, Vec<Kept>, usize)> {
        if !self.exists()? {
            return Err(no_watch("no value was ever stored under the leak watch"));
        }
        let key = self.key()?.ok_or_else(|| no_watch("the key of the leak watch is gone"))?;
        let file = files::read(&self.file(), Guard::Private, MAX_FILE)?;
        let (records, lost) = decode(&key, &file);
        if records.is_empty() && lost > 0 {
            return Err(no_watch("the fingerprints of the leak watch do not belong to its key"));
        }
        Ok((key, settle(records), lost))
    }

    /// What is not watched of a vault, or in part: too short or too easy to guess. All versions.
    ///
    /// # Errors
    /// `[no-watch]`; those of reading it.
    pub fn unwatched_of(&self, origin: &str) -> Result<Vec<(SecretName, u32)>> {
        let (_, kept, _) = self.load()?;
        let of = |k: &Kept| k.origin == origin && (k.marks.is_err() || k.weak.is_some());
        let named = kept.into_iter().filter(of).map(|k| Ok((k.name.parse()?, k.version)));
        named.collect()
    }

    fn file(&self) -> PathBuf {
        self.dir.join("fingerprints")
    }

    /// With what a dead writer left removed: nobody else writes here.
    fn lock(&self) -> Result<Lock> {
        files::ensure_dir(&self.dir)?;
        let lock = lock::lock(&self.dir.join("lock"))?;
        files::sweep_temps(&self.dir)?;
        Ok(lock)
    }

    fn key(&self) -> Result<Option<Key>> {
        let path = self.dir.join("key");
        let Some(bytes) =
            files::read_if_present(&path, Guard::Private, KEY + 1)?.map(Zeroizing::new)
        else {
            return Ok(None);
        };
        let root =
            Zeroizing::new(<[u8; KEY]>::try_from(&bytes[..]).map_err(|_| {
                no_watch(&format!("{} has not {KEY} bytes", printable_path(&path)))
            })?);
        Ok(Some(Key::new(&root)))
    }

    /// The key; a fresh one where there is none, which makes fingerprints of an old one unreadable.
    fn key_or_new(&self) -> Result<Key> {
        if let Some(key) = self.key()? {
            if !self.exists()? {
                files::replace(&self.file(), b"")?;
            }
            return Ok(key);
        }
        files::replace(&self.file(), b"")?;
        let mut root = Zeroizing::new([0; KEY]);
        getrandom::fill(&mut *root).map_err(|e| Error::bug(format!("no randomness: {e}")))?;
        files::replace(&self.dir.join("key"), &*root)?;
        Ok(Key::new(&root))
    }

    /// One write; what could not be written whole is taken back, so that a full disk leaves no half
    /// of a record.
    fn append(&self, record: &[u8]) -> Result<()> {
        let path = self.file();
        let mut file = files::open_or_create(&path)?;
        let failed = |e| Error::io("write", &path, e);
        let end = std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(failed)?;
        file.write_all(record).map_err(|e| {
            let _ = file.set_len(end);
            failed(e)
        })
    }

    fn write(&self, key: &Key, kept: Vec<Kept>) -> Result<()> {
        let content: Vec<u8> = kept.into_iter().flat_map(|k| k.encode(key)).collect();
        files::replace(&self.file(), &content)
    }
}

/// What the records come to: a later one of the same version replaces the earlier.
fn settle(records: Vec<Kept>) -> Vec<Kept> {
    let named = records.into_iter().map(|k| ((k.origin.clone(), k.name.clone(), k.version), k));
    named.collect::<std::collections::BTreeMap<_, _>>().into_values().collect()
}

fn no_watch(why: &str) -> Error {
    Error::new(Kind::Missing, code::NO_WATCH, why.to_owned()).hint(
        "take the fingerprints of all values, which unlocks the vault: hasp-vault watch rebuild",
    )
}
