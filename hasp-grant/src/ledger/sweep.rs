//! The end of grants that nobody ended: their window closed, whoever could use them is gone, or
//! their last use died on the way.

use hasp_consumer::Caller;
use hasp_core::time::{boot_id, boot_seconds};
use hasp_core::{GrantId, Result, Timestamp};

use crate::ledger::Ledger;
use crate::ledger::entry::Entry;
use crate::ledger::record::Ended;
use crate::ledger::tombstone::Why;
use crate::token::claims::Terms;

/// Ends what has expired, and removes what a process used up and died; skipped when somebody holds
/// the lock.
pub fn sweep_expired(ledger: &Ledger, now: Timestamp) -> Result<Vec<Ended>> {
    sweep(ledger, |entry, terms| over(ledger, entry, terms, now))
}

/// As [`sweep_expired`], and ends what is for a session or process that is gone.
pub fn sweep_unusable(ledger: &Ledger, now: Timestamp) -> Result<Vec<Ended>> {
    let caller = Caller::current()?;
    sweep(ledger, |entry, terms| {
        let gone = || terms.consumer.is_gone(&caller).then_some(Why::ConsumerGone);
        over(ledger, entry, terms, now).or_else(gone)
    })
}

fn sweep(ledger: &Ledger, over: impl Fn(&Entry, &Terms) -> Option<Why>) -> Result<Vec<Ended>> {
    let why = |id: &GrantId| {
        let entry = ledger.entry(id).ok()?;
        over(&entry, &entry.terms().ok()?)
    };
    if !ledger.ids()?.iter().any(|id| why(id).is_some()) {
        return Ok(Vec::new());
    }
    let Some(locked) = ledger.try_lock()? else { return Ok(Vec::new()) };
    let mut swept = Vec::new();
    for id in ledger.ids()? {
        if let Some(why) = why(&id) {
            locked.end(&id, why.clone())?;
            swept.push(Ended { id, why });
        }
    }
    Ok(swept)
}

/// How the grant has ended although its entry is still there.
fn over(ledger: &Ledger, entry: &Entry, terms: &Terms, now: Timestamp) -> Option<Why> {
    if terms.uses.is_some_and(|limit| ledger.uses(&terms.jti).is_ok_and(|used| used >= limit)) {
        return Some(Why::Spent);
    }
    let boot = boot_id().ok()?;
    if !entry.is_of_boot(&boot) {
        return Some(Why::OtherBoot);
    }
    let closed = now >= terms.exp || !entry.lives(&boot, boot_seconds());
    closed.then_some(Why::Expired)
}
