//! A grant in the words that a person decides by, safe for a terminal whatever the project's files
//! hold.

use std::ffi::OsStr;

use hasp_bind::Project;
use hasp_core::layout::Block;
use hasp_core::text::{printable, printable_path, shell_word, shell_words};
use hasp_core::time::duration_text;
use hasp_core::{SecretName, Timestamp};
use hasp_target::{Channel, Delivery, Template};

use crate::action::arg::Arg;
use crate::action::{Action, Extent, Granted};
use crate::mint::request::Request;
use crate::spend::standing::State;
use crate::token::claims::Terms;

/// Where the text of a line begins, behind its label.
pub const HANG: usize = 13;

/// The block that is shown before the passphrase is asked for.
pub fn block(terms: &Terms, request: &Request, project: &Project) -> Block {
    let mut lines = vec![format!("hasp-grant: {}", headline(terms))];
    lines.extend(terms_lines(terms));
    if !request.unbound.is_empty() {
        let names: Vec<String> = request.unbound.iter().map(ToString::to_string).collect();
        lines.push(line(
            "binds",
            &format!("{} to project '{}'", names.join(", "), printable(project.name.as_bytes())),
        ));
    }
    if let Some(target) = &request.unconsented {
        lines.push(line(
            "consents",
            &format!("to target '{}' as it stands in hasp.toml", printable(target.name.as_bytes())),
        ));
    }
    if request.unconsented.is_some() || terms.action.target.is_none() {
        lines.extend(terms.action.templates.iter().flat_map(template_lines));
    }
    let mut block = Block::default();
    lines.into_iter().for_each(|l| block.line(l, HANG));
    request
        .loud
        .iter()
        .chain(&request.warnings)
        .for_each(|w| block.strong(line("warning", w), HANG));
    block
}

/// What the terms say, a line each.
pub fn terms_lines(terms: &Terms) -> Vec<String> {
    let action = &terms.action;
    let mut lines = vec![line("run", &command_text(action))];
    if let Some(program) = &action.program {
        lines.push(line("program", &printable_path(program.as_path())));
    }
    lines.push(line("in", &printable_path(action.dir.as_path())));
    for delivery in &action.deliveries {
        let item = terms.items.iter().find(|i| i.reference == delivery.reference);
        lines.extend(item.map(|i| line("value", &delivery_text(delivery, i))));
    }
    for template in &action.templates {
        lines.push(line("template", &template_text(template, terms)));
    }
    lines.push(line("usable by", &printable(terms.consumer.describe().as_bytes())));
    if terms.nbf > terms.iat {
        lines.push(line("from", &terms.nbf.local()));
    }
    lines.push(line("until", &terms.exp.local()));
    if let Some(reason) = &terms.reason {
        lines.push(line("reason", &printable(reason.as_bytes())));
    }
    if action.env.clean {
        let passed = if action.env.pass.is_empty() {
            "nothing".to_owned()
        } else {
            action.env.pass.join(", ")
        };
        lines.push(line("environ", &format!("clean, but for {}", printable(passed.as_bytes()))));
    }
    lines.extend(pinned_lines(action));
    if !action.env.keep.is_empty() {
        lines.push(line("keeps", &printable(action.env.keep.join(", ").as_bytes())));
    }
    if action.no_new_privs {
        lines.push(line("privileges", "gains none by set-user-ID programs"));
    }
    lines
}

/// The places of code that the command gets as they were at minting: what stands first in PATH
/// chooses what a script runs.
fn pinned_lines(action: &Action) -> Vec<String> {
    let kept = |name: &str| action.env.keep.iter().any(|k| k == name);
    let pinned = action.env.pinned.iter().flatten().filter(|(name, _)| !kept(name));
    let (search, others): (Vec<_>, Vec<_>) = pinned.partition(|(name, _)| *name == "PATH");
    let mut seen = std::collections::BTreeSet::new();
    let mut split = |value: &Arg| {
        let directories = std::env::split_paths(value.as_os());
        let first = directories.filter(|d| seen.insert(d.clone()));
        first.map(|d| shell_word(d.as_os_str())).collect()
    };
    let directories: Vec<String> =
        search.into_iter().flat_map(|(_, value)| -> Vec<String> { split(value) }).collect();
    let others: Vec<String> =
        others.into_iter().map(|(n, v)| format!("{n}={}", shell_word(v.as_os()))).collect();
    let lines = [("PATH", directories), ("pinned", others)]
        .into_iter()
        .filter(|(_, words)| !words.is_empty());
    lines.map(|(label, words)| line(label, &words.join(" "))).collect()
}

