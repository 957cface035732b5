//! The key state: what the next append needs, in one 512-byte sector that is overwritten in place,
//! so that the key it held before is gone (as far as the file system overwrites in place) and a
//! crash leaves the old sector or the new one.
//!
//! | bytes | content |
//! |---|---|
//! | 0..8 | `haspkey1` |
//! | 8..16 | number of the next record, little-endian |
//! | 16..48 | `K` of the next record |
//! | 48..80 | mac of the record before it |
//! | 80..84 | segment of the end of the log, little-endian |
//! | 84..92 | offset in that segment, little-endian |
//! | 92..124 | SHA-256 of `"hasp/v1/audit/state\0"` and bytes 0..92 |
//! | 124..512 | zeros |
//!
//! It is written without a flush after the records were flushed: on disk it may lag behind the log,
//! never run ahead, and [`crate::log`] replays the log from it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Kind, Result};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::code;
use crate::record::chain::{Key, MacBytes};

/// The file's name in the directory of a log.
pub const NAME: &str = "key";
const SECTOR: usize = 512;
const MAGIC: &[u8; 8] = b"haspkey1";
const CHECK: &[u8] = b"hasp/v1/audit/state\0";

/// Where the log ends and how it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The number of the next record, that is how many there are.
    pub n: u64,
    /// The key of the next record.
    pub key: Key,
    /// The mac of the last record; zeros in an empty log.
    pub prev: MacBytes,
    /// The segment that the log ends in, from 1.
    pub segment: u32,
    /// Where in that segment the next record goes.
    pub offset: u64,
}

/// The file of a key state, opened once for all that an append does with it.
#[derive(Debug)]
pub struct StateFile {
    file: File,
    path: PathBuf,
}

impl StateFile {
    /// Opens the key state of the log in `dir`, to be read and overwritten.
    ///
    /// # Errors
    /// `[key-state]` (`Kind::Data`) if it is missing.
    pub fn open(dir: &Path) -> Result<StateFile> {
        let path = dir.join(NAME);
        match files::open_existing(&path) {
            Err(e) if e.code() == code::NOT_FOUND => Err(damaged(&path, "is missing")),
            other => other.map(|file| StateFile { file, path }),
        }
    }

    /// As [`StateFile::open`], to be read only: a copy may be on a disk that cannot be written.
    fn open_to_read(dir: &Path) -> Result<StateFile> {
        let path = dir.join(NAME);
        match files::open(&path, Guard::Private) {
            Err(e) if e.code() == code::NOT_FOUND => Err(damaged(&path, "is missing")),
            other => other.map(|file| StateFile { file, path }),
        }
    }

    /// What it holds now.
    ///
    /// # Errors
    /// `[key-state]` (`Kind::Data`) if it is damaged.
    pub fn read(&self) -> Result<State> {
        let mut sector = Zeroizing::new([0; SECTOR]);
        read_sector(&self.file, &mut sector).map_err(|e| Error::io("read", &self.path, e))?;
        State::decode(&sector).ok_or_else(|| damaged(&self.path, "is damaged"))
    }

    /// Overwrites it.
    pub fn write(&self, state: &State) -> Result<()> {
        self.file.write_all_at(&*state.encode(), 0).map_err(|e| Error::io("write", &self.path, e))
    }
}

impl State {
    /// Reads the key state of the log in `dir`.
    ///
    /// # Errors
    /// `[key-state]` (`Kind::Data`) if it is missing or damaged.
    pub fn read(dir: &Path) -> Result<State> {
        StateFile::open_to_read(dir)?.read()
    }

    /// Overwrites the key state of the log in `dir`, as a thief does.
    #[cfg(test)]
    pub fn write(&self, dir: &Path) -> Result<()> {
        self.put(dir).map(drop)
    }

    /// Makes the key state of a new log, durable.
    pub fn create(&self, dir: &Path) -> Result<()> {
        let StateFile { file, path } = self.put(dir)?;
        file.sync_all().map_err(|e| Error::io("flush", &path, e))?;
        files::sync_parent(&path)
    }

