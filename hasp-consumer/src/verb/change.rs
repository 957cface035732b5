//! What `add` and `remove` have in common: the registry changes under its lock, and never without a
//! record of it.

use hasp_audit::Event;
use hasp_core::tool::Context;
use hasp_core::{Home, Result};

use crate::consumer::registry::Registry;

/// Changes the registry under its lock; nothing changes without a record of it.
pub(crate) fn change(
    cx: &mut Context,
    change: impl FnOnce(&mut Registry, &Context) -> Result<Option<Event>>,
) -> Result<()> {
    let home = Home::locate(&cx.env)?;
    home.check()?;
    let log = hasp_audit::Log::find(&cx.env)?;
    let _held = Registry::lock(&home)?;
    let mut registry = Registry::load(&home)?;
    let Some(event) = change(&mut registry, cx)? else { return Ok(()) };
    log.append(cx.now, &[event])?;
    registry.save(&home)
}
