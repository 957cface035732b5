//! `hasp-grant list`: how each grant stands, in every runtime directory of this user; those of this
//! home first.

use hasp_core::text::{printable, printable_path};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Home, Result, Timestamp};

use crate::action::Granted;
use crate::mint::summary;
use crate::spend::standing::{Standing, State, Which, standings};
use crate::token::claims::Terms;

/// `hasp-grant list`: what has not ended, with `all` also what has, and why; of this home, with
/// `all_homes` of every one.
pub fn list(all: bool, all_homes: bool, names: bool, context: &mut Context) -> Result<Exit> {
    let home = Home::locate(&context.env)?;
    let which = if all { Which::All } else { Which::Live };
    let (found, unreached) = standings(&context.env, &home, which, context.now)?;
    unreached.iter().for_each(|error| context.out.warn(&error.to_string()));
    let (mut shown, mut hidden) = (0, 0);
    for standing in &found {
        match &standing.state {
            State::Damaged => context.out.warn(&format!(
                "the ledger's entry for grant {} is damaged: hasp-grant revoke {}",
                standing.id.short(),
                standing.id
            )),
            State::Elsewhere | State::Ended(_, _) if !all_homes && !standing.of_home => hidden += 1,
            State::Ended(..) if !all => {}
            State::Usable | State::Refused(_) | State::Elsewhere | State::Ended(..) => {
                shown += 1;
                match names {
                    true => context.out.line(standing.id.short())?,
                    false => row(standing, context)?,
                }
            }
        }
    }
    if shown == 0 {
        context.out.note("nothing is granted now");
    }
    if hidden > 0 {
        context.out.note(&format!("{hidden} more are of other homes: hasp-grant list --all-homes"));
    }
    Ok(Exit::OK)
}

fn row(standing: &Standing, context: &mut Context) -> Result<()> {
    let Standing { id, terms, state, .. } = standing;
    if context.out.json {
        return context.out.object(&object(standing));
    }
    let mut text = format!("{}  {}", id.short(), state.word());
    if let (State::Usable | State::Refused(_), Some(terms)) = (state, terms) {
        text += &format!("  {}", left(standing, terms, context.now));
    }
    text += &terms.as_ref().map(what).unwrap_or_default();
    text += &summary::why(state).map(|why| format!(" ({why})")).unwrap_or_default();
    context.out.folded(&text, 4)
}

/// `begins in 2h, 7h 58m left, 2 of 5 uses left, kept`.
fn left(standing: &Standing, terms: &Terms, now: Timestamp) -> String {
    let begins = (terms.nbf > now).then(|| format!("begins in {}", summary::span(now, terms.nbf)));
    let time =
        (terms.exp > now).then(|| format!("{} left", summary::span(now.max(terms.nbf), terms.exp)));
    let uses = match terms.uses {
        Some(limit) => format!("{} of {limit} uses left", limit.saturating_sub(standing.used)),
        None => "any number of uses".to_owned(),
    };
    let kept = standing.kept.then(|| "kept".to_owned());
    let parent = standing.parent.map(|id| format!("narrowed from {}", id.short()));
    let parts = begins.into_iter().chain(time).chain([uses]).chain(kept).chain(parent);
    parts.collect::<Vec<_>>().join(", ")
}

/// `  target test  api/key@1  in /home/ann/p  for session:4711`.
fn what(terms: &Terms) -> String {
    let action = match &terms.action.target {
        Some(target) => format!("target {}", printable(target.as_bytes())),
        None => summary::command_text(&terms.action),
    };
    let project = printable_path(terms.project.as_path());
    let consumer = printable(terms.consumer.selector().as_bytes());
    format!("  {action}  {}  in {project}  for {consumer}", secrets(terms).join(" "))
}

fn secrets(terms: &Terms) -> Vec<String> {
    let word = |i: &Granted| {
        format!("{}@{}{}", i.name, i.version, if i.pinned { " (pinned)" } else { "" })
    };
    terms.items.iter().map(word).collect()
}

fn object(standing: &Standing) -> serde_json::Value {
    let mut object = serde_json::json!({
        "v": 1, "grant": standing.id, "state": standing.state.word(),
        "why": summary::why(&standing.state), "used": standing.used, "kept": standing.kept,
        "runtime": printable_path(&standing.runtime),
        "ended": match &standing.state {
            State::Ended(_, tombstone) => tombstone.as_ref().map(|t| t.at),
            State::Usable | State::Refused(_) | State::Elsewhere | State::Damaged => None,
        },
    });
    if let (Some(terms), Some(fields)) = (&standing.terms, object.as_object_mut()) {
        let more = serde_json::json!({
            "target": terms.action.target, "command": summary::command_text(&terms.action),
            "project": terms.project, "consumer": terms.consumer, "secrets": secrets(terms),
            "uses": terms.uses, "iat": terms.iat, "nbf": terms.nbf, "exp": terms.exp,
            "reason": terms.reason, "parent": standing.parent,
        });
        fields.extend(more.as_object().cloned().unwrap_or_default());
    }
    object
}
