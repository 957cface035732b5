//! `edit`: what a registered program may be granted, and which file it is, changes: on record
//! first, as the name being forgotten and given anew.

use std::path::Path;

use hasp_audit::{Event, EventKind};
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use crate::cli::Changes;
use crate::consumer::ceiling::Ceiling;
use crate::consumer::program;
use crate::verb::change::change;
use crate::verb::show::object;

pub(crate) fn run(name: &str, how: &Changes, cx: &mut Context) -> Result<Exit> {
    let exe = how.exe.as_deref().map(program::real_path).transpose()?;
    let mut changed = None;
    change(cx, |registry, _| {
        let old = registry.get(name)?.clone();
        let mut base = old.clone();
        if how.no_limits {
            base.ceiling = Ceiling::default();
        }
        if let Some(exe) = exe {
            // A pin is of one file: of another it would say nothing.
            base.pin = base.pin.filter(|_| exe == base.exe);
            base.exe = exe;
        }
        base.pin = base.pin.filter(|_| !how.no_pin);
        let new = how.limits.put_on(base)?;
        if new == old {
            return Err(nothing(name, &old.exe));
        }
        registry.consumer.insert(name.to_owned(), new.clone());
        let event = |kind, exe: &Path| Event::new(kind).field("consumer", name).os("exe", exe);
        let events = vec![
            event(EventKind::ConsumerRemove, &old.exe),
            event(EventKind::ConsumerAdd, &new.exe),
        ];
        changed = Some(new);
        Ok(events)
    })?;
    let Some(entry) = changed else { return Ok(Exit::OK) };
    cx.out.note(&format!("{name} is {}{}", printable_path(&entry.exe), entry.limits()));
    program::warnings(&entry.exe).iter().for_each(|w| cx.out.warn(w));
    if cx.out.json {
        cx.out.object(&object(name, &entry))?;
    }
    Ok(Exit::OK)
}

fn nothing(name: &str, exe: &Path) -> Error {
    let message = format!("'{name}' is {} and limited so already", printable_path(exe));
    Error::new(Kind::Usage, hasp_core::code::USAGE, message)
        .hint(format!("see what there is: hasp-consumer show {name}"))
}
