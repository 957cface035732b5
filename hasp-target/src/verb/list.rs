//! `list`: the targets, one a line.

use hasp_core::Result;
use hasp_core::tool::{Context, Exit};

use crate::manifest::Manifest;
use crate::manifest::changes::command;
use crate::verb::show::object;

pub(crate) fn run(manifest: &Manifest, names: bool, cx: &mut Context) -> Result<Exit> {
    let width = manifest.targets.keys().map(String::len).max().unwrap_or(0);
    for (name, target) in &manifest.targets {
        if names {
            cx.out.line(name)?;
        } else if cx.out.json {
            cx.out.object(&object(target))?;
        } else {
            let about = target.about.clone().unwrap_or_else(|| command(target));
            cx.out.folded(&format!("{name:width$}  {about}"), width + 2)?;
        }
    }
    if manifest.targets.is_empty() {
        cx.out.note("there is no target yet: hasp-target add NAME -e VAR=REF -- COMMAND");
    }
    Ok(Exit::OK)
}
