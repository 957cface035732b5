//! Whose a project's name is. A manifest is a stranger's text and can call itself anything; a scope
//! (`--allow api:deploy`) must not follow the word. The name is the root's that a person first
//! bound under it, and of further roots only where he said so.

use hasp_core::text::{printable, shell_word};
use hasp_core::{Error, Kind, Result};
use hasp_vault::Vault;

use crate::binding::body::Body;
use crate::binding::store;
use crate::binding::{Binding, cut};
use crate::code;
use crate::project::Project;

/// Whether a scope's project was probably meant as "everywhere": it is no project's name, whoever
/// calls himself so.
pub fn is_everywhere(word: &str) -> bool {
    ["any", "all", "everywhere", "everything", "*"].contains(&word.to_ascii_lowercase().as_str())
}

/// Another root of this vault that has the name, as text. Read unverified: it can only refuse.
///
/// A binding from before names were held counts, and so does one that waits for a new consent.
pub(crate) fn holder(vault: &Vault, name: &str, id: &str) -> Result<Option<String>> {
    let home = vault.home();
    for other in store::all(home)?.into_iter().filter(|other| other != id) {
        let body = store::read(home, &other)?.and_then(|text| Body::unverified(&text));
        let holds =
            |b: &Body| b.vault == *vault.id() && b.project == name && b.holds_name != Some(false);
        if let Some(body) = body.filter(holds) {
            return Ok(Some(body.root));
        }
    }
    Ok(None)
}

/// Whether this root has its name.
///
/// # Errors
/// `[project-name-taken]`.
pub(crate) fn check(binding: &Binding, vault: &Vault) -> Result<()> {
    if binding.holds_name == Some(true) {
        return Ok(());
    }
    let other = holder(vault, &binding.project, &store::id(&binding.root))?;
    match (other, binding.holds_name) {
        (Some(other), _) => Err(taken(binding, &binding.project, &other)),
        (None, None) => Ok(()),
        // The other is gone; that the name passes on is for a person to say.
        (None, _) => Err(unheld(binding)),
    }
}

/// Decides it for a binding that is about to be signed. A name that the manifest claims is refused
/// if it is taken; a directory that merely is called so is bound without the name.
pub(crate) fn settle(binding: &mut Binding, project: &Project, vault: &Vault) -> Result<()> {
    if binding.holds_name.is_some() {
        return Ok(());
    }
    let other = holder(vault, &binding.project, &store::id(&binding.root))?;
    match other {
        Some(other) if project.is_named() && binding.project == project.name => {
            Err(taken(binding, &binding.project, &other))
        }
        other => {
            binding.holds_name = Some(other.is_none());
            Ok(())
        }
    }
}

/// What takes the name for this directory: where there is no hasp.toml to consent to, a reference
/// is bound again.
fn taking(binding: &Binding) -> String {
    let pair = binding.refs.iter().next().map(|(reference, secret)| match reference == secret {
        true => format!(" add {reference}"),
        false => format!(" add {reference}={secret}"),
    });
    format!("hasp-bind --also{}", pair.unwrap_or_default())
}

fn taken(binding: &Binding, name: &str, other: &str) -> Error {
    let message = format!(
        "another directory is the project '{}' already: {}",
        cut(name),
        printable(other.as_bytes())
    );
    let error = Error::new(Kind::Denied, code::PROJECT_NAME_TAKEN, message);
    if std::path::Path::new(other).symlink_metadata().is_err() {
        return error.hint(format!(
            "if it was moved here: hasp-bind --moved-from {}",
            shell_word(other.as_ref())
        ));
    }
    error
        .hint(format!(
            "if this is another copy or worktree of the same project: {}",
            taking(binding)
        ))
        .hint("or give this one a name of its own in hasp.toml: [project] name = \"..\"")
}

fn unheld(binding: &Binding) -> Error {
    let name = &binding.project;
    let message =
        format!("this directory was bound when another one was the project '{}'", cut(name));
    Error::new(Kind::Denied, code::PROJECT_NAME_TAKEN, message)
        .hint(format!("if it is that project now: {}", taking(binding)))
}
