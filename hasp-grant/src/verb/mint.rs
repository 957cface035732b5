//! Minting, the one thing that `hasp-grant` does without a verb.

use hasp_core::Result;
use hasp_core::descriptors::Sources;
use hasp_core::tool::{Context, Exit};

use crate::cli::Mint;
use crate::mint::{handover, jobserver, propose};

/// Mints what is asked for and hands the token over.
pub fn mint(asked: &Mint, context: &mut Context) -> Result<Exit> {
    // Before anything of ours is open: a number names what the caller opened and nothing else.
    let jobserver = jobserver::inherited(&context.env, &Sources::of(&context.env));
    // What is wrong with the line is said before it is said that a token goes to no terminal.
    let proposal = propose(asked, context)?;
    handover::check(asked, context)?;
    let minted = crate::mint::mint(proposal, context)?;
    handover::hand_over(asked, &minted, &jobserver, context)
}
