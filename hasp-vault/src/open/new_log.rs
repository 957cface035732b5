//! A new log in the place of one that is gone: the vault has the root that its first key comes
//! from, and the home's list of vaults says which log is written. It gets an id of its own, since a
//! key that somebody may have copied from the old one must not make records of the new one.

use std::path::PathBuf;

use hasp_audit::{Event, EventKind, Log, LogId};
use hasp_core::{Error, Kind, Result, Timestamp, lock};

use crate::code;
use crate::format::known::{self, Known};
use crate::open::unlocked::Unlocked;

impl Unlocked {
    /// Begins a log whose first records say that the one before is lost, and where the last signed
    /// head of that one was, if it is left. Says where what stood in its place is kept, if
    /// anything did.
    ///
    /// # Errors
    /// `[nothing-lost]` if the log is there.
    pub fn replace_log(&self, now: Timestamp) -> Result<Option<PathBuf>> {
        let (vault, home) = (self.vault(), self.vault().home());
        let _held = lock::lock(&vault.lock_path()?)?;
        let before = known::find(home, *vault.id())?.unwrap_or_else(|| vault.known().clone());
        if before.log != *vault.log_id() || !Log::is_gone(home, &before.log) {
            return Err(Error::new(
                Kind::Usage,
                code::NOTHING_LOST,
                "the record is there: nothing was changed",
            )
            .hint("look at the whole of it: hasp-audit verify"));
        }
        let kept = Log::make_room(home)?;
        let (id, key) = (LogId::random()?, before.key);
        let root = self.keys().audit_root();
        let log = Log::create(
            home,
            &id,
            root,
            &vault.id().to_string(),
            now,
            self.last_head(&before.log),
        )?;
        log.append(now, &[Event::new(EventKind::AuditLoss).field("log", before.log.as_str())])?;
        log.checkpoint(&key, &|m| self.keys().sign_record(m))?;
        known::put(home, Known { log: id, earlier: before.as_earlier(), ..before })?;
        Ok(kept)
    }

    /// The checkpoint of a log whose records are gone, if that is left and this vault's.
    fn last_head(&self, log: &LogId) -> Option<String> {
        let head = Log::last_head(self.vault().home(), log, self.vault().record_key())?;
        Some(head.text().trim_end().replace('\n', " "))
    }
}
