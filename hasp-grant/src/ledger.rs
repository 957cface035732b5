//! The other half of every grant, in memory only: `<runtime>/grants/<jti>` while a grant can be
//! used, `<runtime>/spent/<jti>.<k>` for each use and `.revoked` or `.expired` for its end. One
//! lock covers spending, revoking and sweeping.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use hasp_core::files::{self, Guard};
use hasp_core::lock::{self, Lock};
use hasp_core::{Error, Kind, Result, Runtime, Timestamp, time, tree};

use crate::claims::Terms;
use crate::id::GrantId;
use crate::seal::Half;

/// The largest ledger entry, in bytes: the terms hold the approved command.
const MAX_ENTRY: usize = 8 << 20;

/// The ledger of one runtime directory.
#[derive(Clone, Debug)]
pub struct Ledger {
    runtime: Runtime,
}

/// What the ledger holds of one grant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    v: u8,
    /// Which vault minted it.
    pub vault: String,
    /// The boot in which it lives.
    boot: String,
    /// Seconds since boot from which, and up to which, it may be used.
    since: u64,
    until: u64,
    half: Half,
    /// The canonical terms, compared with the token's byte for byte.
    terms: String,
}

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All uses were spent.
    Spent,
    /// Somebody revoked it.
    Revoked,
    /// Its window closed and a sweep removed it.
    Expired,
}

impl End {
    /// In one word; the tombstone's ending, but for uses, which are numbered.
    pub fn word(self) -> &'static str {
        match self {
            End::Spent => "spent",
            End::Revoked => "revoked",
            End::Expired => "expired",
        }
    }
}

/// The ledger while its lock is held: nobody else spends, revokes or sweeps.
pub struct Locked<'a> {
    ledger: &'a Ledger,
    _lock: Lock,
}

impl Ledger {
    /// The ledger of this runtime directory; its folders are made if absent.
    pub fn open(runtime: &Runtime) -> Result<Ledger> {
        for folder in ["grants", "spent", "kept"] {
            runtime.dir(folder)?;
        }
        Ok(Ledger { runtime: runtime.clone() })
    }

    /// Waits for the lock, at most 10 s.
    pub fn lock(&self) -> Result<Locked<'_>> {
        Ok(Locked { ledger: self, _lock: lock::lock(&self.runtime.join("lock"))? })
    }

    /// The lock if nobody holds it.
    pub fn try_lock(&self) -> Result<Option<Locked<'_>>> {
        let held = lock::try_lock(&self.runtime.join("lock"))?;
        Ok(held.map(|lock| Locked { ledger: self, _lock: lock }))
    }

    /// Stores a new grant's entry and returns nothing of it: the half goes nowhere else.
    pub fn enter(&self, vault: &str, terms: &Terms, half: Half) -> Result<()> {
        let now = time::boot_seconds();
        let from_now =
            |t: Timestamp| u64::try_from(t.as_second() - terms.iat.as_second()).unwrap_or(0);
        let entry = Entry {
            v: 1,
            vault: vault.to_owned(),
            boot: time::boot_id()?,
            since: now + from_now(terms.nbf),
            until: now + from_now(terms.exp),
            half,
            terms: terms.canonical()?,
        };
        let text = hasp_core::secret::json(&entry)?;
        let _writing = self.lock()?;
        files::create(&self.entry_path(&terms.jti), &text)
    }

    /// The entry of a grant, or why there is none.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]` by its tombstone, `[no-ledger]` without one,
    /// `[ledger-damaged]`.
    pub fn entry(&self, id: &GrantId) -> Result<Entry> {
        if let Some(end @ (End::Revoked | End::Expired)) = self.ended(id)? {
            return Err(ended(id, end));
        }
        let path = self.entry_path(id);
        let Some(text) = files::read_if_present(&path, Guard::Private, MAX_ENTRY)? else {
            return Err(self.ended(id)?.map_or_else(|| lost(id), |end| ended(id, end)));
        };
        let text = zeroize::Zeroizing::new(text);
        match serde_json::from_slice(&text) {
            Ok(entry) => Ok(entry),
            // Read while somebody erased it: the tombstone was there first.
            Err(_) => Err(self.ended(id)?.map_or_else(|| damaged(id), |end| ended(id, end))),
        }
    }

    /// How the grant ended, by its tombstones.
    ///
    /// # Errors
    /// Where a tombstone cannot be looked for: a grant may have ended, and is not used.
    pub fn ended(&self, id: &GrantId) -> Result<Option<End>> {
        let tombs = [
            ("revoked", End::Revoked),
            ("expired", End::Expired),
            ("spent", End::Spent),
            ("1", End::Spent),
        ];
        for (suffix, end) in tombs {
            if tree::is_there(&self.tomb_path(id, suffix))? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }

    /// How often the grant was used.
    ///
    /// # Errors
    /// As [`Ledger::ended`].
    pub fn uses(&self, id: &GrantId) -> Result<u32> {
        let mut used = 0;
        while tree::is_there(&self.tomb_path(id, &(used + 1).to_string()))? {
            used += 1;
        }
        Ok(used)
    }

    /// The ids of all live entries, sorted.
    pub fn ids(&self) -> Result<Vec<GrantId>> {
        let folder = self.runtime.join("grants");
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))?;
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut ids: Vec<GrantId> = names.filter_map(|n| n.parse().ok()).collect();
        ids.sort();
        Ok(ids)
    }

    /// Ids and ends of the grants that left a tombstone, sorted.
    pub fn tombs(&self) -> Result<Vec<GrantId>> {
        let folder = self.runtime.join("spent");
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))?;
        let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
        let mut ids: Vec<GrantId> =
            names.filter_map(|n| n.split('.').next()?.parse().ok()).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// Where the token of a kept grant lies.
    pub fn kept_path(&self, id: &GrantId) -> PathBuf {
        self.runtime.join("kept").join(id.as_str())
    }

    /// The runtime directory of this ledger.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn entry_path(&self, id: &GrantId) -> PathBuf {
        self.runtime.join("grants").join(id.as_str())
    }

    fn tomb_path(&self, id: &GrantId, suffix: &str) -> PathBuf {
        self.runtime.join("spent").join(format!("{}.{suffix}", id.as_str()))
    }
}