/// `once within 15m`, `up to 5 times within 8h`, `as often as needed within 8h`.
pub fn headline(terms: &Terms) -> String {
    let seconds = u64::try_from(terms.exp.as_second() - terms.nbf.as_second()).unwrap_or(0);
    let window = duration_text(std::time::Duration::from_secs(seconds));
    let often = match terms.uses {
        Some(1) => "once".to_owned(),
        Some(uses) => format!("up to {uses} times"),
        None => "as often as needed".to_owned(),
    };
    format!("{often} within {window}")
}

/// How a grant stands, in a line of its own.
pub fn state_line(state: &State) -> String {
    let why = why(state).map(|why| format!(": {why}")).unwrap_or_default();
    line("state", &(state.word().to_owned() + &why))
}

/// Why a grant cannot be used.
pub fn why(state: &State) -> Option<String> {
    match state {
        State::Usable | State::Damaged | State::Ended(_, None) => None,
        State::Refused(error) => Some(error.message().to_owned()),
        State::Ended(_, Some(tombstone)) => Some(tombstone.phrase()),
        State::Elsewhere => Some("it is of a vault that this home does not use there".to_owned()),
    }
}

/// `7h 58m`, `12m`, `40s`: from one moment to another.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = u64::try_from(to.as_second() - from.as_second()).unwrap_or(0);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m"),
        (_, 0) => format!("{hours}h"),
        (_, _) => format!("{hours}h {minutes}m"),
    }
}

/// The approved command as it would be typed.
pub fn command_text(action: &Action) -> String {
    let words = shell_words(action.argv.iter().map(|w| -> &OsStr { w.as_os() }));
    match action.extent {
        Extent::Exact => words,
        Extent::Open => format!("{words} ... (and any further words)"),
        Extent::Any => "any command".to_owned(),
    }
}

/// `DATABASE_URL = db/url@3 (high), in the environment`.
fn delivery_text(delivery: &Delivery, item: &Granted) -> String {
    let way = match delivery.channel {
        Channel::Env => "in the environment",
        Channel::File => "as a file",
        Channel::Fd => "on a descriptor",
        Channel::Stdin => "on standard input",
    };
    let variable = delivery.variable.as_deref().map(|v| format!("{v} = ")).unwrap_or_default();
    let called = if item.reference == item.name {
        String::new()
    } else {
        format!(", called {} here", item.reference)
    };
    let pinned = if item.pinned { ", whichever is current" } else { "" };
    format!("{variable}{}@{} ({}), {way}{called}{pinned}", item.name, item.version, item.class)
}

/// `PGPASSFILE = ops/pgpass.in with db/password@3 (high), as a file`.
fn template_text(template: &Template, terms: &Terms) -> String {
    let named =
        |reference: &SecretName| match terms.items.iter().find(|i| i.reference == *reference) {
            Some(i) if i.reference == i.name => format!("{}@{} ({})", i.name, i.version, i.class),
            Some(i) => format!("{}@{} ({}, called {reference} here)", i.name, i.version, i.class),
            None => format!("{reference} (empty: not in the vault)"),
        };
    let names: Vec<String> = template.references().into_iter().map(named).collect();
    let with = if names.is_empty() { "no value".to_owned() } else { names.join(", ") };
    format!("{} = {} with {with}, as a file", template.variable(), printable_path(template.path()))
}

/// The text itself, for whoever has not consented to it before.
fn template_lines(template: &Template) -> Vec<String> {
    template
        .text()
        .lines()
        .map(|l| line(template.variable(), &format!("| {}", printable(l.as_bytes()))))
        .collect()
}

fn line(label: &str, text: &str) -> String {
    format!("  {label:<10} {text}")
}
