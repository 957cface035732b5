//! The record of the vault here: the vault's file says which vault it is, and the home's list of
//! known vaults, which is private, has the log and the key of that one. Only the choice of the
//! entry is unverified.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::Deserialize;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::files::{self, Guard};
use crate::hexid::{LogId, VaultId};
use crate::home::Home;
use crate::lead;
use crate::text::{printable_path, shell_word};
use crate::tree;

/// The list of vaults that a home trusts.
pub const KNOWN_VAULTS: &str = "known_vaults";
/// The file that says which vault a directory holds.
pub const VAULT_FILE: &str = "vault.toml";
/// The longest of these two files, in bytes.
const MAX_FILE: usize = 1 << 20;

/// A log, and the key that its vault's heads are verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRef {
    /// The vault.
    pub vault: VaultId,
    /// The log of this home.
    pub log: LogId,
    /// The pin: an Ed25519 public key.
    pub key: [u8; 32],
    /// Whether the recipients of the vault are being changed, which gives it another log.
    pub changing: bool,
    /// The logs of this home before that one, newest first, and the pins under which they were
    /// kept.
    pub earlier: Vec<(LogId, [u8; 32])>,
}

#[derive(Deserialize)]
struct Claim {
    id: VaultId,
}

#[derive(Deserialize)]
struct Known {
    id: VaultId,
    key: String,
    log: LogId,
    #[serde(default)]
    earlier: Vec<Earlier>,
}

#[derive(Deserialize)]
struct Earlier {
    key: String,
    log: LogId,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    vault: Vec<Known>,
}

/// Finds the entry of the vault in this directory.
pub(super) fn find(home: &Home, dir: &Path) -> Result<LogRef> {
    let path = dir.join(VAULT_FILE);
    let guard = if dir.starts_with(home.root()) { Guard::Private } else { Guard::Signed };
    let text = files::read_if_present(&path, guard, MAX_FILE)?;
    let claim: Claim = parse(&text.ok_or_else(|| no_vault(home, dir))?).ok_or_else(|| {
        damaged(&path).hint("put it back from git or a backup, then: hasp-vault status")
    })?;
    let known = known(home)?.into_iter().find(|k| k.id == claim.id);
    let known = known.ok_or_else(|| unknown_vault(&claim.id, dir))?;
    let key = key(&known.key).ok_or_else(|| damaged_list(home))?;
    let earlier = known.earlier.iter().map(|e| Some((e.log, self::key(&e.key)?)));
    let earlier = earlier.collect::<Option<_>>().ok_or_else(|| damaged_list(home))?;
    let changing = tree::is_there(&change_of(home, &claim.id))?;
    Ok(LogRef { vault: known.id, log: known.log, key, changing, earlier })
}

fn key(text: &str) -> Option<[u8; 32]> {
    BASE64.decode(text.as_bytes()).ok()?.try_into().ok()
}

fn known(home: &Home) -> Result<Vec<Known>> {
    let text = files::read_if_present(&home.join(KNOWN_VAULTS), Guard::Private, MAX_FILE)?;
    let Some(text) = text else { return Ok(Vec::new()) };
    parse::<List>(&text).map(|list| list.vault).ok_or_else(|| damaged_list(home))
}

fn parse<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Option<T> {
    toml::from_str(std::str::from_utf8(text).ok()?).ok()
}

/// What lies in the home while the recipients of a vault are changed.
pub fn change_of(home: &Home, vault: &VaultId) -> PathBuf {
    home.join("locks").join(format!("{vault}.recipients"))
}

/// The error where there is no vault.
pub fn no_vault(home: &Home, dir: &Path) -> Error {
    let message = format!("there is no vault in {}", printable_path(dir));
    let error = Error::new(Kind::Missing, code::NO_VAULT, message);
    match dir == home.join("vault") {
        true => lead::to_a_vault(error, home.root()),
        false => error.hint("HASP_VAULT or hasp-bind --vault names that directory"),
    }
}

/// The error for a vault that this home has not pinned.
pub fn unknown_vault(vault: &VaultId, dir: &Path) -> Error {
    let shown = printable_path(dir);
    let message = format!("this home does not know the vault {vault} in {shown}");
    let word = shell_word(dir.as_os_str());
    Error::new(Kind::Denied, code::UNKNOWN_VAULT, message)
        .hint(format!("look at it and trust its key with: hasp-vault join {word}"))
}

fn damaged(path: &Path) -> Error {
    Error::new(Kind::Data, code::TAMPERED, format!("{} is damaged", printable_path(path)))
}

fn damaged_list(home: &Home) -> Error {
    damaged(&home.join(KNOWN_VAULTS)).hint("put it back from a backup")
}