impl Locked<'_> {
    /// Spends one use and gives out the half: a tombstone made exclusively for each use, and with
    /// the last one the half is overwritten and unlinked before it is returned.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]`, `[no-ledger]`: what happened since the checks.
    pub fn spend(&self, vault: &str, terms: &Terms) -> Result<Half> {
        let id = &terms.jti;
        let entry = self.ledger.entry(id)?;
        entry.check(vault, terms, &time::boot_id()?, time::boot_seconds())?;
        let Some(limit) = terms.uses else { return Ok(entry.half) };
        let used = self.ledger.uses(id)?;
        if used >= limit {
            return Err(ended(id, End::Spent));
        }
        self.bury(id, &(used + 1).to_string())?;
        if used + 1 == limit {
            self.erase(id)?;
        }
        Ok(entry.half)
    }

    /// Ends a grant: the tombstone first, so that a crash in between leaves it ended, then its half
    /// is erased, whether or not the tombstone could be made.
    pub fn end(&self, id: &GrantId, end: End) -> Result<()> {
        let buried = match end {
            // Its uses are its tombstones.
            End::Spent => Ok(()),
            End::Revoked | End::Expired => self.bury(id, end.word()),
        };
        self.erase(id)?;
        match buried {
            Err(e) if e.code() == "spent" => Ok(()),
            other => other,
        }
    }

    /// Removes tombstones of grants whose window closed more than a day ago, and temporary files of
    /// dead writers.
    pub fn tidy(&self, now: Timestamp) -> Result<()> {
        files::sweep_temps(&self.ledger.runtime.join("grants"))?;
        files::sweep_temps(&self.ledger.runtime.join("kept"))?;
        let horizon = now.before(std::time::Duration::from_secs(2 * 86400)).as_second();
        let folder = self.ledger.runtime.join("spent");
        tree::remove_files(&folder, |name| {
            let meta = folder.join(name).symlink_metadata();
            meta.is_ok_and(|m| std::os::unix::fs::MetadataExt::mtime(&m) < horizon)
        })
    }

    /// Unlinks the half and overwrites it where it lies, and removes a kept token. What is no
    /// private regular file holds no half of ours: it is only unlinked.
    fn erase(&self, id: &GrantId) -> Result<()> {
        let path = self.ledger.entry_path(id);
        if tree::is_there(&path)? {
            let file = files::open_or_create(&path).ok();
            std::fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
            if let Some(file) = file {
                let length = file.metadata().map_or(0, |m| m.len());
                let zeros = vec![0; usize::try_from(length).unwrap_or(MAX_ENTRY).min(MAX_ENTRY)];
                rustix::io::pwrite(&file, &zeros, 0).map_err(|e| Error::io("erase", &path, e))?;
            }
        }
        match std::fs::remove_file(self.ledger.kept_path(id)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.ledger.kept_path(id), e))
            }
            _ => Ok(()),
        }
    }

    fn bury(&self, id: &GrantId, suffix: &str) -> Result<()> {
        use rustix::fs::{CWD, Mode, OFlags};
        let path = self.ledger.tomb_path(id, suffix);
        let flags =
            OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR) {
            Ok(_) => Ok(()),
            Err(rustix::io::Errno::EXIST) => Err(ended(id, End::Spent)),
            Err(e) => Err(Error::io("write", &path, e)),
        }
    }
}

