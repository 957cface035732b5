//! Where, when, by whom and for what a token is presented.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use hasp_consumer::Caller;
use hasp_core::{GrantId, Result, Runtime, Timestamp};
use hasp_vault::Vault;

use crate::ledger::Ledger;
use crate::ledger::entry::lost;
use crate::ledger::tombstone::End;

/// Where, when and by whom a token is presented, and for what.
pub struct Situation<'a> {
    /// The vault at hand.
    pub vault: &'a Vault,
    /// The ledgers of all runtime directories of this user.
    pub ledgers: &'a [Ledger],
    /// The runtime directory in which files are delivered.
    pub runtime: &'a Runtime,
    /// Who asks.
    pub caller: &'a Caller,
    /// The root of the project at the current directory.
    pub root: &'a Path,
    /// PATH, used only when any command was approved and the grant does not pin it.
    pub search: Option<&'a OsStr>,
    /// The wall clock.
    pub now: Timestamp,
    /// The target that is asked for, if one is.
    pub target: Option<&'a str>,
    /// The words after `--`, if there is a `--`.
    pub words: Option<&'a [OsString]>,
    /// Whether the token was looked for, not given: then words without a target mean a command,
    /// never further words of a target.
    pub searched: bool,
}

impl<'a> Situation<'a> {
    /// The ledger that has this grant. An end anywhere is its end, whatever lies elsewhere.
    ///
    /// # Errors
    /// `[no-ledger]`; where a tombstone cannot be looked for.
    pub fn holder(&self, id: &GrantId) -> Result<&'a Ledger> {
        let (mut holder, mut spent) = (None, None);
        for ledger in self.ledgers {
            match ledger.ended(id)? {
                Some(End::Revoked | End::Expired) => return Ok(ledger),
                Some(End::Spent) => spent = Some(ledger),
                None => {}
            }
            if ledger.has(id)? {
                holder = holder.or(Some(ledger));
            }
        }
        holder.or(spent).ok_or_else(|| lost(id))
    }

    /// Whether the token of this grant was kept for hasp-exec to find.
    pub fn is_kept(&self, id: &GrantId) -> bool {
        self.ledgers.iter().any(|ledger| {
            ledger.kept_path(id).exists() || ledger.tombstone(id).is_some_and(|t| t.kept)
        })
    }
}
