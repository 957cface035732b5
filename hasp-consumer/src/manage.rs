//! `add` and `remove`: on record first, then in the registry. The log is the current vault's, which this crate does not know:
//! the sibling `hasp-vault status` names it.

use std::path::Path;
use std::process::Stdio;

use hasp_audit::{Event, Log, LogId};
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result, sibling};
use serde_json::Value;

use crate::program;
use crate::registry::{Entry, Registry, check_name};

pub(crate) fn add(name: &str, exe: &Path, cx: &mut Context) -> Result<Exit> {
    check_name(name)?;
    let real = program::real_path(exe)?;
    let warnings = program::warnings(&real);
    change(cx, |registry, cx| match registry.consumer.get(name) {
        Some(entry) if entry.exe == real => Ok(None),
        Some(entry) => {
            let message = format!("'{name}' is {} already", printable_path(&entry.exe));
            Err(Error::new(Kind::Create, "exists", message)
                .hint(format!("hasp-consumer remove {name}, then add it again")))
        }
        None => {
            registry.consumer.insert(name.to_owned(), Entry { exe: real.clone(), added: cx.now });
            Ok(Some(Event::new("consumer.add").field("consumer", name).os("exe", &real)))
        }
    })?;
    cx.out.note(&format!("{name} is {}", printable_path(&real)));
    warnings.iter().for_each(|w| cx.out.warn(w));
    Ok(Exit::OK)
}

pub(crate) fn remove(name: &str, cx: &mut Context) -> Result<Exit> {
    change(cx, |registry, _| {
        let exe = registry.get(name)?.exe.clone();
        registry.consumer.remove(name);
        Ok(Some(Event::new("consumer.remove").field("consumer", name).os("exe", &exe)))
    })?;
    cx.out.note(&format!("{name} is forgotten; end its grants with: hasp-grant revoke --consumer exe:PATH"));
    Ok(Exit::OK)
}

/// Changes the registry under its lock; nothing changes without a record of it.
fn change(cx: &mut Context, change: impl FnOnce(&mut Registry, &Context) -> Result<Option<Event>>) -> Result<()> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let log = log(&home)?;
    let _held = Registry::lock(&home)?;
    let mut registry = Registry::load(&home)?;
    let Some(event) = change(&mut registry, cx)? else { return Ok(()) };
    log.append(cx.now, &[event])?;
    registry.save(&home)
}

/// The current vault's log, as `hasp-vault status` tells; its own words where there is none.
fn log(home: &Home) -> Result<Log> {
    let output =
        sibling::command("hasp-vault")?.args(["status", "--json"]).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(|e| Error::system("run hasp-vault", e))?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let id = answer["log"].as_str().and_then(|id| id.parse::<LogId>().ok()).filter(|_| output.status.success());
    let id = id.ok_or_else(|| {
        Error::new(Kind::Missing, "no-vault", "there is no vault whose record could take this")
            .hint("make one with: hasp-vault init")
    })?;
    Log::open(home, &id)
}