impl Entry {
    /// Compares the entry with the token's terms and this boot's clock.
    ///
    /// # Errors
    /// `[ledger-mismatch]` if it is another grant's entry, `[not-yet-valid]`, `[expired]` by the
    /// boot clock.
    pub fn check(&self, vault: &str, terms: &Terms, boot: &str, boot_seconds: u64) -> Result<()> {
        if self.v != 1 || self.vault != vault || self.terms != terms.canonical()? {
            return Err(Error::new(
                Kind::Denied,
                "ledger-mismatch",
                "the ledger's entry for this grant is another grant's",
            )
            .hint("mint a new one: hasp-grant -t TARGET"));
        }
        if !self.lives(boot, boot_seconds) {
            return Err(ended(&terms.jti, End::Expired));
        }
        if boot_seconds < self.since {
            return Err(Error::new(Kind::Denied, "not-yet-valid", "the grant is not valid yet"));
        }
        Ok(())
    }

    /// Whether its window is still open by the clock of this boot.
    pub fn lives(&self, boot: &str, boot_seconds: u64) -> bool {
        self.boot == boot && boot_seconds < self.until
    }

    /// The terms as they were minted.
    ///
    /// # Errors
    /// `[ledger-damaged]`.
    pub fn terms(&self) -> Result<Terms> {
        serde_json::from_str(&self.terms).map_err(|_| {
            Error::new(Kind::Denied, "ledger-damaged", "a ledger entry is damaged")
                .hint("hasp-grant revoke --all")
        })
    }
}

/// The denial for a grant that has ended.
pub fn ended(id: &GrantId, end: End) -> Error {
    let (code, text) = match end {
        End::Spent => ("spent", "was used up"),
        End::Revoked => ("revoked", "was revoked"),
        End::Expired => ("expired", "has expired"),
    };
    Error::new(Kind::Denied, code, format!("grant {} {text}", id.short()))
        .hint("mint a new one: hasp-grant -t TARGET")
}

fn lost(id: &GrantId) -> Error {
    Error::new(Kind::Denied, "no-ledger", format!("the ledger has nothing of grant {}: its half is gone", id.short()))
        .hint("grants end with the boot and live in one runtime directory; mint a new one: hasp-grant -t TARGET")
}

