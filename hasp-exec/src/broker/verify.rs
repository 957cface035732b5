//! From a token to a verified grant. Nothing is changed by it but expired grants, which are swept.

use hasp_audit::EventKind;
use hasp_core::tool::Context;
use hasp_core::{Result, Timestamp};
use hasp_grant::{Found, VerifiedGrant, choose, record_end, sweep_expired};

use crate::broker::Broker;
use crate::broker::events::Denied;
use crate::broker::find;
use crate::cli::Cli;

/// Finds the token and applies the checks; of several kept ones, the newest that passes.
pub(crate) fn verified(
    cli: &Cli,
    broker: &Broker,
    context: &mut Context,
    denied: &mut Denied<'_>,
) -> Result<VerifiedGrant> {
    for ledger in &broker.ledgers {
        // What cannot be swept now is swept later; that it is over is checked below.
        let swept = sweep_expired(ledger, context.now).unwrap_or_default();
        record_end(&swept, EventKind::GrantSweep, context)?;
    }
    let found = find::find(cli, broker, context)?;
    // Waiting for a token takes time, and one that was minted meanwhile is not from the future.
    context.now = Timestamp::now();
    let at = broker.situation(cli, matches!(found, Found::Kept(_)), context)?;
    let attempt = choose(&found, &at);
    denied.check = attempt.failed();
    denied.terms = attempt.terms;
    attempt.outcome
}
