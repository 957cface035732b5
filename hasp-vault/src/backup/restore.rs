//! A backup taken apart beside the place where the vault will be, and verified there with
//! everything that verifies a vault, before a single rename puts it in its place.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use ed25519_dalek::VerifyingKey;
use hasp_audit::{Event, EventKind, Log, LogId};
use hasp_core::files;
use hasp_core::{Error, Home, Kind, Result, SecretName, Timestamp, VaultId};
use serde::{Deserialize, Serialize};

use super::tar;
use crate::code;
use crate::crypto::age_file;
use crate::crypto::keys::{Keys, Roots};
use crate::format::item::{self, Item};
use crate::format::known::{self, Known};
use crate::format::seen::Seen;
use crate::format::signed;
use crate::open::identity::Identity;

use crate::format::version::file_number;
use crate::join;
use crate::open::vault::Vault;
use crate::open::writer::make_dirs_unflushed;

/// Where a backup is taken apart, beside the vault.
pub(crate) const STAGING: &str = ".hasp-restore.tmp";
const ABOUT: &str = "backup.toml";

/// What a backup says of itself; nothing is trusted because of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The version of this form, 1.
    pub format: u32,
    /// Of which vault.
    pub vault: VaultId,
    /// When it was made.
    pub created: Timestamp,
    /// How many secrets are in it.
    pub secrets: usize,
    /// The head of the log at that time.
    pub record: String,
}

impl About {
    pub(super) fn render(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))
    }
}

/// A backup that was unpacked and verified; removed again on drop.
pub struct Staged {
    dir: PathBuf,
    /// What it says of itself.
    pub about: About,
    /// The vault in it, verified by its own key.
    pub vault: Vault,
    /// All records, sorted by name.
    pub items: Vec<Item>,
}

