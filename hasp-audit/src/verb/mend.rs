//! `recover` and `accept-loss`: after damage, and only when a person says so.

use hasp_core::terminal::Terminal;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use crate::keys;
use crate::log::Log;
use crate::mend::Loss;
use crate::place::Place;
use crate::verify::Against;

/// Rebuilds the key state with the vault's key.
pub fn recover(cx: &mut Context, place: &Place) -> Result<Exit> {
    let public = place.public()?;
    let root = keys::audit_root(&place.id)?;
    let against = Against { audit_root: &root, public: Some(&public), expect: None, progress: &|_| {} };
    match Log::recover(&place.home, &place.id, &against, cx.now)? {
        None => cx.out.note("the key state was rebuilt, which is on record"),
        Some(loss) => cx.out.warn(&lost(&loss)),
    }
    cx.out.note("look at the whole of it: hasp-audit verify");
    Ok(Exit::OK)
}

/// Goes on behind records that are missing.
pub fn accept_loss(cx: &mut Context, place: &Place, yes: bool) -> Result<Exit> {
    let log = place.log()?;
    if !yes && !asked(cx)? {
        return Err(Error::new(Kind::No, "interrupted", "nothing was changed"));
    }
    let loss = log.accept_loss(cx.now)?;
    cx.out.warn(&lost(&loss));
    Ok(Exit::OK)
}

fn asked(cx: &mut Context) -> Result<bool> {
    cx.out.flush()?;
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(Kind::Locked, "no-terminal", "there is no terminal to ask on").hint("hasp-audit accept-loss --yes")
    })?;
    terminal
        .confirm("Records are missing, and no verification will ever call this record whole again. Go on without them?")
}

fn lost(loss: &Loss) -> String {
    format!("records {} to {} are lost, which is on record", loss.first, loss.last)
}
