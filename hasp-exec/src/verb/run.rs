//! Running what was granted, in this order: find, check, spend, open, record, deliver, spawn,
//! relay, wait, record. Every denial is on record.

use std::os::fd::RawFd;
use std::sync::Arc;

use hasp_audit::Log;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, Timestamp};
use hasp_grant::{Released, VerifiedGrant, nothing_released};
use hasp_redact::Patterns;

use crate::broker::Broker;
use crate::broker::asked::confirmed;
use crate::broker::events::{self, Denied};
use crate::broker::running::{Granted, spawn};
use crate::broker::status::StatusFd;
use crate::broker::verify::verified;
use crate::cli::Cli;
use crate::deliver::directory;

/// Runs the granted command and ends as it ended.
pub(crate) fn run(
    cli: &Cli,
    passed: Vec<RawFd>,
    status: &StatusFd,
    context: &mut Context,
) -> Result<Exit> {
    let broker = Broker::open(context)?;
    directory::sweep(&broker.runtime)?;
    let log = broker.vault.log().map_err(nothing_released)?;
    let mut denied =
        Denied { check: None, terms: None, project: broker.root.as_deref().ok(), target: None };
    let mut notice = None;
    let outcome = verified(cli, &broker, context, &mut denied).and_then(|grant| {
        denied.terms = Some(grant.terms().clone());
        notice = grant.notice().map(str::to_owned);
        confirmed(&grant, &broker, context)?;
        released(grant, &broker, &log)
    });
    let (grant, released, patterns) = outcome.map_err(|error| {
        denied.target = broker.consented(cli);
        deny(error, &denied, &broker, &log, context)
    })?;
    if let Some(notice) = notice {
        context.out.warn(&notice);
    }
    let start = released.record;
    match spawn(cli, &grant, passed, released, &broker, &patterns, context) {
        Ok(running) => {
            status.started(running.pid(), grant.terms.jti.as_str(), start);
            let ending = running.finish(context);
            let recorded =
                log.append(Timestamp::now(), &[events::end(start, &grant.terms.jti, &ending)]);
            if let Err(e) = recorded {
                context.out.warn(&format!("the end of the command is not on record: {e}"));
            }
            status.ended(&ending);
            context.out.flush()?;
            Ok(ending.exit())
        }
        Err(error) => {
            log.append(Timestamp::now(), &[events::failed(start, &grant.terms.jti, &error)])?;
            Err(error)
        }
    }
}

/// Spends, opens and records, in this order; nothing has left this process when any of it fails.
fn released(
    grant: VerifiedGrant,
    broker: &Broker,
    log: &Log,
) -> Result<(Granted, Released, Arc<Patterns>)> {
    let granted = Granted {
        terms: grant.terms().clone(),
        program: grant.program().to_owned(),
        argv: grant.argv().to_vec(),
    };
    let held = grant.spend()?.open(&broker.vault)?;
    let patterns = Arc::new(held.patterns());
    let started =
        events::Start { terms: &granted.terms, program: &granted.program, argv: &granted.argv };
    let event = events::start(&started, &broker.caller, &broker.runtime, &patterns);
    let released = held.record(log, Timestamp::now(), &[event])?;
    Ok((granted, released, patterns))
}

/// Puts a denial on record where the record can be reached, and returns it.
fn deny(
    error: Error,
    denied: &Denied<'_>,
    broker: &Broker,
    log: &Log,
    context: &mut Context,
) -> Error {
    let event = events::deny(&error, denied, &broker.caller);
    if let Err(e) = log.deny(Timestamp::now(), event) {
        context.out.warn(&format!("the denial is not on record: {e}"));
    }
    error
}
