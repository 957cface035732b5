//! `drop`: withdraws everything. Needs no unlock, since taking consent back must be easy.

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};
use serde_json::json;

use crate::binding::Binding;
use crate::binding::project_vault::ProjectVault;
use crate::code;

pub(crate) fn run(place: &ProjectVault, cx: &mut Context) -> Result<Exit> {
    let root = printable_path(&place.project.root);
    let binding = Binding::load(&place.vault, &place.project.root)?.ok_or_else(|| {
        Error::new(Kind::Missing, code::NOT_BOUND, format!("{root} is not bound to this vault"))
            .hint("see what is: hasp-bind list --all")
    })?;
    binding.withdraw(&place.vault, cx.now)?;
    cx.out.note(&format!(
        "all consent for {root} is withdrawn; its grants are refused from the next use on"
    ));
    cx.out.note("values that were delivered stay delivered: rotate at the provider, then here");
    if cx.out.json {
        cx.out.object(&json!({"v": 1, "project": root, "dropped": true}))?;
    }
    Ok(Exit::OK)
}
