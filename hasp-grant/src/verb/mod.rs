//! The verbs: minting, and what is done with grants that exist.

pub(crate) mod list;
pub(crate) mod mint;
pub(crate) mod narrow;
pub(crate) mod policy;
pub(crate) mod revoke;
pub(crate) mod show;
pub(crate) mod source;
pub(crate) mod suggest;
pub(crate) mod sweep;
pub(crate) mod why;

use hasp_core::Home;
use hasp_core::Result;
use hasp_core::tool::Context;

use crate::ledger::Ledger;
use crate::ledger::directories::everywhere;

/// The ledgers of all runtime directories; one that cannot be used is said and passed over.
pub fn ledgers(context: &mut Context) -> Result<Vec<Ledger>> {
    let found = everywhere(&context.env, &Home::locate(&context.env)?, context.now);
    found.unreached.iter().for_each(|error| context.out.warn(&error.to_string()));
    Ok(found.ledgers)
}
