//! `--explain`: each check with a mark and what would be delivered; nothing is spent, recorded,
//! opened or run.

use hasp_core::text::{printable_os, printable_path, shell_words};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Timestamp};
use hasp_grant::{
    Attempt, Found, HANG, VerifiedGrant, choose, print_check, print_checks, terms_lines,
};

use crate::broker::Broker;
use crate::broker::find;
use crate::child::environment;
use crate::cli::Cli;

/// What is none of the grant's checks and has to hold as well.
const WRITABLE: &str = "the record and the runtime directory can be written";

/// Prints the checks of the token that would be used: 0 if it would run, else 1.
pub(crate) fn explain(cli: &Cli, context: &mut Context) -> Result<Exit> {
    let broker = Broker::open(context)?;
    let found = find::find(cli, &broker, context)?;
    context.now = Timestamp::now();
    let situation = broker.situation(cli, matches!(found, Found::Kept(_)), context)?;
    let Attempt { passed, outcome, .. } = choose(&found, &situation);
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
