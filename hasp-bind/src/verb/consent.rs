//! The default verb: shows what the manifest asks for, asks, unlocks, signs. Nothing is asked for
//! twice, and nothing is signed that was not shown.

use hasp_core::layout::Block;
use hasp_core::terminal::Terminal;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};
use hasp_target::FILE_NAME;
use serde_json::json;

use crate::binding::Binding;
use crate::binding::project_vault::ProjectVault;
use crate::binding::proposal::Proposal;
use crate::binding::summary;
use crate::code;

pub(crate) fn run(place: &ProjectVault, yes: bool, cx: &mut Context) -> Result<Exit> {
    let project = &place.project;
    if project.manifest.is_none() && place.remember.is_some() {
        return remember(place, cx);
    }
    let manifest = project.manifest.as_ref().ok_or_else(no_manifest)?;
    let binding = place.binding()?;
    let proposal = Proposal::new(manifest, &binding);
    place.check_name(&binding)?;
    let moves = place.remember.is_some() && place.remember != binding.vault_dir;
    if proposal.is_empty() && !moves && !place.widens(&binding) && binding.project == project.name {
        cx.out.note("nothing new: this project asks for nothing that was not consented to");
        return object(&binding, place, cx).map(|()| Exit::OK);
    }
    let asking = ask(
        &summary::block(place, &binding, &proposal, cx.env.get("PATH")),
        "Consent to this?",
        yes,
        cx,
    )?;
    let signed = place.change(cx, |now| {
        // The question was about this state: another tool that changed it meanwhile makes it
        // another question.
        if (&now.refs, &now.targets) != (&binding.refs, &binding.targets) {
            return Err(changed_meanwhile());
        }
        if now.project != project.name {
            now.project.clone_from(&project.name);
            now.holds_name = None;
        }
        proposal.apply(now);
        Ok(())
    })?;
    drop(asking);
    report(&signed, place, cx)
}

/// Remembers the vault and nothing else. What another vault had signed for this project does not
/// hold here.
pub(crate) fn remember(place: &ProjectVault, cx: &mut Context) -> Result<Exit> {
    let signed = place.change(cx, |_| Ok(()))?;
    report(&signed, place, cx)
}

/// Shows a block and asks on the terminal; with `yes`, prints it on stderr instead. The terminal is
/// kept until a passphrase was asked for: what is typed for that before it is asked is not shown.
pub(crate) fn ask(
    block: &Block,
    question: &str,
    yes: bool,
    cx: &mut Context,
) -> Result<Option<Terminal>> {
    if yes {
        cx.out.block(block, &cx.env);
        return Ok(None);
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(Kind::Locked, hasp_core::code::NO_TERMINAL, "there is no terminal to ask on")
            .hint(
                "read what it asks for with hasp-target list and hasp-target explain, then: \
                   hasp-bind --yes",
            )
    })?;
    cx.out.flush()?;
    terminal.show_block(block, &cx.env)?;
    terminal.show("\n")?;
    if terminal.confirm(question)? {
        return Ok(Some(terminal));
    }
    Err(Error::new(Kind::No, code::DECLINED, "nothing was changed"))
}

/// What holds now, and what to store next.
pub(crate) fn report(binding: &Binding, place: &ProjectVault, cx: &mut Context) -> Result<Exit> {
    let count =
        |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    let (refs, targets) =
        (count(binding.refs.len(), "reference"), count(binding.targets.len(), "target"));
    cx.out.note(&format!("bound: {refs}, {targets}"));
    if binding.holds_name == Some(false)
        && let Err(error) = binding.check_name(&place.vault)
    {
        cx.out
            .note(&format!("it does not have the name for scopes of secrets: {}", error.message()));
        error.hints().iter().for_each(|hint| cx.out.note(&format!("hint: {hint}")));
    }
    for name in summary::missing(&place.vault, binding.refs.values()) {
        cx.out.note(&format!("{name} is not stored yet: hasp-vault set {name}"));
    }
    object(binding, place, cx).map(|()| Exit::OK)
}

/// With `--json`, the binding as it is now.
pub(crate) fn object(binding: &Binding, place: &ProjectVault, cx: &mut Context) -> Result<()> {
    if !cx.out.json {
        return Ok(());
    }
    cx.out.object(&json!({
        "v": 1, "project": printable_path(&binding.root), "name": binding.project,
        "holds_name": binding.holds_name, "shared": binding.shared,
        "dir": printable_path(place.vault.dir()), "references": binding.refs,
        "targets": binding.targets.keys().collect::<Vec<_>>(),
        "missing": summary::missing(&place.vault, binding.refs.values()),
    }))
}

fn no_manifest() -> Error {
    Error::new(
        Kind::Missing,
        hasp_target::code::NO_MANIFEST,
        format!("this project has no {FILE_NAME}"),
    )
    .hint("write one to start from: hasp-target init")
    .hint("or bind secrets without one: hasp-bind add REF")
}

fn changed_meanwhile() -> Error {
    Error::new(
        Kind::Busy,
        code::BINDING_CHANGED,
        "the binding was changed meanwhile by another hasp tool",
    )
    .hint("read it again: hasp-bind")
}
