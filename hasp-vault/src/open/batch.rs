//! The commit point of many records at once: all of them, signed, in one private file of the home.
//! While it is there, the next writer finishes the work.

use std::path::PathBuf;

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, SecretName, tree};
use serde::{Deserialize, Serialize};

use crate::format::signed::{self, Label};
use crate::open::vault::Vault;

/// The longest journal: some ten thousand records.
const MAX_JOURNAL: usize = 256 << 20;

/// A record as it will be, signed; each is verified again before it is written.
#[derive(Serialize, Deserialize)]
pub struct Line {
    /// Of which secret.
    pub name: SecretName,
    /// The serial of the record.
    pub serial: u64,
    /// The record.
    pub text: String,
}

/// Makes these records durable, then puts them in their places; the caller holds the lock.
pub fn commit(vault: &Vault, lines: &[Line]) -> Result<()> {
    let journal =
        serde_json::to_vec(lines).map_err(|e| Error::bug(format!("cannot write JSON: {e}")))?;
    files::replace(&journal_path(vault)?, &journal)?;
    apply(vault, lines)
}

/// Whether a batch was committed and is not in its place yet.
pub fn pending(vault: &Vault) -> Result<bool> {
    tree::is_there(&journal_path(vault)?)
}

/// Finishes a batch that was committed and interrupted; called by every writer under the lock.
pub fn resume(vault: &Vault) -> Result<()> {
    let path = journal_path(vault)?;
    let Some(content) = files::read_if_present(&path, Guard::Private, MAX_JOURNAL)? else {
        return Ok(());
    };
    let lines: Vec<Line> = serde_json::from_slice(&content).map_err(|_| signed::tampered(&path))?;
    apply(vault, &lines)
}

/// Each step can be done again: a record that is in place already is written once more.
fn apply(vault: &Vault, lines: &[Line]) -> Result<()> {
    let path = journal_path(vault)?;
    for line in lines {
        let name = line.name.as_str();
        let label = Label { vault: *vault.id(), kind: signed::ITEM, name };
        let signed = label
            .verify(vault.record_key(), line.text.as_bytes())
            .filter(|v| v.serial == line.serial);
        // Written by somebody else since, or by us before the crash: never put an older record
        // back.
        if signed.is_none() {
            return Err(signed::tampered(&path));
        }
        if vault.seen().highest(signed::ITEM, name)? <= line.serial {
            files::rename_over(&vault.meta_path(&line.name), line.text.as_bytes())?;
        }
    }
    files::flush_all(vault.dir())?;
    vault.seen().raise_all(signed::ITEM, lines.iter().map(|l| (l.name.as_str(), l.serial)))?;
    files::flush_all(vault.home().root())?;
    std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    files::sync_parent(&path)
}

/// The journal lies in the home, beside the lock: nothing in a vault is per machine.
fn journal_path(vault: &Vault) -> Result<PathBuf> {
    Ok(vault.lock_path()?.with_extension("journal"))
}