fn damaged(id: &GrantId) -> Error {
    Error::new(
        Kind::Denied,
        "ledger-damaged",
        format!("the ledger's entry for grant {} is damaged", id.short()),
    )
    .hint(format!("hasp-grant revoke {}", id.as_str()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::claims::Claims;

    const VAULT: &str = "00112233445566778899aabbccddeeff";

    fn terms(uses: Option<u32>) -> Terms {
        let vector: serde_json::Value =
            serde_json::from_str(include_str!("../tests/vectors/token.json")).unwrap();
        let claims = Claims::decode(vector["payload"].as_str().unwrap().as_bytes()).unwrap();
        Terms { jti: GrantId::random().unwrap(), uses, ..claims.terms }
    }

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        let ledger = Ledger::open(&Runtime::at(memory.path())).unwrap();
        (memory, ledger)
    }

    fn spend(ledger: &Ledger, terms: &Terms) -> std::result::Result<(), &'static str> {
        ledger.lock().unwrap().spend(VAULT, terms).map(drop).map_err(|e| e.code().as_str())
    }

    #[test]
    fn uses_are_counted_and_the_last_erases_the_half() {
        let (_memory, ledger) = ledger();
        let terms = terms(Some(2));
        ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
        assert_eq!(spend(&ledger, &terms), Ok(()));
        assert!(ledger.entry_path(&terms.jti).exists());
        assert_eq!(spend(&ledger, &terms), Ok(()));
        assert!(!ledger.entry_path(&terms.jti).exists());
        assert_eq!(spend(&ledger, &terms), Err("spent"));
    }

    #[test]
    fn a_crash_between_tombstone_and_erasure_burns_the_use() {
        let (_memory, ledger) = ledger();
        let terms = terms(Some(1));
        ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
        ledger.lock().unwrap().bury(&terms.jti, "1").unwrap();
        assert_eq!(spend(&ledger, &terms), Err("spent"));
    }

    #[test]
    fn a_revoked_entry_that_is_put_back_stays_revoked() {
        let (_memory, ledger) = ledger();
        let terms = terms(None);
        ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
        let saved = std::fs::read(ledger.entry_path(&terms.jti)).unwrap();
        ledger.lock().unwrap().end(&terms.jti, End::Revoked).unwrap();
        files::replace(&ledger.entry_path(&terms.jti), &saved).unwrap();
        assert_eq!(spend(&ledger, &terms), Err("revoked"));
    }

    #[test]
    fn a_tombstone_that_cannot_be_looked_for_refuses() {
        for uses in [None, Some(1), Some(2)] {
            let (memory, ledger) = ledger();
            let terms = terms(uses);
            ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
            // Not even root looks into what is no directory.
            let tombs = memory.path().join("spent");
            std::fs::rename(&tombs, memory.path().join("away")).unwrap();
            std::fs::write(&tombs, "").unwrap();
            assert_eq!(spend(&ledger, &terms), Err("io"));
            assert!(ledger.ended(&terms.jti).is_err() && ledger.uses(&terms.jti).is_err());
            std::fs::remove_file(&tombs).unwrap();
            std::fs::rename(memory.path().join("away"), &tombs).unwrap();
            assert_eq!(spend(&ledger, &terms), Ok(()));
        }
    }

    #[test]
    fn a_link_in_a_tombstones_place_is_one() {
        let (_memory, ledger) = ledger();
        let terms = terms(None);
        ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
        std::os::unix::fs::symlink("nowhere", ledger.tomb_path(&terms.jti, "revoked")).unwrap();
        assert_eq!(spend(&ledger, &terms), Err("revoked"));
    }

    #[test]
    fn an_ended_grant_says_how() {
        let (_memory, ledger) = ledger();
        for (end, code) in [(End::Revoked, "revoked"), (End::Expired, "expired")] {
            let terms = terms(None);
            ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
            std::fs::write(ledger.kept_path(&terms.jti), "token").unwrap();
            assert_eq!(spend(&ledger, &terms), Ok(()));
            ledger.lock().unwrap().end(&terms.jti, end).unwrap();
            assert_eq!(spend(&ledger, &terms), Err(code));
            assert!(!ledger.kept_path(&terms.jti).exists());
        }
        assert_eq!(spend(&ledger, &terms(None)), Err("no-ledger"));
    }

    #[test]
    fn another_grants_or_a_damaged_entry_is_refused() {
        let (_memory, ledger) = ledger();
        let (one, two) = (terms(None), terms(None));
        ledger.enter(VAULT, &one, Half::random().unwrap()).unwrap();
        std::fs::copy(ledger.entry_path(&one.jti), ledger.entry_path(&two.jti)).unwrap();
        assert_eq!(spend(&ledger, &two), Err("ledger-mismatch"));
        let text = std::fs::read(ledger.entry_path(&one.jti)).unwrap();
        for length in 0..text.len() {
            std::fs::write(ledger.entry_path(&one.jti), &text[..length]).unwrap();
            assert_eq!(spend(&ledger, &one), Err("ledger-damaged"), "cut at {length}");
        }
    }

    #[test]
    fn the_boot_clock_ends_a_grant_whatever_the_wall_clock_says() {
        let (_memory, ledger) = ledger();
        let terms = terms(None);
        ledger.enter(VAULT, &terms, Half::random().unwrap()).unwrap();
        let entry = ledger.entry(&terms.jti).unwrap();
        let (boot, now) = (time::boot_id().unwrap(), time::boot_seconds());
        let check = |boot: &str, at: u64| {
            entry.check(VAULT, &terms, boot, at).map_err(|e| e.code().as_str())
        };
        assert_eq!(check(&boot, now), Ok(()));
        assert_eq!(check(&boot, now + 16 * 60), Err("expired"));
        assert_eq!(check("another boot", now), Err("expired"));
        assert_eq!(check(&boot, 0), Err("not-yet-valid"));
    }
}
