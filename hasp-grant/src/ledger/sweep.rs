//! The end of grants that nobody ended: their window closed, whoever could use them is gone, or
//! their last use died on the way.

use hasp_consumer::Caller;
use hasp_core::time::{boot_id, boot_seconds};
use hasp_core::{Result, Timestamp};

use crate::ledger::Ledger;
use crate::ledger::due::Due;
use crate::ledger::entry::Entry;
use crate::ledger::record::Ended;
use crate::ledger::tombstone::Why;
use crate::token::claims::Terms;

/// Ends what has expired, and removes what a process used up and died; skipped when somebody holds
/// the lock, and where nothing can have ended since the last look.
pub fn sweep_expired(ledger: &Ledger, now: Timestamp) -> Result<Vec<Ended>> {
    if ledger.is_quiet(now)? {
        return Ok(Vec::new());
    }
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
    let Some(locked) = ledger.try_lock()? else { return Ok(Vec::new()) };
    let mut swept = Vec::new();
    // What ends here may have others below it, which then end too.
    loop {
        let (mut due, before) = (Due::never()?, swept.len());
        for id in ledger.ids()? {
            let read = ledger.entry(&id).and_then(|entry| Ok((entry.terms()?, entry)));
            let Ok((terms, entry)) = read else { continue };
            match over(&entry, &terms) {
                None => due.lower(terms.exp, &entry),
                Some(why) => {
                    locked.end(&id, why.clone(), None)?;
                    swept.push(Ended { id, why });
                }
            }
        }
        if swept.len() == before {
            locked.looked(&due)?;
            return Ok(swept);
        }
    }
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
    let orphaned = || entry.parent.is_some_and(|p| ledger.has(&p).is_ok_and(|there| !there));
    closed.then_some(Why::Expired).or_else(|| orphaned().then_some(Why::Parent))
}
