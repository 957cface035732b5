//! The end of grants that nobody ended: their window closed, or their last use died on the way.

use hasp_core::time::{boot_id, boot_seconds};
use hasp_core::{GrantId, Result, Timestamp};

use crate::ledger::Ledger;
use crate::ledger::tombstone::End;

/// Ends what has expired, and removes what a process used up and died; skipped when somebody holds
/// the lock.
pub fn sweep_expired(ledger: &Ledger, now: Timestamp) -> Result<Vec<GrantId>> {
    if !ledger.ids()?.iter().any(|id| over(ledger, id, now).is_some()) {
        return Ok(Vec::new());
    }
    let Some(locked) = ledger.try_lock()? else { return Ok(Vec::new()) };
    let mut swept = Vec::new();
    for id in ledger.ids()? {
        if let Some(end) = over(ledger, &id, now) {
            locked.end(&id, end)?;
            swept.push(id);
        }
    }
    Ok(swept)
}

/// How the grant has ended although its entry is still there.
pub fn over(ledger: &Ledger, id: &GrantId, now: Timestamp) -> Option<End> {
    let entry = ledger.entry(id).ok()?;
    let terms = entry.terms().ok()?;
    if terms.uses.is_some_and(|limit| ledger.uses(id).is_ok_and(|used| used >= limit)) {
        return Some(End::Spent);
    }
    let closed =
        now >= terms.exp || boot_id().is_ok_and(|boot| !entry.lives(&boot, boot_seconds()));
    closed.then_some(End::Expired)
}
