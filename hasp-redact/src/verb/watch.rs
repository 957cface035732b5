//! `watch`: which secrets are watched. It needs no unlock.

use std::collections::BTreeMap;

use hasp_core::tool::{Context, Exit};
use hasp_core::{Home, Result};
use serde_json::json;

use crate::scan::watch::{Unwatched, Watch};

/// A version, why it is not watched, and why a part of it is not.
type Version = (u32, Option<Unwatched>, Option<Unwatched>);

/// Lists each secret by its newest version; or the names alone of those that are watched.
pub(crate) fn run(names: bool, cx: &mut Context) -> Result<Exit> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let (_, kept, lost) = Watch::of(&home).load()?;
    let mut secrets: BTreeMap<(String, String), Vec<Version>> = BTreeMap::new();
    for k in kept {
        secrets.entry((k.name, k.origin)).or_default().push((k.version, k.marks.err(), k.weak));
    }
    for ((name, vault), mut versions) in secrets {
        versions.sort_by_key(|(number, ..)| *number);
        let Some((version, reason, weak)) = versions.pop() else { continue };
        let older = versions.iter().filter(|(_, reason, _)| reason.is_none()).count();
        if names {
            if reason.is_none() {
                cx.out.line(&name)?;
            }
            continue;
        }
        if cx.out.json {
            cx.out.object(&json!({
                "v": 1, "secret": name, "vault": vault, "version": version,
                "watched": reason.is_none(), "older": older,
                "reason": reason.map(|r| r.to_string()), "part": weak.map(|r| r.to_string()),
            }))?;
            continue;
        }
        let also = if older > 0 { format!(", and {older} older") } else { String::new() };
        let part = weak.map(|why| format!("; a part of it is not: {why}")).unwrap_or_default();
        match reason {
            None => cx.out.line(&format!("{name}  watched: version {version}{also}{part}"))?,
            Some(reason) => cx.out.line(&format!("{name}  not watched: {reason}{also}"))?,
        }
    }
    if lost > 0 {
        cx.out.warn(&format!(
            "{lost} bytes of the leak watch are damaged; mend it with: hasp-vault watch rebuild"
        ));
    }
    Ok(Exit::OK)
}
