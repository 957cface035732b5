//! What a person reads before saying yes: the project, each reference and the secret that it means,
//! each target with all that it may do, and what deserves a second look.

use std::ffi::OsStr;
use std::path::Path;

use hasp_core::layout::Block;
use hasp_core::text::{printable, printable_path};
use hasp_core::{Class, SecretName, trust};
use hasp_target::{Meant, RefSpec, Subject, Target, lines};
use hasp_vault::{Item, Vault};

use crate::binding::Binding;
use crate::binding::name;
use crate::binding::project_vault::ProjectVault;
use crate::binding::proposal::{Proposal, Standing};
use crate::project::Project;

/// The whole block, for a terminal: what deserves a second look stands out.
pub(crate) fn block(
    place: &ProjectVault,
    binding: &Binding,
    proposal: &Proposal<'_>,
    search: Option<&OsStr>,
) -> Block {
    let (project, vault) = (&place.project, &place.vault);
    let mut out = vec![
        format!(
            "project {} in {}",
            printable(project.name.as_bytes()),
            printable_path(&project.root)
        ),
        format!("vault   {}", printable_path(vault.dir())),
    ];
    if binding.project != project.name {
        out.push(format!(
            "        it was called {} when it was last consented to",
            printable(binding.project.as_bytes())
        ));
    }
    out.extend(section("references", references(project, vault, proposal)));
    out.extend(section(
        "targets",
        proposal.targets.iter().flat_map(|(t, s)| target(t, *s, binding)),
    ));
    out.extend(section(
        "no longer asked for",
        proposal.gone.iter().map(|t| format!("target {t}: its consent ends")),
    ));
    let mut block = Block::default();
    out.into_iter().for_each(|line| push(&mut block, line, Block::line));
    section("look twice", warnings(place, binding, proposal, search))
        .into_iter()
        .for_each(|line| push(&mut block, line, Block::strong));
    block
}

/// What does not fit goes on a little further in than it began.
pub(crate) fn push(block: &mut Block, line: String, how: fn(&mut Block, String, usize)) {
    let indent = line.len() - line.trim_start().len();
    how(block, line, indent + 4);
}

/// The secrets that are not in the vault yet, by name.
pub(crate) fn missing<'a>(
    vault: &Vault,
    secrets: impl Iterator<Item = &'a hasp_core::SecretName>,
) -> Vec<String> {
    let unknown = |s: &&SecretName| {
        vault.item(s).is_err_and(|e| e.code() == hasp_vault::code::SECRET_UNKNOWN)
    };
    let mut names: Vec<String> = secrets.filter(unknown).map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    names
}

fn section(title: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    let lines: Vec<String> = lines.into_iter().map(|l| format!("  {l}")).collect();
    if lines.is_empty() { lines } else { [vec![String::new(), title.to_owned()], lines].concat() }
}

fn references(project: &Project, vault: &Vault, proposal: &Proposal<'_>) -> Vec<String> {
    let width = proposal.refs.iter().map(|(r, _, _)| r.as_str().len()).max().unwrap_or(0);
    let listed = proposal.refs.iter().map(|(reference, secret, new)| {
        let spec = project.manifest.as_ref().and_then(|m| m.refs.get(*reference));
        let mark = if *new { "new" } else { "   " };
        let about =
            spec.and_then(|s| s.about.as_deref()).map(|a| format!(": {}", printable(a.as_bytes())));
        let class = class(vault.item(secret).ok().as_ref(), spec);
        format!(
            "{mark} {:width$} -> {secret} ({class}){}",
            reference.as_str(),
            about.unwrap_or_default()
        )
    });
    let extra = proposal
        .extra
        .iter()
        .map(|(r, s)| format!("    {r} -> {s} (bound by hand, not in hasp.toml)"));
    listed.chain(extra).collect()
}

/// The stricter of the vault's class and the manifest's.
fn class(item: Option<&Item>, spec: Option<&RefSpec>) -> String {
    let asked = spec.and_then(|s| s.class);
    match item.map(|i| i.class).max(asked) {
        _ if item.is_none() => "not stored yet".to_owned(),
        Some(class) => class.to_string(),
        None => String::new(),
    }
}

fn target(target: &Target, standing: Standing, binding: &Binding) -> Vec<String> {
    let about = target
        .about
        .as_deref()
        .map(|a| format!(": {}", printable(a.as_bytes())))
        .unwrap_or_default();
    let (mark, body) = match standing {
        Standing::Same => return vec![format!("    {}{about}", target.name)],
        Standing::New => ("new", lines(target)),
        Standing::Changed => (
            "new",
            binding.targets.get(&target.name).map(|c| c.changes(target)).unwrap_or_default(),
        ),
    };
    let changed = if standing == Standing::Changed { " (changed)" } else { "" };
    let head = format!("{mark} {}{changed}{about}", target.name);
    std::iter::once(head).chain(body.into_iter().map(|l| format!("        {l}"))).collect()
}

