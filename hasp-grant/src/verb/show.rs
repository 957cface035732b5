//! `hasp-grant show`: what a token grants, without half and seal.

use hasp_consumer::Caller;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Here, Result, Runtime};
use hasp_vault::Vault;

use crate::mint::summary;
use crate::spend::situation::Situation;
use crate::spend::standing::{State, state_of};
use crate::token;
use crate::token::claims::Terms;
use crate::token::paseto;
use crate::verb::ledgers;
use crate::verb::source::read_token;

/// `hasp-grant show`: the claims without half and seal, and whether this vault signed them.
pub fn show(source: Option<&std::ffi::OsStr>, context: &mut Context) -> Result<Exit> {
    let text = read_token(source, context)?;
    let parts = paseto::parse(token::line(text.expose())?)?;
    let vault = Vault::here(&Here::find(&context.env)?)?;
    token::check_footer(&parts, &vault)?;
    let terms = token::verify(&parts, &vault)?.terms;
    let state = state(&terms, &vault, context)?;
    if context.out.json {
        let why = summary::why(&state);
        context.out.object(&serde_json::json!({
            "v": 1, "signature": "good", "state": state.word(), "why": why, "terms": terms,
        }))?;
        return Ok(Exit::OK);
    }
    let head =
        format!("grant {}: {}, signed by this vault", terms.jti.short(), summary::headline(&terms));
    context.out.folded(&head, 4)?;
    context.out.folded(&summary::state_line(&state), summary::HANG)?;
    for line in summary::terms_lines(&terms) {
        context.out.folded(&line, summary::HANG)?;
    }
    Ok(Exit::OK)
}

/// How it stands, as hasp-exec would find it in its project.
fn state(terms: &Terms, vault: &Vault, context: &mut Context) -> Result<State> {
    let ledgers = ledgers(context)?;
    let at = Situation {
        vault,
        ledgers: &ledgers,
        runtime: &Runtime::locate(&context.env)?,
        caller: &Caller::current()?,
        root: terms.project.as_path(),
        search: context.env.get("PATH"),
        now: context.now,
        target: None,
        words: None,
        searched: false,
    };
    Ok(state_of(terms, &at))
}
