//! The other half of every grant, in memory only: `<runtime>/grants/<jti>` while a grant can be
//! used, `<runtime>/spent/<jti>.<k>` for each use and `.revoked` or `.expired` for its end. One
//! lock covers spending, revoking and sweeping.

pub(crate) mod directories;
pub(crate) mod due;
pub(crate) mod entry;
pub(crate) mod kept;
pub(crate) mod locked;
pub(crate) mod record;
pub(crate) mod sweep;
pub(crate) mod tombstone;

use std::path::PathBuf;

use hasp_core::files::Guard;
use hasp_core::lock::Lock;
use hasp_core::{Error, GrantId, Result, Runtime, files, lock, time, tree};

use crate::ledger::entry::{Entry, damaged, lost};
use crate::ledger::kept::place;
use crate::ledger::tombstone::{End, Tombstone, ended};
use crate::token::claims::Terms;
use crate::token::seal::Half;

/// The largest ledger entry, in bytes: the terms hold the approved command.
const MAX_ENTRY: usize = 8 << 20;

/// The ledger of one runtime directory.
#[derive(Clone, Debug)]
pub struct Ledger {
    runtime: Runtime,
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

    /// Stores a new grant's entry, below that of the grant that it was narrowed from, and returns
    /// nothing of it: the half goes nowhere else.
    pub fn enter(
        &self,
        vault: &str,
        terms: &Terms,
        half: Half,
        parent: Option<&GrantId>,
    ) -> Result<()> {
        let now = time::boot_seconds();
        let from_now = |second: i64| u64::try_from(second - terms.iat.as_second()).unwrap_or(0);
        let entry = Entry {
            v: 1,
            vault: vault.to_owned(),
            boot: time::boot_id()?,
            since: now + from_now(terms.nbf.as_second()),
            until: now + from_now(terms.exp.as_second()),
            half,
            parent: parent.copied(),
            place: place(vault, terms.project.as_path(), terms.action.target.as_deref()),
            terms: terms.canonical()?,
        };
        let text = hasp_core::secret::json(&entry)?;
        let _writing = self.lock()?;
        if let Some(parent) = parent {
            // Nobody ends it from here on until the entry below it is there.
            self.entry(parent)?;
            let marks = self.runtime.dir("narrowed")?;
            files::replace(&marks.join(parent.as_str()), b"")?;
        }
        self.lower_due(terms.exp, &entry)?;
        files::create(&self.entry_path(&terms.jti), &text)
    }

    /// The entry of a grant, or why there is none.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]` by its tombstone, `[no-ledger]` without one,
    /// `[ledger-damaged]`.
    pub fn entry(&self, id: &GrantId) -> Result<Entry> {
        if let Some(end @ (End::Revoked | End::Expired)) = self.ended(id)? {
            return Err(self.denial(id, end));
        }
        let path = self.entry_path(id);
        let Some(text) = files::read_if_present(&path, Guard::Private, MAX_ENTRY)? else {
            return Err(self.ended(id)?.map_or_else(|| lost(id), |end| self.denial(id, end)));
        };
        let text = zeroize::Zeroizing::new(text);
        match serde_json::from_slice(&text) {
            Ok(entry) => Ok(entry),
            // Read while somebody erased it: the tombstone was there first.
            Err(_) => Err(self.ended(id)?.map_or_else(|| damaged(id), |end| self.denial(id, end))),
        }
    }

    /// Why a grant that ended so cannot be used, with what its tombstone tells.
    pub fn denial(&self, id: &GrantId, end: End) -> Error {
        self.tombstone(id).map_or_else(|| ended(id, end), |tombstone| tombstone.denial(id))
    }

    /// What the last tombstone of a grant tells, if it tells anything.
    pub fn tombstone(&self, id: &GrantId) -> Option<Tombstone> {
        let last = self.uses(id).ok()?.to_string();
        let suffixes = [End::Revoked.word(), End::Expired.word(), End::Spent.word(), &last];
        let found =
            suffixes.iter().map(|suffix| self.tomb_path(id, suffix)).find(|p| p.exists())?;
        let text = files::read(&found, Guard::Private, tombstone::MAX_TOMBSTONE).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Whether the grant has an entry, usable or not.
    ///
    /// # Errors
    /// Where it cannot be looked for.
    pub fn has(&self, id: &GrantId) -> Result<bool> {
        tree::is_there(&self.entry_path(id))
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

    /// Ids of the grants that left a tombstone, sorted.
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

#[cfg(test)]
mod tests;
