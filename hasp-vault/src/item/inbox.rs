//! Deposits: values that somebody without the keys has left for a person with them to look at. A
//! deposit replaces nothing by itself, and who made it is only what it says.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use hasp_core::files::{self, Guard};
use hasp_core::text::printable_path;
use hasp_core::{Code, Error, Kind, Result, Secret, SecretName, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::code;
use crate::crypto::age_file;
use crate::crypto::recipient::Recipient;
use crate::format::signed;
use crate::open::fault::at_path;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::open::writer::make_dirs;

/// A deposit that is not opened: `<id>.age`, where the id is the SHA-256 of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// 64 lower hex digits.
    pub id: String,
    /// Bytes of the file.
    pub size: u64,
    /// When it arrived, as the file system says.
    pub arrived: Timestamp,
}

/// What a deposit says of itself: its first line, before the value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slip {
    /// The version of this form, 1.
    pub v: u32,
    /// For which secret.
    pub name: SecretName,
    /// Who says to have made it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An opened deposit.
#[derive(Debug)]
pub struct Deposit {
    /// What it says of itself.
    pub slip: Slip,
    /// The value.
    pub value: Secret,
}

/// Seals a value with its slip for all recipients and puts it into the inbox of the vault in `dir`;
/// its id.
pub fn deposit(
    dir: &Path,
    guard: Guard,
    recipients: &[Recipient],
    slip: &Slip,
    value: &Secret,
) -> Result<String> {
    let head =
        serde_json::to_string(slip).map_err(|e| Error::bug(format!("cannot write JSON: {e}")))?;
    let mut plain = Secret::with_capacity(head.len() + 1 + value.len())?;
    for part in [head.as_bytes(), b"\n", value.expose()] {
        plain.push(part)?;
    }
    let file = age_file::encrypt(&plain, recipients)?;
    let id = HEXLOWER.encode(&Sha256::digest(&file));
    let inbox = make_dirs(dir, Path::new("inbox"), guard)?;
    files::create(&inbox.join(format!("{id}.age")), &file)?;
    Ok(id)
}

impl Vault {
    /// All deposits, oldest first.
    pub fn waiting(&self) -> Result<Vec<Waiting>> {
        let dir = self.dir().join("inbox");
        if !dir.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(&dir).map_err(|e| Error::io("read", &dir, e))?;
        let mut all: Vec<Waiting> = entries.filter_map(|e| waiting(&e.ok()?)).collect();
        all.sort_by(|a, b| (a.arrived, &a.id).cmp(&(b.arrived, &b.id)));
        Ok(all)
    }

    /// The one deposit whose id begins so.
    ///
    /// # Errors
    /// `[deposit-unknown]`, `[deposit-ambiguous]`.
    pub fn find_waiting(&self, prefix: &str) -> Result<Waiting> {
        let hit =
            self.waiting()?.into_iter().filter(|w| prefix.len() >= 4 && w.id.starts_with(prefix));
        let hit: Vec<Waiting> = hit.collect();
        let unknown = |code: Code, message: &str| {
            Error::new(Kind::Missing, code, message).hint("see what waits with: hasp-vault inbox")
        };
        match &hit[..] {
            [one] => Ok(one.clone()),
            [] => Err(unknown(
                code::DEPOSIT_UNKNOWN,
                "no deposit has an id that begins so (4 digits or more)",
            )),
            _ => {
                Err(unknown(code::DEPOSIT_AMBIGUOUS, "several deposits have an id that begins so"))
            }
        }
    }

    /// Removes a deposit.
    pub fn discard(&self, waiting: &Waiting) -> Result<()> {
        let path = self.deposit_path(waiting);
        std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
        files::sync_parent(&path)
    }

    /// The file of a deposit, whose id is its hash.
    pub(crate) fn read_deposit(&self, waiting: &Waiting) -> Result<Vec<u8>> {
        let path = self.deposit_path(waiting);
        let file = files::read(&path, self.guard(), age_file::MAX_FILE)?;
        if HEXLOWER.encode(&Sha256::digest(&file)) == waiting.id {
            Ok(file)
        } else {
            Err(signed::tampered(&path))
        }
    }

    fn deposit_path(&self, waiting: &Waiting) -> PathBuf {
        self.dir().join("inbox").join(format!("{}.age", waiting.id))
    }
}

impl Unlocked {
    /// Opens a deposit.
    ///
    /// # Errors
    /// `[tampered]` naming the file, if its id is not its hash or it does not hold a slip and a
    /// value.
    pub fn open_deposit(&self, waiting: &Waiting) -> Result<Deposit> {
        let path = self.vault().deposit_path(waiting);
        let file = self.vault().read_deposit(waiting)?;
        let plain =
            age_file::decrypt(&file, self.identity().keys()).map_err(|e| at_path(&e, &path))?;
        parse(&plain)?.ok_or_else(|| {
            Error::new(
                Kind::Data,
                code::TAMPERED,
                format!("{} is no deposit of hasp", printable_path(&path)),
            )
            .hint(format!("hasp-vault reject {}", &waiting.id[..12]))
        })
    }
}

fn parse(plain: &Secret) -> Result<Option<Deposit>> {
    let bytes = plain.expose();
    let Some(end) = bytes.iter().take(4096).position(|b| *b == b'\n') else { return Ok(None) };
    let slip = serde_json::from_slice::<Slip>(&bytes[..end])
        .ok()
        .filter(|s| s.v == 1 && s.by.len() <= 200);
    let value = Secret::copy_of(&bytes[end + 1..])?;
    Ok(slip.map(|slip| Deposit { slip, value }))
}

fn waiting(entry: &std::fs::DirEntry) -> Option<Waiting> {
    let name = entry.file_name();
    let id = name.to_str()?.strip_suffix(".age")?;
    let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let hex =
        id.len() == 64 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let arrived = Timestamp::from_second(std::os::unix::fs::MetadataExt::mtime(&meta));
    hex.then(|| Waiting { id: id.to_owned(), size: meta.len(), arrived })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn foreign_plaintext_never_panics(bytes: Vec<u8>, text in "\\PC{0,60}\n?") {
            let _ = parse(&Secret::copy_of(&bytes).unwrap());
            let _ = parse(&Secret::copy_of(text.as_bytes()).unwrap());
        }

        #[test]
        fn a_slip_and_its_value_read_back(value: Vec<u8>, by in "\\PC{0,40}") {
            let slip = Slip { v: 1, name: "a/b".parse().unwrap(), by,
            at: Timestamp::from_second(0) };
            let plain = [serde_json::to_string(&slip).unwrap().as_bytes(), b"\n", &value].concat();
            let read = parse(&Secret::copy_of(&plain).unwrap()).unwrap().unwrap();
            prop_assert!(read.slip == slip && read.value.expose() == value);
        }
    }
}
