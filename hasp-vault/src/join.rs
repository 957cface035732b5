//! Trusting a vault that somebody else made. What it says of itself is believed only as far as its
//! own key signs it; whether that is the right key, a person decides, once.

use std::path::Path;

use ed25519_dalek::VerifyingKey;
use hasp_audit::{Event, EventKind, Log, LogId};
use hasp_core::files::{self, Guard};
use hasp_core::text::printable_path;
use hasp_core::{Error, Home, Kind, Result, Timestamp, VaultId};

use crate::code;
use crate::crypto::age_file;
use crate::crypto::keys::{Keys, Roots};
use crate::format::known::{self, Known};
use crate::format::settings::{self, Settings};
use crate::format::signed::{self, Label};
use crate::open::fault::at_path;
use crate::open::identity::Identity;
use crate::open::vault::Vault;
use crate::recipients::pin::Keeper;

/// A vault that signs itself, and is not trusted yet.
pub struct Candidate<'a> {
    home: &'a Home,
    dir: &'a Path,
    settings: Settings,
    before: Option<Known>,
}

impl<'a> Candidate<'a> {
    /// Looks at the vault in a directory.
    ///
    /// # Errors
    /// `[no-vault]`, `[tampered]`, `[newer-format]`.
    pub fn look(home: &'a Home, dir: &'a Path) -> Result<Candidate<'a>> {
        let path = dir.join("vault.toml");
        let text =
            files::read_if_present(&path, Guard::Signed, settings::MAX_FILE)?.ok_or_else(|| {
                Error::new(
                    Kind::Missing,
                    code::NO_VAULT,
                    format!("there is no vault in {}", printable_path(dir)),
                )
            })?;
        let claimed = signed::unverified(&text).ok_or_else(|| signed::tampered(&path))?;
        let settings = Settings::parse(&claimed.body).map_err(|e| at_path(&e, &path))?;
        let label = Label { vault: settings.id, kind: signed::VAULT, name: "" };
        label.verify(&settings.record_key, &text).ok_or_else(|| signed::tampered(&path))?;
        let before = known::find(home, settings.id)?;
        Ok(Candidate { home, dir, settings, before })
    }

    /// Its id.
    pub fn id(&self) -> VaultId {
        self.settings.id
    }

    /// Where it lies.
    pub fn dir(&self) -> &Path {
        self.dir
    }

    /// The key that it signs with.
    pub fn key(&self) -> &VerifyingKey {
        &self.settings.record_key
    }

    /// The key that this home pinned for it before, if it did.
    pub fn pinned(&self) -> Option<&VerifyingKey> {
        self.before.as_ref().map(|k| &k.key)
    }

    /// Opens its keys: whoever cannot has nothing to trust yet.
    ///
    /// # Errors
    /// `[not-a-recipient]`, and `[tampered]` if its keys do not belong to the key that is to be
    /// pinned.
    pub fn keys(&self, identity: &Identity, keeper: &Keeper) -> Result<Keys> {
        keeper.refuse_foreign_pin(identity, self.id(), self.key())?;
        let path = self.dir.join("keys.age");
        let file = files::read(&path, Guard::Signed, age_file::MAX_FILE)?;
        let plain = age_file::decrypt_checked_out(&file, identity.keys())
            .map_err(|e| at_path(&e, &path))?;
        let keys = Roots::parse(plain).map_err(|e| at_path(&e, &path))?.current();
        if keys.record_key() != *self.key() {
            return Err(signed::tampered(&path));
        }
        Ok(keys)
    }

    /// Pins its key and begins a log under its root.
    pub fn pin(
        &self,
        identity: &Identity,
        keeper: &Keeper,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Vault> {
        let (log_id, vault) = (LogId::random()?, self.id().to_string());
        let log = Log::create(self.home, &log_id, keys.audit_root(), &vault, now, self.old_head())?;
        let lost = self.before.as_ref().and_then(|known| loss_of(self.home, &known.log));
        let joined = Event::new(EventKind::VaultJoin).field("vault", vault);
        log.append(now, &lost.into_iter().chain([joined]).collect::<Vec<_>>())?;
        log.checkpoint(self.key(), &|m| keys.sign_record(m))?;
        if let Some((name, content)) = keeper.repinned(identity, self.id(), self.key())? {
            files::replace(&self.home.join(name), &content)?;
        }
        known::put(self.home, self.entry(log_id, now))?;
        Vault::open(self.home, self.dir)
    }

    fn entry(&self, log: LogId, now: Timestamp) -> Known {
        let earlier = self.before.as_ref().map(Known::as_earlier).unwrap_or_default();
        Known { id: self.id(), key: *self.key(), log, since: now, how: "join".into(), earlier }
    }

    /// Where the log under the former key ended; a log that cannot be read any more has no end to
    /// carry over.
    fn old_head(&self) -> Option<String> {
        head_of(self.home, &self.before.as_ref()?.log)
    }
}

/// What a new log says of one that this home had and has lost.
pub(crate) fn loss_of(home: &Home, log: &LogId) -> Option<Event> {
    Log::is_gone(home, log).then(|| Event::new(EventKind::AuditLoss).field("log", log.as_str()))
}

/// Where a log ended, on one line.
pub(crate) fn head_of(home: &Home, log: &LogId) -> Option<String> {
    let head = Log::open(home, log).and_then(|log| log.head()).ok()?;
    Some(head.text().trim_end().replace('\n', " "))
}
