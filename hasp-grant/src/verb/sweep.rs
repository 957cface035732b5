//! `hasp-grant sweep`: removes what has ended and what dead writers left behind.

use hasp_audit::EventKind;
use hasp_core::Result;
use hasp_core::tool::{Context, Exit};

use crate::ledger::record::record;
use crate::ledger::sweep::sweep_unusable;
use crate::verb::ledgers;

/// `hasp-grant sweep`.
pub fn sweep(context: &mut Context) -> Result<Exit> {
    let mut swept = Vec::new();
    for ledger in ledgers(context)? {
        swept.extend(sweep_unusable(&ledger, context.now)?);
        ledger.lock()?.tidy(context.now)?;
    }
    if context.out.json {
        context.out.object(&serde_json::json!({"v": 1, "swept": swept.len()}))?;
    }
    record(&swept, EventKind::GrantSweep, context)?;
    context.out.note(&format!("{} swept", swept.len()));
    Ok(Exit::OK)
}
