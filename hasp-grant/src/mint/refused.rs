//! What was asked for by a grant that was refused: found out anew, since it may have been refused
//! before any of it was known.

use std::collections::BTreeSet;

use hasp_bind::{Binding, Project};
use hasp_core::tool::Context;
use hasp_core::{Here, SecretName};
use hasp_target::Template;
use hasp_vault::Vault;
use serde_json::{Value, json};

use crate::cli::Mint;
use crate::mint::context::MintContext;
use crate::mint::wanted::{named_target, wanted};

/// The secrets that were asked for, each with the version that would have been granted, as far as
/// they can be told.
pub fn secrets(asked: &Mint, context: &Context) -> Option<Value> {
    let here = Here::find(&context.env).ok()?;
    let project = Project::find(&here).ok()?;
    let vault = Vault::here(&here).ok()?;
    let runtime = here.runtime().ok()?;
    let at = MintContext {
        project: &project,
        cwd: here.cwd().ok()?,
        vault: &vault,
        runtime: &runtime,
        env: &context.env,
        now: context.now,
    };
    let target = asked.target.as_deref().map(|name| named_target(&project, name));
    let wanted = wanted(asked, target.transpose().ok()?, &at).ok()?;
    let direct = wanted.deliveries.iter().map(|delivery| &delivery.reference);
    let references: BTreeSet<&SecretName> =
        direct.chain(wanted.templates.iter().flat_map(Template::references)).collect();
    let binding = Binding::load(&vault, &project.root).ok().flatten();
    let named = |reference: &SecretName| {
        let bound = binding.as_ref().and_then(|binding| binding.refs.get(reference));
        let secret = bound.unwrap_or(reference);
        let item = vault.item(secret).ok()?;
        let version = Some(item.current).filter(|version| *version > 0);
        Some(json!({"name": secret, "version": version, "ref": reference}))
    };
    let found: Vec<Value> = references.into_iter().filter_map(named).collect();
    (!found.is_empty()).then(|| found.into())
}
