//! The verbs: minting, and what is done with grants that exist.

pub(crate) mod list;
pub(crate) mod mint;
pub(crate) mod revoke;
pub(crate) mod show;
pub(crate) mod sweep;

use hasp_core::Runtime;
use hasp_core::tool::Context;

use crate::ledger::Ledger;

/// The ledgers of all runtime directories; one that cannot be used is said and passed over.
pub fn ledgers(context: &mut Context) -> Vec<Ledger> {
    let mut ledgers = Vec::new();
    for runtime in Runtime::all(&context.env) {
        match Ledger::open(&runtime) {
            Ok(ledger) => ledgers.push(ledger),
            Err(error) => context.out.warn(&error.to_string()),
        }
    }
    ledgers
}
