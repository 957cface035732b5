//! The end of grants, put on record after it has happened.

use hasp_audit::{Event, EventKind};
use hasp_core::tool::Context;
use hasp_core::{GrantId, Here, Result};
use hasp_vault::Vault;

/// Puts the end of grants on record, in the log of the vault at hand.
pub fn record(ids: &[GrantId], kind: EventKind, why: &str, context: &Context) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let events: Vec<Event> = ids
        .iter()
        .map(|id| Event::new(kind).field("grant", id.as_str()).field("why", why))
        .collect();
    Vault::here(&Here::find(&context.env)?)?.log()?.append(context.now, &events).map(drop)
}
