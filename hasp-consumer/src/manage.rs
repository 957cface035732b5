//! `add` and `remove`: on record first, then in the registry. The log is the current vault's, which
//! this crate does not know: the sibling `hasp-vault status` names it.

use std::path::Path;

use hasp_audit::{Event, EventKind};
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result};

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
            Ok(Some(Event::new(EventKind::ConsumerAdd).field("consumer", name).os("exe", &real)))
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
        Ok(Some(Event::new(EventKind::ConsumerRemove).field("consumer", name).os("exe", &exe)))
    })?;
    cx.out.note(&format!(
        "{name} is forgotten; end its grants with: hasp-grant revoke --consumer exe:PATH"
    ));
    Ok(Exit::OK)
}

/// Changes the registry under its lock; nothing changes without a record of it.
fn change(
    cx: &mut Context,
    change: impl FnOnce(&mut Registry, &Context) -> Result<Option<Event>>,
) -> Result<()> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let log = hasp_audit::current_log(&home)?;
    let _held = Registry::lock(&home)?;
    let mut registry = Registry::load(&home)?;
    let Some(event) = change(&mut registry, cx)? else { return Ok(()) };
    log.append(cx.now, &[event])?;
    registry.save(&home)
}
