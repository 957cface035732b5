//! The end of grants, put on record after it has happened.

use hasp_audit::{Event, EventKind};
use hasp_core::tool::Context;
use hasp_core::{GrantId, Here, Result};
use hasp_vault::Vault;

use crate::ledger::tombstone::Why;

/// A grant that has just ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Which.
    pub id: GrantId,
    /// Why.
    pub why: Why,
}

/// Puts the end of grants on record, in the log of the vault at hand.
pub fn record(ended: &[Ended], kind: EventKind, context: &Context) -> Result<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let fields =
        |e: &Ended| Event::new(kind).field("grant", e.id.as_str()).field("why", e.why.word());
    let events: Vec<Event> = ended.iter().map(fields).collect();
    Vault::here(&Here::find(&context.env)?)?.log()?.append(context.now, &events).map(drop)
}
