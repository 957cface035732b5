//! The project at the current directory: whether its targets stand as they were consented to, and
//! whether what they need is bound and stored. Nothing is unlocked for that.

use hasp_bind::{Binding, Project};
use hasp_core::tool::Context;
use hasp_core::{Here, Home, SecretName};
use hasp_grant::{check_program, find_program};
use hasp_target::{FILE_NAME, Manifest, Target};
use hasp_vault::Vault;

use super::Findings;

pub(super) fn look(vault: Option<&Vault>, context: &Context, findings: &mut Findings) {
    let Ok(home) = Home::locate(&context.env) else { return };
    let here = Here::within(&home, &context.env);
    let Ok(cwd) = here.cwd() else {
        return findings.wrong_text(
            "directory",
            "the current directory is gone",
            "cd \"$PWD\" || cd".to_owned(),
        );
    };
    let project = match Project::find(&here) {
        Ok(project) => project,
        Err(error) if error.code() == hasp_bind::code::NO_PROJECT => {
            let text = format!("{} belongs to none", hasp_core::text::printable_path(cwd));
            return findings.note("project", text, &["hasp-target init, which writes hasp.toml"]);
        }
        Err(error) => return findings.wrong("project", &error),
    };
    let name = hasp_core::text::printable(project.name.as_bytes());
    findings
        .good("project", format!("{name} in {}", hasp_core::text::printable_path(&project.root)));
    owner(&project, findings);
    let Some(vault) = vault else { return };
    let binding = match Binding::load(vault, &project.root) {
        Ok(Some(binding)) => binding,
        Ok(None) if project.manifest.is_none() => return,
        Ok(None) => {
            let text = format!("nobody has consented to what {FILE_NAME} asks for");
            return findings.wrong_text("consent", text, "hasp-bind".to_owned());
        }
        Err(error) => return findings.wrong("consent", &error),
    };
    if let Some(manifest) = &project.manifest {
        manifest.targets.values().for_each(|t| target(t, &project, &binding, context, findings));
        references(manifest, &binding, vault, context, findings);
    }
}

/// What a stranger can rewrite asks for secrets in our name; a person said once that this is meant.
fn owner(project: &Project, findings: &mut Findings) {
    if let Some(stranger) = &project.stranger {
        let text = format!("{}: read it before you consent", stranger.text());
        findings.note("owner", text, &[&stranger.hint()]);
    }
}

fn target(
    target: &Target,
    project: &Project,
    binding: &Binding,
    context: &Context,
    findings: &mut Findings,
) {
    let topic = format!("target {}", target.name);
    let runs = || {
        let dir = target.resolve_dir(&project.root)?;
        let Some(word) = target.run.as_ref().and_then(|run| run.first()) else { return Ok(()) };
        find_program(word.as_ref(), &dir, context.env.get("PATH"))
            .and_then(|path| check_program(&path))
    };
    match binding.check_target(target).and_then(|()| runs()) {
        Ok(()) => findings.good(&topic, "consented to, and its program is there"),
        Err(error) => findings.wrong(&topic, &error),
    }
}

fn references(
    manifest: &Manifest,
    binding: &Binding,
    vault: &Vault,
    context: &Context,
    findings: &mut Findings,
) {
    let mut stored = 0;
    for (reference, spec) in &manifest.refs {
        let bound = binding.secret_for(reference);
        let item = bound.and_then(|secret| {
            vault.item(secret).and_then(|item| item.deliverable(context.now).map(drop))
        });
        match item {
            Ok(()) => stored += 1,
            Err(error) if !spec.required => {
                let text = format!("{} (optional)", error.message());
                findings.note(
                    reference.as_str(),
                    text,
                    &error.hints().iter().map(String::as_str).collect::<Vec<_>>(),
                );
            }
            Err(error) if error.code() == hasp_vault::code::SECRET_UNKNOWN => {
                let secret =
                    binding.refs.get(reference).map_or(reference.as_str(), SecretName::as_str);
                findings.wrong_text(
                    reference.as_str(),
                    error.to_string(),
                    format!("hasp-vault set {secret}"),
                );
            }
            Err(error) => findings.wrong(reference.as_str(), &error),
        }
    }
    if stored > 0 {
        let of = manifest.refs.len();
        findings.good("references", format!("{stored} of {of} are bound and stored"));
    }
}
