//! The versions that a request opens: each reference once, with the item that the binding leads to,
//! held against the scope that was given to it.

pub(crate) mod version;

use hasp_bind::{Binding, is_everywhere};
use hasp_core::text::{printable, printable_path, shell_word};
use hasp_core::{Class, Error, Kind, Result, SecretName};
use hasp_target::{Delivery, RefSpec, Target};
use hasp_vault::{Allow, Item};

use crate::action::{Granted, delivery};
use crate::code;
use crate::mint::context::MintContext;
use crate::mint::items::version::Named;
use crate::mint::wanted::Wanted;

/// What a request opens.
pub struct Resolved {
    /// The versions, with their items.
    pub granted: Vec<(Granted, Item)>,
    /// How they are delivered.
    pub deliveries: Vec<Delivery>,
    /// What deserves a look.
    pub warnings: Vec<String>,
    /// What is said even where `--quiet` silences the rest.
    pub loud: Vec<String>,
    /// What the project is not yet bound to.
    pub unbound: Vec<SecretName>,
}

/// Each reference once, with the item that the binding (or, unbound, its own name) leads to.
pub fn resolve_items(
    wanted: &Wanted,
    target: Option<&Target>,
    at: &MintContext<'_>,
    binding: &Binding,
) -> Result<Resolved> {
    let references = wanted.references();
    let (mut granted, mut unbound) = (Vec::new(), Vec::new());
    let (mut warnings, mut loud) = (Vec::new(), Vec::new());
    for reference in references {
        let bound = binding.refs.get(reference);
        let secret = bound.unwrap_or(reference);
        let named = wanted.versions.get(reference).copied();
        let found = find_item((reference, named), secret, target, (at, binding), &mut warnings)?;
        if let Some(found) = found {
            loud.extend(old_version(&found));
            granted.push(found);
            unbound.extend(bound.is_none().then(|| reference.clone()));
        }
    }
    let version = |reference: &SecretName| {
        granted
            .iter()
            .find(|(g, _)| g.reference == *reference)
            .and_then(|(g, item)| item.version(g.version).ok())
    };
    // What is optional and not stored has no version, and is left out.
    let deliveries: Vec<Delivery> =
        wanted.deliveries.iter().filter(|d| version(&d.reference).is_some()).cloned().collect();
    for (delivery, version) in deliveries.iter().filter_map(|d| Some((d, version(&d.reference)?))) {
        delivery::check(delivery, version, at.runtime)?;
    }
    wanted.templates.iter().try_for_each(|t| delivery::check_template(t, version, at.runtime))?;
    Ok(Resolved { granted, deliveries, warnings, loud, unbound })
}

/// The deliverable item behind a reference; `None` for one that the manifest calls optional and the
/// vault does not have.
fn find_item(
    (reference, named): (&SecretName, Option<Named>),
    secret: &SecretName,
    target: Option<&Target>,
    (at, binding): (&MintContext<'_>, &Binding),
    warnings: &mut Vec<String>,
) -> Result<Option<(Granted, Item)>> {
    let spec = at.project.manifest.as_ref().and_then(|m| m.refs.get(reference));
    let item = match at.vault.item(secret) {
        Err(e)
            if e.code() == hasp_vault::code::SECRET_UNKNOWN
                && spec.is_some_and(|s| !s.required) =>
        {
            warnings.push(format!(
                "{reference} is optional and not in the vault: it is left out, and \
                    empty in a template"
            ));
            return Ok(None);
        }
        other => other?,
    };
    warnings.extend(check_scope(&item, target, (at, binding))?);
    let class = item.class.max(manifest_class(spec));
    let version = match named {
        Some(named) => item.deliverable_version(named.of(&item)?, at.now)?,
        None => item.deliverable(at.now)?,
    };
    let granted = Granted {
        reference: reference.clone(),
        name: secret.clone(),
        version: version.number,
        file: version.file.clone(),
        sha256: version.sha256.clone(),
        class,
        pinned: named.is_some(),
    };
    Ok(Some((granted, item)))
}

/// What somebody may take for the value that is in use.
fn old_version((granted, item): &(Granted, Item)) -> Option<String> {
    let Granted { name, version, .. } = granted;
    let (current, created) = (item.current, item.version(*version).ok()?.created.local());
    (*version != current).then(|| {
        format!(
            "{name}@{version}, stored on {created}, is not the current version: that is {current}"
        )
    })
}

fn manifest_class(spec: Option<&RefSpec>) -> Class {
    spec.and_then(|s| s.class).unwrap_or(Class::Low)
}

/// The scope given at generation: a project, by its root or by the name that this root has, or one
/// target of it. The name in a manifest is a stranger's word and opens nothing. Says what a first
/// consent gives away.
fn check_scope(
    item: &Item,
    target: Option<&Target>,
    (at, binding): (&MintContext<'_>, &Binding),
) -> Result<Option<String>> {
    let target = target.map(|t| t.name.as_str());
    // A root that is not UTF-8 cannot be a scope, and what it looks like must not be one either.
    let root = binding.root.to_str().unwrap_or_default();
    if item.allow.is_empty() || item.allow.iter().any(|a| a.admits(root, root, target)) {
        return Ok(None);
    }
    let project = &binding.project;
    let named = |a: &&Allow| !is_everywhere(&a.project) && a.admits(project, "", target);
    if item.allow.iter().find(named).is_none() {
        return Err(not_allowed(item, project));
    }
    binding.check_name(at.vault)?;
    let first = binding.holds_name.is_none();
    let text = format!(
        "{} may go to the project called {}: from now on that is",
        item.name,
        printable(project.as_bytes())
    );
    Ok(first.then(|| format!("{text} {}", printable_path(&at.project.root))))
}

fn not_allowed(item: &Item, project: &str) -> Error {
    let name = &item.name;
    let message = format!(
        "{name} may not be granted to this action of project '{}'",
        printable(project.as_bytes())
    );
    let error = Error::new(Kind::Denied, code::NOT_ALLOWED, message);
    match item.allow.iter().find(|a| is_everywhere(&a.project)) {
        Some(word) => error.hint(format!(
            "'{word}' is taken as a project's name and admits none: name a project, for example: \
                hasp-vault set {name} --allow {}",
            shell_word(project.as_ref())
        )),
        None => error.hint(format!("see where it may go: hasp-vault show {name}")),
    }
}
