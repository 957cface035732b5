//! `add`: a name for a program, on record first, then in the registry.

use std::path::Path;

use hasp_audit::{Event, EventKind};
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use crate::consumer::ceiling::Ceiling;
use crate::consumer::program;
use crate::consumer::registry::{Entry, check_name};
use crate::limits::Limits;
use crate::verb::change::change;
use crate::verb::show::object;

pub(crate) fn run(name: &str, exe: &Path, limits: &Limits, cx: &mut Context) -> Result<Exit> {
    check_name(name)?;
    let real = program::real_path(exe)?;
    let warnings = program::warnings(&real);
    let ceiling = Ceiling::default();
    let entry = limits.put_on(Entry { exe: real.clone(), added: cx.now, pin: None, ceiling })?;
    change(cx, |registry, _| match registry.consumer.get(name) {
        Some(old) if Entry { added: old.added, ..entry.clone() } == *old => Ok(Vec::new()),
        Some(entry) => {
            let message = format!("'{name}' is {} already", printable_path(&entry.exe));
            Err(Error::new(Kind::Create, hasp_core::code::EXISTS, message)
                .hint(format!("change what it is: hasp-consumer edit {name} --help"))
                .hint(format!("hasp-consumer remove {name}, then add it again")))
        }
        None => {
            registry.consumer.insert(name.to_owned(), entry.clone());
            Ok(vec![Event::new(EventKind::ConsumerAdd).field("consumer", name).os("exe", &real)])
        }
    })?;
    cx.out.note(&format!("{name} is {}{}", printable_path(&real), entry.limits()));
    warnings.iter().for_each(|w| cx.out.warn(w));
    if cx.out.json {
        cx.out.object(&object(name, &entry))?;
    }
    Ok(Exit::OK)
}