fn warnings(
    place: &ProjectVault,
    binding: &Binding,
    proposal: &Proposal<'_>,
    search: Option<&OsStr>,
) -> Vec<String> {
    let (project, vault) = (&place.project, &place.vault);
    let mut found: Vec<String> = project.stranger.iter().map(trust::Stranger::text).collect();
    if binding.serial == 0
        && let Some(before) = Binding::before(vault, project)
    {
        found.push(format!("{}: {}", before.text(), before.line()));
    }
    let named = naming(place, binding);
    found.extend(named.warning);
    let fresh = proposal.targets.iter().filter(|(_, s)| *s != Standing::Same);
    found.extend(
        fresh.flat_map(|(t, _)| of_target(t, &project.root, search, meant(t, proposal, vault))),
    );
    for (_, secret, _) in &proposal.refs {
        match vault.item(secret) {
            Ok(item) if !item.allow.is_empty() => found.extend(scope(&item, project, named.has)),
            Err(e) if e.code() != hasp_vault::code::SECRET_UNKNOWN => found.push(e.to_string()),
            _ => {}
        }
    }
    found
}

/// How the project stands to its name, once this is consented to.
struct Naming {
    has: Has,
    warning: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Has {
    /// It had it.
    Already,
    /// From now on.
    Anew,
    /// Another root has it.
    Not,
}

fn naming(place: &ProjectVault, binding: &Binding) -> Naming {
    let name = &place.project.name;
    if binding.holds_name == Some(true) && binding.project == *name {
        return Naming { has: Has::Already, warning: None };
    }
    let other = name::holder(&place.vault, name, &Binding::id(&place.project.root)).ok().flatten();
    let (shown, other) = (printable(name.as_bytes()), other.map(|o| printable(o.as_bytes())));
    match other {
        None => Naming { has: Has::Anew, warning: None },
        Some(other) if place.also => {
            let text = format!(
                "{other} is the project {shown} too: what may go there may go here from now on"
            );
            Naming { has: Has::Anew, warning: Some(text) }
        }
        Some(other) => {
            let text = format!(
                "{other} is called {shown} already: what may go there does not go here, unless \
                 this is another copy or worktree of it: hasp-bind --also"
            );
            Naming { has: Has::Not, warning: Some(text) }
        }
    }
}

/// What the scope of a secret means here.
fn scope(item: &Item, project: &Project, has: Has) -> Option<String> {
    let (root, name) = (project.root.to_str().unwrap_or_default(), &item.name);
    let by_root = item.allow.iter().any(|a| a.project == root);
    let by_name =
        item.allow.iter().any(|a| a.project == project.name && !name::is_everywhere(&a.project));
    match has {
        _ if by_root => None,
        Has::Already if by_name => None,
        Has::Anew if by_name => {
            let called = printable(project.name.as_bytes());
            Some(format!(
                "{name} may go to the project called {called}: from now on that is this directory"
            ))
        }
        _ => Some(format!("{name} was issued for other projects: it will not be granted here")),
    }
}

/// What the references of a target will mean, where that is stored.
fn meant(target: &Target, proposal: &Proposal<'_>, vault: &Vault) -> Vec<Meant> {
    let meant = |reference: &SecretName| {
        let (_, name, _) = proposal.refs.iter().find(|(r, _, _)| *r == reference)?;
        let class = stricter(vault.item(name).ok()?.class, target.classes.get(reference));
        Some(Meant { reference: reference.clone(), name: name.clone(), class })
    };
    target.references().into_iter().filter_map(meant).collect()
}

fn stricter(stored: Class, asked: Option<&Class>) -> Class {
    asked.map_or(stored, |asked| stored.max(*asked))
}

/// As a grant and `hasp-target explain` say it, and what only consent has to say.
fn of_target(
    target: &Target,
    root: &Path,
    search: Option<&OsStr>,
    items: Vec<Meant>,
) -> Vec<String> {
    let name = &target.name;
    let mut found = Vec::new();
    if let Some([program, ..]) = target.run.as_deref()
        && program.contains('/')
        && !Path::new(program).is_absolute()
    {
        found.push(format!(
            "{name}: {} is a file of the project, and is whatever is in it when it runs",
            printable(program.as_bytes())
        ));
    }
    let subject = Subject::of(target, root, search, items);
    found.extend(subject.all().into_iter().map(|text| format!("{name}: {text}")));
    found
}