    fn put(&self, dir: &Path) -> Result<StateFile> {
        let path = dir.join(NAME);
        let file = StateFile { file: files::open_or_create(&path)?, path };
        file.write(self).map(|()| file)
    }

    fn encode(&self) -> Zeroizing<[u8; SECTOR]> {
        let mut sector = Zeroizing::new([0; SECTOR]);
        sector[..8].copy_from_slice(MAGIC);
        sector[8..16].copy_from_slice(&self.n.to_le_bytes());
        sector[16..48].copy_from_slice(self.key.expose());
        sector[48..80].copy_from_slice(&self.prev);
        sector[80..84].copy_from_slice(&self.segment.to_le_bytes());
        sector[84..92].copy_from_slice(&self.offset.to_le_bytes());
        let check = check(&sector[..92]);
        sector[92..124].copy_from_slice(&check);
        sector
    }

    fn decode(sector: &[u8; SECTOR]) -> Option<State> {
        if sector[..8] != *MAGIC || sector[92..124] != check(&sector[..92]) {
            return None;
        }
        Some(State {
            n: u64::from_le_bytes(sector[8..16].try_into().ok()?),
            key: Key::from_bytes(sector[16..48].try_into().ok()?),
            prev: sector[48..80].try_into().ok()?,
            segment: u32::from_le_bytes(sector[80..84].try_into().ok()?),
            offset: u64::from_le_bytes(sector[84..92].try_into().ok()?),
        })
    }
}

fn check(content: &[u8]) -> [u8; 32] {
    Sha256::new_with_prefix(CHECK).chain_update(content).finalize().into()
}

/// A file that is too short leaves zeros, which the check refuses.
fn read_sector(file: &File, sector: &mut [u8; SECTOR]) -> std::io::Result<()> {
    let mut filled = 0;
    while filled < SECTOR {
        match file.read_at(&mut sector[filled..], filled as u64)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(())
}

fn damaged(path: &Path, how: &str) -> Error {
    let home = path.ancestors().nth(3).unwrap_or(path);
    Error::new(
        Kind::Data,
        code::KEY_STATE,
        format!("the key state of the record, {}, {how}", printable_path(path)),
    )
    .hint(format!(
        "look whether the record is whole: HASP_HOME={} hasp-audit verify",
        shell_word(home.as_os_str())
    ))
    .hint("then rebuild it: hasp-audit recover")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn state() -> State {
        State { n: 9, key: Key::from_bytes(&[1; 32]), prev: [2; 32], segment: 3, offset: 4 }
    }

    #[test]
    fn every_flipped_byte_of_the_content_is_noticed() {
        let sector = state().encode();
        assert_eq!(State::decode(&sector), Some(state()));
        for at in 0..124 {
            let mut changed = sector.clone();
            changed[at] ^= 0x40;
            assert_eq!(State::decode(&changed), None, "byte {at}");
        }
    }

    #[test]
    fn the_old_key_is_nowhere_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        state().create(dir.path()).unwrap();
        let before = std::fs::metadata(dir.path().join(NAME)).unwrap();
        State { key: Key::from_bytes(&[5; 32]), ..state() }.write(dir.path()).unwrap();
        let content = std::fs::read(dir.path().join(NAME)).unwrap();
        assert!(
            !content.windows(32).any(|w| w == [1; 32]) && content.windows(32).any(|w| w == [5; 32])
        );
        use std::os::unix::fs::MetadataExt;
        let after = std::fs::metadata(dir.path().join(NAME)).unwrap();
        assert_eq!((before.ino(), after.len()), (after.ino(), SECTOR as u64));
    }

    #[test]
    fn a_missing_or_cut_state_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(State::read(dir.path()).unwrap_err().code().as_str(), "key-state");
        state().create(dir.path()).unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open(dir.path().join(NAME))
            .unwrap()
            .set_len(100)
            .unwrap();
        assert_eq!(State::read(dir.path()).unwrap_err().code().as_str(), "key-state");
    }
}
