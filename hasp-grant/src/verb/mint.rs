//! Minting, the one thing that `hasp-grant` does without a verb.

use hasp_core::Result;
use hasp_core::descriptors::Sources;
use hasp_core::tool::{Context, Exit};

use crate::cli::Mint;
use crate::mint::{handover, jobserver};

/// Mints what is asked for and hands the token over.
pub fn mint(asked: &Mint, context: &mut Context) -> Result<Exit> {
    // Before anything of ours is open: a number names what the caller opened and nothing else.
    let jobserver = jobserver::inherited(&context.env, &Sources::of(&context.env));
    handover::check(asked, context)?;
    let minted = crate::mint::mint(asked, context)?;
    handover::hand_over(asked, &minted, &jobserver, context)
}
