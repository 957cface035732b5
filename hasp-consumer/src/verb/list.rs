//! `list`: the registered names, one a line.

use hasp_core::Result;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};

use crate::consumer::registry::Registry;
use crate::verb::show::object;

pub(crate) fn run(names: bool, cx: &mut Context) -> Result<Exit> {
    let registry = Registry::here(&cx.env)?;
    let width = registry.consumer.keys().map(String::len).max().unwrap_or(0);
    for (name, entry) in &registry.consumer {
        if names {
            cx.out.line(name)?;
        } else if cx.out.json {
            cx.out.object(&object(name, entry))?;
        } else {
            cx.out.folded(
                &format!("{name:width$}  {}{}", printable_path(&entry.exe), entry.limits()),
                4,
            )?;
        }
    }
    if registry.consumer.is_empty() {
        cx.out.note(
            "no consumer is registered; session, parent, pid:N, user and exe:PATH need no \
                     registration",
        );
    }
    Ok(Exit::OK)
}
