//! Minting, the one thing that `hasp-grant` does without a verb.

use hasp_audit::{Event, EventKind};
use hasp_consumer::Caller;
use hasp_core::descriptors::Sources;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Here, Home, Result};
use hasp_vault::record_denial;

use crate::cli::Mint;
use crate::mint::{Minted, handover, jobserver, propose, refused};

/// Mints what is asked for and hands the token over.
pub fn mint(asked: &Mint, context: &mut Context) -> Result<Exit> {
    // Before anything of ours is open: a number names what the caller opened and nothing else.
    let jobserver = jobserver::inherited(&context.env, &Sources::of(&context.env));
    let minted = proposed(asked, context).inspect_err(|error| {
        record_denial(error, EventKind::GrantDeny, context, known(asked, context))
    })?;
    handover::hand_over(asked, &minted, &jobserver, context)
}

fn proposed(asked: &Mint, context: &mut Context) -> Result<Minted> {
    // What is wrong with the line is said before it is said that a token goes to no terminal.
    let proposal = propose(asked, context)?;
    handover::check(asked, context)?;
    crate::mint::mint(proposal, context)
}

/// What is known of a grant that was refused: where, for what, and who asked.
fn known<'a>(asked: &'a Mint, context: &Context) -> impl FnOnce(Event) -> Event + use<'a> {
    let home = Home::locate(&context.env).ok();
    let here = home.map(|home| Here::within(&home, &context.env));
    let root = here.and_then(|here| Some(here.root().ok()??.to_owned()));
    let caller = Caller::current().ok();
    let secrets = refused::secrets(asked, context);
    move |event| {
        let event = root.iter().fold(event, |event, root| event.os("project", root));
        event
            .maybe("target", asked.target.clone())
            .maybe("secrets", secrets)
            .maybe("asker", caller.map(|caller| caller.recorded()))
    }
}
