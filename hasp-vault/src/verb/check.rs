//! `check`: whether a secret is there, and whether it has a value that the caller knows. Only the
//! second needs the keys, and it compares fingerprints: the stored value is not opened.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, SecretName};

use super::input;
use crate::cli::CheckArgs;
use crate::code;
use crate::format::item::{Item, State};
use crate::open::vault::Vault;

pub fn run(args: &CheckArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let name: SecretName = args.name.parse()?;
    let Some(item) = find(args, &name, vault)? else {
        return no(cx, &format!("there is no secret '{name}'"));
    };
    if let State::Destroyed { .. } = item.state {
        return no(cx, &format!("{name} was destroyed"));
    }
    if let Some(source) = &args.from {
        let value = input::read_value(Some(source), args.keep_newline, cx)?;
        let given = vault.unlock_for_keys(cx)?.fingerprint(&value);
        if item.current_version().is_none_or(|v| v.fp != given) {
            return no(cx, &format!("{name} has another value"));
        }
    }
    if cx.out.json {
        cx.out.object(&serde_json::json!({"v": 1, "name": name, "present": true,
        "state": item.state_word(cx.now)}))?;
    }
    if let Err(error) = item.deliverable(cx.now) {
        cx.out.warn(error.message());
    }
    Ok(Exit::OK)
}

/// A comparison with a value decides something, so it is made with a verified record only.
fn find(args: &CheckArgs, name: &SecretName, vault: &Vault) -> Result<Option<Item>> {
    if args.verify || args.from.is_some() {
        return vault.item_if_present(name);
    }
    match vault.item_unverified(name) {
        Err(e) if e.code() == code::SECRET_UNKNOWN => Ok(None),
        found => found.map(Some),
    }
}

fn no(cx: &mut Context, why: &str) -> Result<Exit> {
    if cx.out.json {
        cx.out.object(&serde_json::json!({"v": 1, "present": false, "why": why}))?;
    } else {
        cx.out.note(why);
    }
    Ok(Exit::NO)
}
