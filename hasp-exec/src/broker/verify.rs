//! From a token to a verified grant. Nothing is changed by it but expired grants, which are swept.

use std::path::PathBuf;

use hasp_audit::EventKind;
use hasp_core::tool::Context;
use hasp_core::{Error, Result, Secret, Timestamp};
use hasp_grant::{
    Check, Terms, VerifiedGrant, record_end, signed_terms, sweep_expired, token_line, verify,
};

use crate::broker::Broker;
use crate::broker::events::Denied;
use crate::broker::find::{self, Found};
use crate::broker::kept::{read_kept, with_line};
use crate::cli::Cli;
use crate::deliver;

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
    let situation = broker.situation(cli, &found, context)?;
    let attempt = |text: &Secret| -> Attempt {
        let mut failed = None;
        let mut trace = |check: Check, error: Option<&Error>| failed = error.map(|_| check);
        let line = token_line(text.expose()).map_err(|e| Failure::of(e, Some(Check::Form)))?;
        let grant = verify(line, &situation, &mut trace).map_err(|error| Failure {
            error,
            check: failed,
            terms: signed_terms(line, &broker.vault),
        })?;
        let terms = grant.terms().clone();
        let deliverable = deliver::check(&terms.action, &broker.runtime);
        deliverable.map(|()| grant).map_err(|error| Failure {
            error,
            check: Some(Check::Deliveries),
            terms: Some(terms),
        })
    };
    let outcome = match found {
        Found::Token(text) => attempt(&text),
        Found::Kept(paths) => first_that_passes(&paths, broker, attempt),
    };
    outcome.map_err(|failure| {
        (denied.check, denied.terms) = (failure.check, failure.terms);
        failure.error
    })
}

/// Why a token was refused, and what it is for where it can be told.
struct Failure {
    error: Error,
    check: Option<Check>,
    terms: Option<Terms>,
}

impl Failure {
    fn of(error: Error, check: Option<Check>) -> Failure {
        Failure { error, check, terms: None }
    }
}

type Attempt = std::result::Result<VerifiedGrant, Failure>;

/// The newest kept grant that passes; if none does, why the one does not that came farthest.
fn first_that_passes(
    paths: &[PathBuf],
    broker: &Broker,
    attempt: impl Fn(&Secret) -> Attempt,
) -> Attempt {
    let place = |check: Option<Check>| Check::ALL.iter().position(|c| Some(*c) == check);
    let mut nearest: Option<Failure> = None;
    for path in paths {
        let text = read_kept(path).map_err(|e| Failure::of(e, None));
        match text.and_then(|text| attempt(&text)) {
            Ok(grant) => return Ok(grant),
            Err(failure) => {
                let error = with_line(failure.error, path, broker);
                let failure = Failure { error, ..failure };
                let farther =
                    nearest.as_ref().is_none_or(|old| place(failure.check) > place(old.check));
                nearest = if farther { Some(failure) } else { nearest };
            }
        }
    }
    Err(nearest.unwrap_or_else(|| Failure::of(Error::bug("no kept grant was tried"), None)))
}
