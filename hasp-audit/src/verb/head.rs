//! `head`: one signed line that, kept where this home's owner cannot change it, shows any later
//! rollback of the whole home.

use hasp_core::Result;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::verb::keys;
use crate::verb::place::Place;

/// Prints the signed head.
pub fn run(cx: &mut Context, place: &Place, note: bool) -> Result<Exit> {
    let head = place.log()?.head()?;
    let signature = keys::sign_head(head.text().as_bytes(), cx)?;
    let public = place.public()?;
    let line = head.line(&public, &signature);
    match (cx.out.json, note) {
        (true, _) => {
            cx.out.object(&json!({"v": 1, "log": head.log, "records": head.count, "head": line}))?
        }
        (false, true) => cx.out.data(head.note(&public, &signature).as_bytes())?,
        (false, false) => cx.out.line(&line)?,
    }
    Ok(Exit::OK)
}
