//! `show`: one registered name, with what weakens it.

use hasp_core::Result;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::consumer::ceiling::check_pin;
use crate::consumer::program;
use crate::consumer::registry::{Entry, Registry};

pub(crate) fn run(name: &str, cx: &mut Context) -> Result<Exit> {
    let registry = Registry::here(&cx.env)?;
    let entry = registry.get(name)?;
    if cx.out.json {
        return cx.out.object(&object(name, entry)).map(|()| Exit::OK);
    }
    cx.out.line(&format!("name   {name}"))?;
    cx.out.line(&format!("exe    {}", printable_path(&entry.exe)))?;
    cx.out.line(&format!("added  {}", entry.added.local()))?;
    if let Some(pin) = &entry.pin {
        cx.out.line(&format!("pin    sha256 {pin}"))?;
    }
    let limits = entry.ceiling.text();
    if !limits.is_empty() {
        cx.out.line(&format!("limits {limits}"))?;
    }
    if let Err(changed) = check_pin(name, &entry.exe, entry.pin.as_deref()) {
        cx.out.warn(&changed.to_string());
    }
    program::warnings(&entry.exe).iter().for_each(|w| cx.out.warn(w));
    if program::real_path(&entry.exe).ok().as_ref() != Some(&entry.exe) {
        cx.out.warn(
            "the program is not there as it was registered: remove the name, and add it again",
        );
    }
    Ok(Exit::OK)
}

/// A registered name as JSON.
pub(crate) fn object(name: &str, entry: &Entry) -> serde_json::Value {
    json!({
        "v": 1, "name": name, "exe": printable_path(&entry.exe), "added": entry.added,
        "pin": entry.pin, "limits": entry.ceiling, "warnings": program::warnings(&entry.exe),
    })
}
