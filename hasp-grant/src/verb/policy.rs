//! `policy`: what a grant may be, by class, and where each limit comes from; and what policy.toml
//! says without effect. Nothing is unlocked for it.

use std::fmt::Display;

use hasp_core::policy::{Confirm, Limit, Limits, NAME};
use hasp_core::text::printable_path;
use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Class, Home, Policy, Result};
use serde_json::json;

use crate::cli::PolicyVerb;

/// Shows the limits, or reads the file and says what in it changes nothing.
///
/// # Errors
/// `[bad-policy]`, with line and caret.
pub fn policy(verb: &PolicyVerb, context: &mut Context) -> Result<Exit> {
    let home = Home::locate(&context.env)?;
    home.check()?;
    let policy = Policy::read(home.root())?;
    match verb {
        PolicyVerb::Check => check(&policy, &home, context),
        PolicyVerb::Show { class } => {
            let classes = class.map_or(Class::ALL.to_vec(), |class| vec![class]);
            classes.into_iter().try_for_each(|class| show(&policy.limits(class), context))?;
            Ok(Exit::OK)
        }
    }
}

fn check(policy: &Policy, home: &Home, context: &mut Context) -> Result<Exit> {
    let path = home.join(NAME);
    let shown = printable_path(&path);
    for idle in policy.idle() {
        context.out.warn(&format!(
            "{shown}:{}: {} for {} changes nothing: hasp is as strict without it",
            idle.line, idle.key, idle.class
        ));
    }
    if context.out.json {
        let idle = policy.idle().into_iter();
        let idle = idle.map(|i| json!({"class": i.class, "key": i.key, "line": i.line}));
        let there = path.exists();
        context.out.object(&json!({
            "v": 1, "policy": shown, "exists": there, "idle": idle.collect::<Vec<_>>(),
        }))?;
    } else if path.exists() {
        context.out.note(&format!("{shown} is understood"));
    } else {
        context.out.note(&format!("there is no {shown}: hasp's own limits hold"));
    }
    Ok(Exit::OK)
}

fn show(limits: &Limits, context: &mut Context) -> Result<()> {
    let rows = rows(limits);
    if context.out.json {
        let limits_of = rows
            .iter()
            .map(|(key, value, line)| ((*key).to_owned(), json!({"value": value, "line": line})));
        let limits_of: serde_json::Map<String, serde_json::Value> = limits_of.collect();
        return context.out.object(&json!({"v": 1, "class": limits.class, "limits": limits_of}));
    }
    context.out.line(limits.class.as_str())?;
    for (key, value, line) in rows {
        let from = line.map_or(String::new(), |line| format!("  ({NAME}:{line})"));
        context.out.folded(&format!("  {key:<12} {value}{from}"), 15)?;
    }
    Ok(())
}

type Row = (&'static str, String, Option<usize>);

fn rows(limits: &Limits) -> Vec<Row> {
    let uses = limits.uses.value.map_or("as many as needed".to_owned(), |n| n.to_string());
    let hours = limits.hours.value.as_ref().map_or("always".to_owned(), ToString::to_string);
    let ways = listed(limits.deliver.value.iter().map(|way| way.as_str()));
    let consumers = listed(limits.consumer.value.iter());
    let needed = if limits.reason.value { "required" } else { "optional" };
    vec![
        row("window", duration_text(limits.window.value), &limits.window),
        row("uses", uses, &limits.uses),
        row("deliver", ways, &limits.deliver),
        row("raw", yes(limits.raw.value), &limits.raw),
        row("any-command", yes(limits.any_command.value), &limits.any_command),
        row("consumer", consumers, &limits.consumer),
        row("reason", needed.to_owned(), &limits.reason),
        row("hours", hours, &limits.hours),
        row("confirm", confirm(limits.confirm.value).to_owned(), &limits.confirm),
    ]
}

fn row<T>(key: &'static str, value: String, limit: &Limit<T>) -> Row {
    (key, value, limit.line)
}

fn yes(allowed: bool) -> String {
    if allowed { "allowed" } else { "refused" }.to_owned()
}

fn confirm(when: Confirm) -> &'static str {
    match (when.mint, when.usage) {
        (true, true) => "always",
        (true, false) => "mint",
        (false, true) => "use",
        (false, false) => "never",
    }
}

fn listed(words: impl Iterator<Item = impl Display>) -> String {
    let words: Vec<String> = words.map(|word| word.to_string()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}
