//! `set`: the command line is checked before anything is read, what comes through a pipe is read
//! before anything is asked.

use std::path::Path;

use hasp_core::code as core_code;
use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, SecretName};

use super::{import_report, input};
use crate::cli::{ItemArgs, SetArgs};
use crate::code;
use crate::format::allow::Allow;
use crate::format::item::Item;
use crate::format::rotation::Every;
use crate::item::set::SetOptions;
use crate::open::vault::Vault;

pub fn run(args: &SetArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let names: Vec<SecretName> = args.names.iter().map(|n| name(n)).collect::<Result<_>>()?;
    refuse_value(&names, vault)?;
    let options = options(&args.options)?;
    let prompt = input::by_prompt(args.from.as_deref());
    let [name] = &names[..] else {
        return if prompt { ask_all(&names, &options, vault, cx) } else { Err(one_by_one()) };
    };
    if prompt {
        return ask_all(&names, &options, vault, cx);
    }
    let value = input::read_value(args.from.as_deref(), args.keep_newline, cx)?;
    let item = vault.unlock(cx)?.set(name, &value, &options, cx.now)?;
    input::warn_if_short(name, &value, cx);
    report(&item, cx)?;
    if let Some(from) = args.from.as_deref().filter(|f| Path::new(f).is_file()) {
        import_report::in_the_clear(from, "the value", cx);
    }
    Ok(Exit::OK)
}

/// All values are asked for before the first is stored: giving up half-way changes nothing.
fn ask_all(
    names: &[SecretName],
    options: &SetOptions,
    vault: &Vault,
    cx: &mut Context,
) -> Result<Exit> {
    let Some((last, amid)) = names.split_last() else { return Ok(Exit::OK) };
    let mut terminal = input::terminal(last)?;
    terminal.more_follows();
    let unlocked = vault.unlock(cx)?;
    let mut values =
        amid.iter().map(|n| input::ask_value_amid(n, &mut terminal)).collect::<Result<Vec<_>>>()?;
    values.push(input::ask_value(last, &mut terminal)?);
    drop(terminal);
    for (name, value) in names.iter().zip(&values) {
        let item = unlocked.set(name, value, options, cx.now)?;
        input::warn_if_short(name, value, cx);
        report(&item, cx)?;
    }
    Ok(Exit::OK)
}

/// The options as the library takes them.
pub fn options(args: &ItemArgs) -> Result<SetOptions> {
    let allow = args.allow.iter().map(|a| scope(a)).collect::<Result<Vec<_>>>()?;
    if args.note.as_ref().is_some_and(|n| n.len() > 4096) {
        return Err(Error::new(
            Kind::Usage,
            code::NOTE_TOO_LONG,
            "the note has more than 4096 bytes",
        ));
    }
    Ok(SetOptions {
        class: args.class,
        expires: args.expires.as_deref().map(every).transpose()?,
        rotate_every: args.rotate_every.as_deref().map(every).transpose()?,
        recipe: None,
        allow: Some(allow).filter(|a| args.unscoped || !a.is_empty()),
        note: args.note.clone(),
    })
}

/// A scope. What sounds like all projects would lock the secret to one of that name.
fn scope(text: &str) -> Result<Allow> {
    let word = text.trim().to_ascii_lowercase();
    let project = word.split(':').next().unwrap_or_default();
    if ["", "*", "any", "all", "anyone", "everyone", "everywhere", "none"].contains(&project) {
        return Err(Error::new(Kind::Usage, code::BAD_SCOPE, "a scope names one project")
            .hint("to take a scope off, so that any project may ask: --unscoped")
            .hint("a project of that name is meant by its root: --allow /path/to/project"));
    }
    text.parse()
}

/// A span, or never.
pub fn every(text: &str) -> Result<Every> {
    match text.trim().to_ascii_lowercase().as_str() {
        "none" | "no" | "off" | "0" => {
            Err(Error::new(Kind::Usage, core_code::BAD_DURATION, "that is no duration")
                .hint("to take it off, type: never"))
        }
        _ => text.parse(),
    }
}

/// One line, or one object, on a version that was stored.
pub fn report(item: &Item, cx: &mut Context) -> Result<()> {
    warn_of_times(item, cx);
    let size = item.current_version().map_or(0, |v| v.size);
    if cx.out.json {
        return cx.out.object(&serde_json::json!({
            "v": 1, "secret": item.name, "version": item.current, "class": item.class,
            "size": size, "expires": item.expires,
        }));
    }
    let expires = item.expires.map(|e| format!(", expires {}", e.local())).unwrap_or_default();
    cx.out.note(&format!(
        "{} version {}: {size} bytes, class {}{expires}",
        item.name, item.current, item.class
    ));
    Ok(())
}

/// Times that contradict each other: the shorter one wins, and that may not be what was meant.
pub fn warn_of_times(item: &Item, cx: &mut Context) {
    let (name, overlap) = (&item.name, item.recipe.as_ref().and_then(|r| r.overlap));
    let retiring = item.versions.iter().filter_map(|v| v.retiring.as_ref()).map(|r| r.after).max();
    let mut said = Vec::new();
    if let (Some(expires), Some(due)) = (item.expires, item.due())
        && expires < due
    {
        let (expires, due) = (expires.local(), due.local());
        said.push(format!("it expires on {expires}, before it is due for a new value on {due}"));
    }
    if let (Some(overlap), Some(every)) = (overlap, item.rotate_every)
        && overlap > every
    {
        let (overlap, every) = (duration_text(overlap), duration_text(every));
        said.push(format!("an old value stays {overlap}, and a new one comes every {every}"));
    }
    if let (Some(expires), Some(after)) = (item.expires, retiring)
        && after > expires
    {
        let (after, expires) = (after.local(), expires.local());
        said.push(format!("the old value stays until {after}, the new one expires on {expires}"));
    }
    said.iter().for_each(|text| cx.out.warn(&format!("{name}: {text}")));
}

/// A name that is none may be a value that was typed where none belongs.
fn name(word: &str) -> Result<SecretName> {
    word.parse().map_err(|_: Error| {
        Error::new(
            Kind::Usage,
            core_code::BAD_NAME,
            "that is no name of a secret (not shown: it may be a value)",
        )
        .hint("a value is never an argument: hasp-vault set NAME, and type it")
        .hint("a name is made of letters, digits, . _ - and slashes: hasp-vault set db/url")
    })
}

/// A word behind a name with a slash that is no such name and no secret may be a value.
fn refuse_value(names: &[SecretName], vault: &Vault) -> Result<()> {
    let Some((first, others)) = names.split_first() else { return Ok(()) };
    let slash = |name: &SecretName| name.as_str().contains('/');
    let strange = |name: &&SecretName| {
        slash(first) && !slash(name) && vault.item_if_present(name).is_ok_and(|i| i.is_none())
    };
    if !others.iter().any(|name| strange(&name)) {
        return Ok(());
    }
    let message = "every word is the name of a secret, and the last may be a value (not shown)";
    Err(Error::new(Kind::Usage, code::SEVERAL_NAMES, message)
        .hint(format!("a value is never an argument: hasp-vault set {first}, and type it"))
        .hint("if it was one it is in the history of your shell: remove it there, and change it")
        .hint("if all are names, store them one by one: hasp-vault set NAME"))
}

fn one_by_one() -> Error {
    Error::new(Kind::Usage, code::SEVERAL_NAMES, "several names are asked for on the terminal only")
        .hint("store them one by one, each with its value on stdin: hasp-vault set NAME < FILE")
}
