//! `show` and `history`: metadata, never a value; what its owner wrote is made safe for a terminal.

use hasp_core::text::printable;
use hasp_core::time::duration_text;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, SecretName, Timestamp};

use super::list;
use crate::cli::ShowArgs;
use crate::format::item::{Item, State};
use crate::format::rotation::{Recipe, Retiring, Rotation};
use crate::format::version::Version;
use crate::open::vault::Vault;

pub fn show(args: &ShowArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let item = find(args, vault)?;
    if cx.out.json {
        cx.out.object(&list::object(&item, cx.now))?;
        return Ok(Exit::OK);
    }
    for (label, text) in facts(&item, cx.now) {
        cx.out.line(&format!("{label:13} {text}"))?;
    }
    Ok(Exit::OK)
}

pub fn history(args: &ShowArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let item = find(args, vault)?;
    if !cx.out.json {
        cx.out.line(&format!(
            "{:>7}  {:19}  {:>7}  {:32}  STATE",
            "VERSION", "STORED", "BYTES", "FINGERPRINT"
        ))?;
    }
    for version in &item.versions {
        if cx.out.json {
            cx.out.object(&serde_json::json!({
                "v": 1, "name": item.name, "version": version.number, "created": version.created,
                "size": version.size,
                "fp": version.fp, "file": version.file, "sha256": version.sha256,
                "state": state(version, &item),
            }))?;
        } else {
            let Version { number, created, size, fp, .. } = version;
            cx.out.line(&format!(
                "{number:>7}  {}  {size:>7}  {fp}  {}",
                created.local(),
                state(version, &item)
            ))?;
        }
    }
    Ok(Exit::OK)
}

fn find(args: &ShowArgs, vault: &Vault) -> Result<Item> {
    let name: SecretName = args.name.parse()?;
    if args.verify { vault.item(&name) } else { vault.item_unverified(&name) }
}

fn state(version: &Version, item: &Item) -> &'static str {
    match version.destroyed {
        Some(_) => "destroyed",
        None if version.number == item.current => "current",
        None if item.staged() == Some(version.number) => "staged",
        None if version.retiring.is_some() => "retiring",
        None => "kept",
    }
}

fn facts(item: &Item, now: Timestamp) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("name", item.name.to_string()),
        ("class", item.class.to_string()),
        ("state", state_line(item, now)),
        ("version", format!("{} of {}", item.current, item.versions.len())),
    ];
    if let Some(version) = item.current_version() {
        facts.push(("stored", version.created.local()));
        facts.push(("bytes", version.size.to_string()));
        facts.push(("fingerprint", version.fp.clone()));
    }
    let allow: Vec<String> =
        item.allow.iter().map(|a| printable(a.to_string().as_bytes())).collect();
    let optional = [
        ("expires", item.expires.map(Timestamp::local)),
        ("rotate every", item.rotate_every.map(duration_text)),
        ("due", item.due().map(Timestamp::local)),
        ("recipe", item.recipe.as_ref().map(Recipe::describe)),
        ("rotation", item.rotation.as_ref().map(rotation)),
        ("allowed to", Some(allow.join(", ")).filter(|a| !a.is_empty())),
        ("note", item.note.as_ref().map(|n| printable(n.as_bytes()))),
    ];
    facts.extend(optional.into_iter().filter_map(|(label, text)| text.map(|t| (label, t))));
    facts.extend(
        item.versions
            .iter()
            .filter_map(|v| v.retiring.as_ref().map(|r| ("to retire", retiring(v, r)))),
    );
    facts
}

/// How far an exchange has come, and by which programs it goes on.
fn rotation(rotation: &Rotation) -> String {
    let plan = rotation.plan.describe();
    let plan = if plan.is_empty() { plan } else { format!(" ({plan})") };
    format!("{}{plan}; --resume or --abort", rotation.describe())
}

fn retiring(version: &Version, retiring: &Retiring) -> String {
    let by = retiring.program.as_ref().map(|p| format!(", by {p}")).unwrap_or_default();
    format!("version {} after {}{by}", version.number, retiring.after.local())
}

fn state_line(item: &Item, now: Timestamp) -> String {
    match &item.state {
        State::Revoked { at, reason } => {
            format!("revoked {} {}", at.local(), printable(reason.as_bytes()))
        }
        State::Destroyed { at } => format!("destroyed {}", at.local()),
        State::Active => item.state_word(now).to_owned(),
    }
}
