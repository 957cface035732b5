//! `hasp-grant why`: would hasp-exec take it, and if not, which check refuses. Nothing is spent.

use std::ffi::OsString;

use hasp_bind::Project;
use hasp_consumer::Caller;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Here, Result, Timestamp, Var};
use hasp_vault::Vault;

use crate::cli::Why;
use crate::code;
use crate::ledger::directories::{Everywhere, everywhere};
use crate::spend::kept::{Attempt, Found, choose, kept};
use crate::spend::report::{print_check, print_checks};
use crate::spend::situation::Situation;
use crate::verb::source::read_token;

/// What stands before the checks where no token is named.
const KEPT: &str = "a grant is kept for this";

/// `hasp-grant why`: 0 if it would run, else 1.
pub fn why(asked: &Why, context: &mut Context) -> Result<Exit> {
    let here = Here::find(&context.env)?;
    let (home, runtime) = (here.home().clone(), here.runtime()?);
    let (root, vault) = (Project::root(&here)?, Vault::here(&here)?);
    let caller = Caller::current()?;
    let Everywhere { ledgers, unreached } = everywhere(&context.env, &home, context.now);
    let search = context.env.get("PATH").map(OsString::from);
    let named = asked.grant.clone().or_else(|| context.env.var(Var::Grant).map(OsString::from));
    let given = match named.filter(|word| word != "kept") {
        Some(word) => Some(read_token(Some(&word), context)?),
        None => None,
    };
    let at = Situation {
        vault: &vault,
        ledgers: &ledgers,
        runtime: &runtime,
        caller: &caller,
        root: &root,
        search: search.as_deref(),
        // Waiting for a token takes time, and one that was minted meanwhile is not from the future.
        now: Timestamp::now(),
        target: asked.target.as_deref(),
        words: (!asked.argv.is_empty()).then_some(asked.argv.as_slice()),
        searched: given.is_none(),
    };
    let found = match given {
        Some(text) => Found::Token(text),
        None => match kept(&at, &home, &unreached) {
            Ok(paths) => Found::Kept(paths),
            Err(error) if error.code() == code::NO_GRANT => return refused(KEPT, &error, context),
            Err(error) => return Err(error),
        },
    };
    let Attempt { passed, outcome, .. } = choose(&found, &at);
    print_checks(&passed, outcome.as_ref().err(), context)?;
    match outcome {
        Ok(_) => Ok(Exit::OK),
        Err(error) => Ok(hinted(&error, context)),
    }
}

fn refused(label: &str, error: &Error, context: &mut Context) -> Result<Exit> {
    print_check(label, "no", Some(error), context)?;
    Ok(hinted(error, context))
}

fn hinted(error: &Error, context: &mut Context) -> Exit {
    error.hints().iter().for_each(|hint| context.out.note(&format!("hint: {hint}")));
    Exit::NO
}
