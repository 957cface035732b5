//! `remove`: a name is forgotten, on record first; what was granted under it stays as it is.

use hasp_audit::{Event, EventKind};
use hasp_core::Result;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::verb::change::change;

pub(crate) fn run(name: &str, cx: &mut Context) -> Result<Exit> {
    change(cx, |registry, _| {
        let exe = registry.get(name)?.exe.clone();
        registry.consumer.remove(name);
        Ok(vec![Event::new(EventKind::ConsumerRemove).field("consumer", name).os("exe", &exe)])
    })?;
    cx.out.note(&format!(
        "{name} is forgotten; end its grants with: hasp-grant revoke --consumer exe:PATH"
    ));
    if cx.out.json {
        cx.out.object(&json!({"v": 1, "name": name, "removed": true}))?;
    }
    Ok(Exit::OK)
}
