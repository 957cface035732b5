//! `--explain`: each check with a mark and what would be delivered; nothing is spent, recorded,
//! opened or run.

use std::path::PathBuf;

use hasp_core::output::without_tokens;
use hasp_core::text::{printable_os, printable_path, shell_words};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, Secret, Timestamp};
use hasp_grant::{Check, HANG, Situation, VerifiedGrant, terms_lines, token_line, verify};

use crate::broker::Broker;
use crate::broker::find::{self, Found};
use crate::broker::kept::{read_kept, with_line};
use crate::child::environment;
use crate::cli::Cli;
use crate::deliver;

/// What is none of the grant's checks and has to hold as well.
const WRITABLE: &str = "the record and the runtime directory can be written";

/// Prints the checks of the token that would be used: 0 if it would run, else 1.
pub(crate) fn explain(cli: &Cli, context: &mut Context) -> Result<Exit> {
    let broker = Broker::open(context)?;
    let found = find::find(cli, &broker, context)?;
    context.now = Timestamp::now();
    let situation = broker.situation(cli, &found, context)?;
    let (passed, outcome) = match &found {
        Found::Token(text) => attempt(text, &situation),
        Found::Kept(paths) => nearest(paths, &broker, &situation)
            .ok_or_else(|| Error::bug("there is no token to explain"))?,
    };
    print_checks(&passed, outcome.as_ref().err(), context)?;
    let outcome = outcome.and_then(|grant| {
        let writable = broker.can_write();
        print_check(WRITABLE, "ok", writable.as_ref().err(), context)?;
        writable.map(|()| grant)
    });
    match outcome {
        Ok(grant) => print_action(&grant, context).map(|()| Exit::OK),
        Err(error) => {
            error.hints().iter().for_each(|hint| context.out.note(&format!("hint: {hint}")));
            Ok(Exit::NO)
        }
    }
}

/// The checks that passed, and the grant or the check that did not.
type Attempt = (Vec<Check>, Result<VerifiedGrant>);

/// Of several kept ones the newest that passes, else the one that comes farthest.
fn nearest(paths: &[PathBuf], broker: &Broker, situation: &Situation<'_>) -> Option<Attempt> {
    let mut found: Option<Attempt> = None;
    for path in paths {
        let tried =
            read_kept(path).map_or_else(|e| (Vec::new(), Err(e)), |text| attempt(&text, situation));
        if tried.1.is_ok() {
            return Some(tried);
        }
        let tried = (tried.0, tried.1.map_err(|e| with_line(e, path, broker)));
        let farther = found.as_ref().is_none_or(|old| tried.0.len() > old.0.len());
        found = if farther { Some(tried) } else { found };
    }
    found
}

fn attempt(text: &Secret, situation: &Situation<'_>) -> Attempt {
    let mut passed = Vec::new();
    let mut trace = |check: Check, error: Option<&Error>| {
        if error.is_none() {
            passed.push(check);
        }
    };
    let verified = token_line(text.expose()).and_then(|line| verify(line, situation, &mut trace));
    let possible = |grant: VerifiedGrant| {
        let outcome = deliver::check(&grant.terms().action, situation.runtime);
        if outcome.is_err() {
            passed.pop();
        }
        outcome.map(|()| grant)
    };
    let outcome = verified.and_then(possible);
    (passed, outcome)
}

fn print_checks(passed: &[Check], error: Option<&Error>, context: &mut Context) -> Result<()> {
    for (position, check) in Check::ALL.into_iter().enumerate() {
        let ended = passed.len();
        let mark = if position < ended { "ok" } else { "-" };
        print_check(check.label(), mark, error.filter(|_| position == ended), context)?;
    }
    Ok(())
}

/// One line: a failed check has its reason in the place of the mark.
fn print_check(
    label: &str,
    mark: &str,
    error: Option<&Error>,
    context: &mut Context,
) -> Result<()> {
    let mark = if error.is_some() { "no" } else { mark };
    if context.out.json {
        let code = error.map(Error::code);
        let object = serde_json::json!({"v": 1, "check": label, "result": mark, "code": code});
        return context.out.object(&object);
    }
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    context.out.folded(&without_tokens(&format!("{mark:<3} {label}{why}")), 4)
}

fn print_action(grant: &VerifiedGrant, context: &mut Context) -> Result<()> {
    let terms = grant.terms();
    let dropped = environment::inherit(&context.env, &terms.action.env).dropped;
    let dropped: Vec<String> = dropped.iter().map(|n| printable_os(n)).collect();
    let command = shell_words(grant.argv().iter().map(std::ffi::OsString::as_os_str));
    if context.out.json {
        return context.out.object(&serde_json::json!({
            "v": 1, "grant": terms.jti, "program": printable_path(grant.program()),
            "command": command, "deliveries": terms.action.deliveries,
            "templates": terms.action.templates, "no_new_privs": terms.action.no_new_privs,
            "items": terms.items, "dropped": dropped,
        }));
    }
    context.out.folded(&format!("would run: {command}"), 4)?;
    for line in terms_lines(terms).iter().skip(1) {
        context.out.folded(line, HANG)?;
    }
    if !dropped.is_empty() {
        context.out.folded(&format!("  {:<10} {}", "drops", dropped.join(" ")), HANG)?;
    }
    Ok(())
}
