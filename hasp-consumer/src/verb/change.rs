//! What `add` and `remove` have in common: the registry changes under its lock, and never without a
//! record of it.

use hasp_audit::Event;
use hasp_core::tool::Context;
use hasp_core::{Home, Result};

use crate::consumer::registry::Registry;

/// Changes the registry under its lock; nothing changes without a record of it.
pub(crate) fn change(
    cx: &mut Context,
    change: impl FnOnce(&mut Registry, &Context) -> Result<Vec<Event>>,
) -> Result<()> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let log = hasp_audit::Log::find(&cx.env)?;
    let _held = Registry::lock(&home)?;
    let mut registry = Registry::load(&home)?;
    let events = change(&mut registry, cx)?;
    if events.is_empty() {
        return Ok(());
    }
    log.append(cx.now, &events)?;
    registry.save(&home)
}
