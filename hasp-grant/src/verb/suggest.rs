//! `hasp-grant suggest`: reads the record and the project, and changes nothing.

use hasp_bind::{Binding, Project};
use hasp_core::time::parse_duration;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Here, Result, SecretName, Timestamp};
use hasp_vault::Vault;

use crate::suggest::{Suggested, runs, suggested, text, unused_targets, used_secrets};

/// How far back without `--since`.
const DAYS: &str = "7d";

/// `hasp-grant suggest`.
pub fn suggest(since: Option<&str>, context: &mut Context) -> Result<Exit> {
    let here = Here::find(&context.env)?;
    let (project, vault) = (Project::find(&here)?, Vault::here(&here)?);
    let since = moment(since.unwrap_or(DAYS), context.now)?;
    let ran = runs::read(&vault.log()?, &project.root, since)?;
    let manifest = project.manifest.as_ref();
    let found = suggested(&ran, manifest);
    if context.out.json {
        return found.iter().try_for_each(|one| object(one, context)).map(|()| Exit::OK);
    }
    if ran.is_empty() {
        context.out.note(&format!("nothing ran in this project since {}", since.local()));
        return Ok(Exit::OK);
    }
    let used = used_secrets(&ran);
    let mut said =
        text::comment(&format!("what would have covered what ran here since {}", since.local()));
    said.push_str(&text::manifest(&found, &used, (&project.root, manifest))?);
    let idle = manifest.map(|m| unused_targets(&ran, m)).unwrap_or_default();
    let binding = Binding::load(&vault, &project.root)?;
    let mut remarks: Vec<String> =
        idle.iter().map(|name| format!("target {name} did not run")).collect();
    remarks.extend(bindings(binding.as_ref(), &used));
    if !remarks.is_empty() {
        said.push('\n');
        remarks.iter().for_each(|remark| said.push_str(&text::comment(remark)));
    }
    context.out.data(said.as_bytes()).map(|()| Exit::OK)
}

/// What the binding needs for it, and what it holds beyond.
fn bindings(
    binding: Option<&Binding>,
    used: &std::collections::BTreeMap<SecretName, SecretName>,
) -> Vec<String> {
    let bound = |reference: &SecretName| binding.and_then(|b| b.refs.get(reference));
    let needed = used.iter().filter(|(reference, secret)| bound(reference) != Some(*secret));
    let needed = needed.map(|(reference, secret)| match reference == secret {
        true => format!("hasp-bind add {reference}"),
        false => format!("hasp-bind add {reference}={secret}"),
    });
    let idle = binding.into_iter().flat_map(|b| b.refs.keys()).filter(|r| !used.contains_key(*r));
    let idle = idle.map(|r| format!("bound and not used: hasp-bind remove {r}"));
    needed.chain(idle).collect()
}

fn object(one: &Suggested, context: &mut Context) -> Result<()> {
    let target = &one.target;
    context.out.object(&serde_json::json!({
        "v": 1, "target": target.name, "run": target.run, "dir": target.dir,
        "deliveries": target.deliveries, "runs": one.runs, "remarks": one.remarks,
    }))
}

/// `7d` ago, or a moment.
fn moment(text: &str, now: Timestamp) -> Result<Timestamp> {
    match parse_duration(text) {
        Ok(length) => Ok(now.before(length)),
        Err(error) => Timestamp::typed(text).map_err(|_| error),
    }
}
