//! `set`: the command line is checked before anything is read, what comes through a pipe is read
//! before anything is asked.

use std::path::Path;

use hasp_core::code as core_code;
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
    let names: Vec<SecretName> = args.names.iter().map(|n| n.parse()).collect::<Result<_>>()?;
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
    if ["", "*", "any", "all", "anyone", "everyone", "everywhere", "none", "*:*"]
        .contains(&word.as_str())
    {
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

fn one_by_one() -> Error {
    Error::new(Kind::Usage, code::SEVERAL_NAMES, "several names are asked for on the terminal only")
        .hint("store them one by one, each with its value on stdin: hasp-vault set NAME < FILE")
}
