//! `recover` and `accept-loss`: after damage, and only when a person says so.

use hasp_core::terminal::Terminal;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::log::Log;
use crate::verb::keys;
use crate::verb::place::Place;
use crate::verify::Against;
use crate::verify::recover::Loss;

/// Rebuilds the key state with the vault's key.
pub fn recover(cx: &mut Context, place: &Place) -> Result<Exit> {
    let public = place.public()?;
    let root = keys::audit_root(&place.id, cx)?;
    let against =
        Against { audit_root: &root, public: Some(&public), expect: None, progress: &|_| {} };
    let loss = Log::recover(&place.home, &place.id, &against, cx.now)?;
    object(cx, place, "rebuilt", loss)?;
    match loss {
        None => cx.out.note("the key state was rebuilt, which is on record"),
        Some(loss) => cx.out.warn(&lost(&loss)),
    }
    cx.out.note("look at the whole of it: hasp-audit verify");
    Ok(Exit::OK)
}

/// Goes on behind records that are missing, or in a new log where all of them are.
pub fn accept_loss(cx: &mut Context, place: &Place, yes: bool) -> Result<Exit> {
    if Log::is_gone(&place.home, &place.id) {
        return accept_whole_loss(cx, place, yes);
    }
    let log = place.log()?;
    agreed(cx, yes, PART)?;
    let loss = log.accept_loss(cx.now)?;
    object(cx, place, "loss-accepted", Some(loss))?;
    cx.out.warn(&lost(&loss));
    Ok(Exit::OK)
}

fn accept_whole_loss(cx: &mut Context, place: &Place, yes: bool) -> Result<Exit> {
    if !place.is_current()? {
        let message =
            format!("the record {} is gone, and nothing is written to it any more", place.id);
        return Err(Error::new(Kind::Usage, code::LOG_NOT_CURRENT, message)
            .hint("the vault's current record is another one: hasp-audit verify"));
    }
    agreed(cx, yes, WHOLE)?;
    keys::replace_log(cx)?;
    object(cx, place, "lost", None)?;
    cx.out.warn(&format!(
        "the record {} is lost; a new one was begun, which says so first",
        place.id
    ));
    Ok(Exit::OK)
}

/// What became of the record of this id, and which records of it are lost.
fn object(cx: &mut Context, place: &Place, outcome: &str, loss: Option<Loss>) -> Result<()> {
    if !cx.out.json {
        return Ok(());
    }
    let (first, last) = (loss.map(|l| l.first), loss.map(|l| l.last));
    cx.out.object(&serde_json::json!({
        "v": 1, "log": place.id, "outcome": outcome, "first": first, "last": last,
    }))
}

const PART: &str = "Records are missing, and no verification will ever call this record whole \
                    again. Go on without them?";
const WHOLE: &str = "The whole record is missing. A new one begins, and no verification will ever \
                     call it whole. Go on without the old one?";

fn agreed(cx: &mut Context, yes: bool, question: &str) -> Result<()> {
    if yes || asked(cx, question)? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "nothing was changed"))
}

fn asked(cx: &mut Context, question: &str) -> Result<bool> {
    cx.out.flush()?;
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(Kind::Locked, code::NO_TERMINAL, "there is no terminal to ask on")
            .hint("hasp-audit accept-loss --yes")
    })?;
    terminal.confirm(question)
}

fn lost(loss: &Loss) -> String {
    format!("records {} to {} are lost, which is on record", loss.first, loss.last)
}
