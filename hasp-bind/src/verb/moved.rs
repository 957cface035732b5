//! `--moved-from DIR`: a project that was moved takes its consent along. A copy does not: the
//! project that is still there has it.

use std::path::{Path, PathBuf};

use hasp_core::layout::Block;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, tree};

use crate::binding::Binding;
use crate::binding::moves::is_gone;
use crate::binding::project_vault::ProjectVault;
use crate::binding::summary::push;
use crate::code;
use crate::verb::consent::{ask, report};

pub(crate) fn run(from: &Path, place: &ProjectVault, yes: bool, cx: &mut Context) -> Result<Exit> {
    let (project, vault) = (&place.project, &place.vault);
    let old = moved_root(from, &project.root)?;
    let binding = Binding::load(vault, &old)?.ok_or_else(|| {
        Error::new(
            Kind::Missing,
            code::NOT_BOUND,
            format!("{} was not bound to this vault", printable_path(&old)),
        )
        .hint("see what is: hasp-bind list --all")
    })?;
    // Its own name, as far as it had it: the directory that is gone does not compete with the one
    // it became.
    let holds = binding.check_name(vault).is_ok();
    let names: Vec<String> = binding.refs.iter().map(|(r, s)| format!("  {r} -> {s}")).collect();
    let targets: Vec<String> = binding.targets.keys().map(|t| format!("  target {t}")).collect();
    let head = [
        format!("consent moves from {}", printable_path(&old)),
        format!("            to {}", printable_path(&project.root)),
    ];
    let mut block = Block::default();
    let lines = head.into_iter().chain(names).chain(targets);
    lines.for_each(|line| push(&mut block, line, Block::line));
    let asking = ask(&block, "Move it?", yes, cx)?;
    let signed = place.change(cx, |here| {
        here.project.clone_from(&binding.project);
        here.holds_name = Some(holds);
        here.refs.extend(binding.refs.clone());
        here.targets.extend(binding.targets.clone());
        here.vault_dir = here.vault_dir.take().or(binding.vault_dir.clone());
        Ok(())
    })?;
    drop(asking);
    binding.withdraw(vault, cx.now)?;
    cx.out.note("see whether its hasp.toml asks for more now: hasp-bind");
    cx.out.note(
        "grants of the old place are refused from now on; mint new ones: hasp-grant -t TARGET \
         --for 1h --keep",
    );
    report(&signed, place, cx)
}

/// The root as it was: without links, but the directory itself is gone, so only its parent can be
/// resolved.
fn moved_root(from: &Path, here: &Path) -> Result<PathBuf> {
    let from = std::path::absolute(from).map_err(|e| Error::io("find", from, e))?;
    if tree::is_there(&from)? && !is_gone(&from, here) {
        let shown = printable_path(&from);
        return Err(Error::new(
            Kind::Usage,
            code::STILL_THERE,
            format!("{shown} is still there: this is a copy, not a moved project"),
        )
        .hint("consent to this project by itself: hasp-bind"));
    }
    let parent = from.parent().and_then(|p| p.canonicalize().ok());
    Ok(match (parent, from.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => from,
    })
}