impl Staged {
    /// Unpacks a backup beside `target`; the caller holds the lock that keeps other restores away.
    ///
    /// # Errors
    /// `[bad-backup]`, `[not-a-recipient]`, `[tampered]` naming the file; nothing is left behind
    /// then.
    pub fn unpack(input: impl BufRead, identity: &Identity, target: &Path) -> Result<Staged> {
        let parent = target.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent).map_err(|e| Error::io("create", parent, e))?;
        let dir = parent.join(STAGING);
        clear(&dir)?;
        files::ensure_dir(&dir)?;
        let staged =
            unpack_into(input, identity, &dir).and_then(|about| verify(about, identity, &dir));
        if staged.is_err() {
            let _ = std::fs::remove_dir_all(&dir);
        }
        staged
    }

    /// The key that the vault in it signs with.
    pub fn key(&self) -> &VerifyingKey {
        self.vault.record_key()
    }

    /// How many records this home has seen newer than the backup has them, or not at all; and one
    /// of them.
    pub fn behind(&self, home: &Home) -> Result<(usize, Option<SecretName>)> {
        let seen = Seen::of(home, *self.vault.id());
        let mut newer = Vec::new();
        for name in seen.names(signed::ITEM) {
            let here = self
                .items
                .binary_search_by(|i| i.name.cmp(&name))
                .map_or(0, |at| self.items[at].serial);
            if seen.highest(signed::ITEM, name.as_str())? > here {
                newer.push(name);
            }
        }
        let settings = seen.highest(signed::VAULT, "")? > self.vault.settings().serial;
        Ok((newer.len() + usize::from(settings), newer.into_iter().next()))
    }

    /// Puts the vault in its place and pins its key. What this home had seen newer is forgotten.
    pub fn install(
        self,
        home: &Home,
        target: &Path,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<Vault> {
        let keys = open_keys(&self.vault, identity)?;
        let known = self.log(home, &keys, now)?;
        let seen = Seen::of(home, known.id);
        if self.behind(home)?.0 > 0 {
            seen.forget_all()?;
        }
        known::put(home, known)?;
        files::flush_all(&self.dir)?;
        std::fs::rename(self.dir.join("vault"), target)
            .map_err(|e| Error::io("write", target, e))?;
        files::sync_parent(target)?;
        seen.raise_all(signed::ITEM, self.items.iter().map(|i| (i.name.as_str(), i.serial)))?;
        Vault::open(home, target)
    }

    /// The log goes on where this home still has it; else a new one begins, whose first record
    /// carries the head that the backup knew.
    fn log(&self, home: &Home, keys: &Keys, now: Timestamp) -> Result<Known> {
        let (id, key) = (*self.vault.id(), *self.key());
        let before = known::find(home, id)?;
        let event = Event::new(EventKind::VaultRestore).field("secrets", self.items.len());
        let event = event.field("made", self.about.created.to_string());
        if let Some(known) = before.as_ref().filter(|k| k.key == key)
            && let Ok(log) = Log::open(home, &known.log)
        {
            log.append(now, &[event])?;
            return Ok(known.clone());
        }
        let log_id = LogId::random()?;
        let head = before
            .as_ref()
            .and_then(|k| join::head_of(home, &k.log))
            .unwrap_or_else(|| self.about.record.clone());
        let log = Log::create(home, &log_id, keys.audit_root(), &id.to_string(), now, Some(head))?;
        let lost = before.as_ref().and_then(|known| join::loss_of(home, &known.log));
        log.append(now, &lost.into_iter().chain([event]).collect::<Vec<_>>())?;
        log.checkpoint(&key, &|m| keys.sign_record(m))?;
        let earlier = before.as_ref().map(Known::as_earlier).unwrap_or_default();
        Ok(Known { id, key, log: log_id, since: now, how: "restore".into(), earlier })
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn clear(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", dir, e)),
        _ => Ok(()),
    }
}

fn unpack_into(input: impl BufRead, identity: &Identity, dir: &Path) -> Result<About> {
    let mut archive = age_file::reader(input, identity.keys()).map_err(|e| match e.code() {
        code::TAMPERED => tar::bad(),
        _ => e.hint(
            "open it with an identity that the vault was open to then: HASP_IDENTITY=FILE \
             hasp-vault restore < FILE",
        ),
    })?;
    let mut about = None;
    while let Some((path, content)) =
        tar::read_entry(&mut archive, age_file::MAX_FILE.max(item::MAX_FILE))?
    {
        if path == ABOUT {
            about =
                std::str::from_utf8(&content).ok().and_then(|t| toml::from_str::<About>(t).ok());
            continue;
        }
        let below = path.strip_prefix("vault/").filter(|p| ours(p)).ok_or_else(strange)?;
        let below = Path::new("vault").join(below);
        make_dirs_unflushed(dir, below.parent().unwrap_or(Path::new("vault")))?;
        files::create_unflushed(&dir.join(below), &content).map_err(|e| match e.code() {
            // One member twice: no backup of ours has that.
            code::EXISTS => strange(),
            _ => e,
        })?;
    }
    let about = about.filter(|a| a.format == 1).ok_or_else(strange)?;
    make_dirs_unflushed(dir, Path::new("vault/items"))?;
    Ok(about)
}

/// The files that a vault has, and no others: what is unpacked becomes paths.
fn ours(path: &str) -> bool {
    if let Some(id) = path.strip_prefix("inbox/").and_then(|p| p.strip_suffix(".age")) {
        return id.len() == 64
            && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    }
    let Some((name, file)) = path.strip_prefix("items/").and_then(|p| p.rsplit_once('/')) else {
        return ["vault.toml", "keys.age"].contains(&path);
    };
    name.parse::<SecretName>().is_ok()
        && (file == "meta.toml" || file_number(file.as_ref()).is_some())
}

/// As a vault in a home of its own: its settings by their own key, every record and every value by
/// those.
fn verify(about: About, identity: &Identity, dir: &Path) -> Result<Staged> {
    let (home, place) = (Home::at(dir), dir.join("vault"));
    let candidate = join::Candidate::look(&home, &place)?;
    let (id, key) = (candidate.id(), *candidate.key());
    let known = Known {
        id,
        key,
        log: LogId::random()?,
        since: about.created,
        how: "restore".into(),
        earlier: Vec::new(),
    };
    known::put(&home, known)?;
    let vault = Vault::open(&home, &place)?;
    open_keys(&vault, identity)?;
    let survey = vault.survey(&vault.names()?);
    if let Some(fault) = survey.faults.into_iter().next() {
        return Err(fault);
    }
    for item in &survey.items {
        let mut named = 1;
        vault.each_value(item, |_, _| {
            named += 1;
            Ok(())
        })?;
        if count_files(&vault.item_dir(&item.name))? != named {
            return Err(strange());
        }
    }
    if about.vault != id || about.secrets != survey.items.len() {
        return Err(strange());
    }
    Ok(Staged { dir: dir.to_owned(), about, vault, items: survey.items })
}

fn count_files(dir: &Path) -> Result<usize> {
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))?;
    Ok(entries.filter_map(|e| e.ok()?.file_type().ok()).filter(|t| t.is_file()).count())
}

/// The keys in a vault, which must be those that its records are signed with.
fn open_keys(vault: &Vault, identity: &Identity) -> Result<Keys> {
    let path = vault.dir().join("keys.age");
    let file = files::read(&path, vault.guard(), age_file::MAX_FILE)?;
    let keys = Roots::parse(age_file::decrypt_checked_out(&file, identity.keys())?)?.current();
    if keys.record_key() == *vault.record_key() { Ok(keys) } else { Err(signed::tampered(&path)) }
}

fn strange() -> Error {
    Error::new(
        Kind::Data,
        code::BAD_BACKUP,
        "the backup does not hold what a backup of hasp holds; nothing was changed",
    )
    .hint("hasp-vault backup > FILE makes one")
}
