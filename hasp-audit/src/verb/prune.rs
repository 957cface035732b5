//! `prune`: what the policy does not keep any longer goes; without `--due` it is only shown.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Policy, Result, Timestamp};
use serde_json::json;

use crate::code;
use crate::prune::Due;
use crate::verb::place::Place;
use crate::verb::{keys, verify};

/// Shows what is due, 1 if anything is; with `--due` removes it.
pub(crate) fn run(cx: &mut Context, place: &Place, due: bool) -> Result<Exit> {
    let Some(kept) = Policy::read(place.home.root())?.retention.record else {
        cx.out
            .note("policy.toml sets no term: all records are kept; see POLICY in: man hasp-audit");
        return nothing(cx);
    };
    let before = cx.now.before(kept);
    match due {
        true => remove(cx, place, before),
        false => show(cx, place, before),
    }
}

fn show(cx: &mut Context, place: &Place, before: Timestamp) -> Result<Exit> {
    let Some(due) = place.packed_log(cx)?.due(before)? else { return nothing(cx) };
    tell(cx, &due, "due")?;
    cx.out.note("remove them: hasp-audit prune --due");
    Ok(Exit::NO)
}

fn remove(cx: &mut Context, place: &Place, before: Timestamp) -> Result<Exit> {
    if !place.is_current()? {
        let message = format!("nothing is written to the record {} any more", place.id);
        return Err(Error::new(Kind::Usage, code::LOG_NOT_CURRENT, message)
            .hint("an earlier record as a whole is a directory below audit in the home"));
    }
    let log = place.packed_log(cx)?;
    // What was changed must not go with what is old.
    let root = keys::audit_root(&place.id, cx)?;
    let (report, _) = verify::checked_with(cx, place, None, &root)?;
    if let Some(fault) = report.fault.filter(|fault| fault.code != code::LOSS_ACCEPTED) {
        return Err(Error::new(Kind::No, fault.code, format!("not whole: {}", fault.message))
            .hint("nothing was removed; look at the whole of it: hasp-audit verify"));
    }
    match log.prune(&root, before, cx.now)? {
        Some(due) => {
            tell(cx, &due, "gone")?;
            cx.out.note("look at the rest: hasp-audit verify");
            Ok(Exit::OK)
        }
        None => nothing(cx),
    }
}

fn nothing(cx: &mut Context) -> Result<Exit> {
    match cx.out.json {
        true => cx.out.object(&json!({"v": 1, "outcome": "nothing is due", "segments": 0}))?,
        false => cx.out.note("nothing is due"),
    }
    Ok(Exit::OK)
}

fn tell(cx: &mut Context, due: &Due, what: &str) -> Result<()> {
    let (first, last) = (due.first, due.end.count - 1);
    let segments = due.segments.len();
    if cx.out.json {
        return cx.out.object(&json!({
            "v": 1, "outcome": what, "first": first, "last": last, "segments": segments,
            "newest": due.newest,
        }));
    }
    let newest = due.newest.local();
    cx.out.line(&format!(
        "records {first} to {last} are {what}: {segments} segment(s), the newest of {newest}"
    ))
}
