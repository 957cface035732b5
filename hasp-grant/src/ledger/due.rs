//! When the next grant ends by itself, in a file of its own: a run that comes before that moment
//! looks at one file, however many grants there are. Where nothing says it, all are looked at.

use hasp_core::files::{self, Guard};
use hasp_core::{Result, Timestamp, time, tree};
use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::ledger::entry::Entry;

/// The file of the runtime directory that says it.
const FILE: &str = "due";
/// The file that is there while a last use is spent: what is found half done must not wait.
pub(super) const SPENDING: &str = "spending";
/// The longest of it, in bytes.
const MAX_FILE: usize = 4096;

/// No grant of this boot ends before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    boot: String,
    /// By the wall clock, in seconds.
    wall: i64,
    /// By the clock of the boot, in seconds.
    clock: u64,
}

impl Due {
    /// As long as there is no grant.
    pub fn never() -> Result<Due> {
        Ok(Due { boot: time::boot_id()?, wall: i64::MAX, clock: u64::MAX })
    }

    /// Not after this grant.
    pub fn lower(&mut self, exp: Timestamp, entry: &Entry) {
        self.wall = self.wall.min(exp.as_second());
        self.clock = self.clock.min(entry.until);
    }
}

impl Ledger {
    /// Whether nothing has ended by itself since all grants were looked at.
    ///
    /// # Errors
    /// Where that cannot be looked for.
    pub fn is_quiet(&self, now: Timestamp) -> Result<bool> {
        let Some(due) = self.due() else { return Ok(false) };
        let over = now.as_second() >= due.wall || time::boot_seconds() >= due.clock;
        Ok(!over && due.boot == time::boot_id()? && !tree::is_there(&self.runtime.join(SPENDING))?)
    }

    /// Writes down what a look at all grants found; the caller holds the lock.
    pub(super) fn set_due(&self, due: &Due) -> Result<()> {
        let text = serde_json::to_vec(due).unwrap_or_default();
        files::replace(&self.runtime.join(FILE), &text)
    }

    /// Before a grant is entered; the caller holds the lock. What is not known stays so.
    pub(super) fn lower_due(&self, exp: Timestamp, entry: &Entry) -> Result<()> {
        let Some(old) = self.due() else { return Ok(()) };
        let mut due = old.clone();
        due.lower(exp, entry);
        if due == old { Ok(()) } else { self.set_due(&due) }
    }

    /// Has the next sweep look at all of them.
    pub(super) fn forget_due(&self) {
        let _ = std::fs::remove_file(self.runtime.join(FILE));
    }

    fn due(&self) -> Option<Due> {
        let text = files::read(&self.runtime.join(FILE), Guard::Private, MAX_FILE).ok()?;
        serde_json::from_slice(&text).ok()
    }
}
