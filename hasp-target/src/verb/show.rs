//! `show`: one target, field by field.

use hasp_core::Result;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::manifest::changes::lines;
use crate::manifest::target::Target;

pub(crate) fn run(target: &Target, cx: &mut Context) -> Result<Exit> {
    if cx.out.json {
        return cx.out.object(&object(target)).map(|()| Exit::OK);
    }
    cx.out.line(&format!("target {}", target.name))?;
    target.about.iter().try_for_each(|about| cx.out.folded(&format!("about {about}"), 4))?;
    lines(target).iter().try_for_each(|line| cx.out.folded(line, 4))?;
    cx.out.line(&format!("digest {}", target.digest())).map(|()| Exit::OK)
}

/// A target as JSON.
pub(crate) fn object(target: &Target) -> serde_json::Value {
    json!({
        "v": 1, "name": target.name, "about": target.about, "run": target.run, "dir": target.dir,
        "deliveries": target.deliveries, "templates": target.templates,
        "clean_env": target.clean_env, "pass_env": target.pass_env,
        "keep_env": target.keep_env, "no_new_privs": target.no_new_privs,
        "classes": target.classes, "digest": target.digest(),
    })
}
