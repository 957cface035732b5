//! `hasp-grant list`: the grants that can be used, in every runtime directory of this user.

use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{GrantId, Result, Timestamp};

use crate::ledger::Ledger;
use crate::ledger::sweep::over;
use crate::ledger::tombstone::End;
use crate::mint::summary;
use crate::token::claims::Terms;
use crate::verb::ledgers;

/// `hasp-grant list`.
pub fn list(all: bool, context: &mut Context) -> Result<Exit> {
    let mut shown = 0;
    for ledger in ledgers(context) {
        for id in ledger.ids()? {
            let Ok(terms) = ledger.entry(&id).and_then(|e| e.terms()) else {
                context.out.warn(&format!(
                    "the ledger's entry for grant {} is damaged: hasp-grant revoke {id}",
                    id.short()
                ));
                continue;
            };
            let end = over(&ledger, &id, context.now);
            if all || end.is_none() {
                list_row(&ledger, &terms, end.map_or("usable", End::word), context)?;
                shown += 1;
            }
        }
        if all {
            shown += list_ended(&ledger, context)?;
        }
    }
    if shown == 0 {
        context.out.note("nothing is granted now");
    }
    Ok(Exit::OK)
}

fn list_row(ledger: &Ledger, terms: &Terms, state: &str, context: &mut Context) -> Result<()> {
    let used = ledger.uses(&terms.jti)?;
    let kept = ledger.kept_path(&terms.jti).exists();
    let secrets: Vec<String> =
        terms.items.iter().map(|i| format!("{}@{}", i.name, i.version)).collect();
    let command = summary::command_text(&terms.action);
    if context.out.json {
        return context.out.object(&serde_json::json!({
            "v": 1, "grant": terms.jti, "state": state, "target": terms.action.target,
            "command": command, "project": terms.project, "consumer": terms.consumer,
            "secrets": secrets, "uses": terms.uses, "used": used, "iat": terms.iat,
            "exp": terms.exp, "kept": kept, "reason": terms.reason,
        }));
    }
    let left = match terms.uses {
        Some(limit) => format!("{} of {limit} left", limit.saturating_sub(used)),
        None => "any number".to_owned(),
    };
    let what = terms.action.target.as_deref().map_or(command, |t| format!("target {t}"));
    let time = remaining(terms, context.now);
    let kept = if kept { ", kept" } else { "" };
    let secrets = secrets.join(" ");
    context.out.folded(
        &format!("{}  {state:<8} {time:<5} {left}{kept}  {what}  {secrets}", terms.jti.short()),
        4,
    )
}

fn remaining(terms: &Terms, now: Timestamp) -> String {
    let seconds = u64::try_from(terms.exp.as_second() - now.as_second()).unwrap_or(0);
    let rounded = if seconds >= 120 { seconds / 60 * 60 } else { seconds };
    duration_text(std::time::Duration::from_secs(rounded))
}

fn list_ended(ledger: &Ledger, context: &mut Context) -> Result<usize> {
    let live = ledger.ids()?;
    let ended: Vec<GrantId> = ledger.tombs()?.into_iter().filter(|id| !live.contains(id)).collect();
    for id in &ended {
        let state = ledger.ended(id)?.unwrap_or(End::Spent).word();
        if context.out.json {
            context.out.object(&serde_json::json!({"v": 1, "grant": id, "state": state}))?;
        } else {
            context.out.line(&format!("{}  {state}", id.short()))?;
        }
    }
    Ok(ended.len())
}
