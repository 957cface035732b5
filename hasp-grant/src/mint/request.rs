//! What is asked for at minting, read from the command line and resolved against project, binding
//! and vault: the action with its absolute program, the versions it opens, and the strictest class
//! among them.

use hasp_bind::{Before, Binding};
use hasp_core::{Class, Error, Result, SecretName};
use hasp_target::Target;
use hasp_vault::{Item, expiry_notice};

use crate::action::{Action, Granted, control};
use crate::cli::Mint;
use crate::mint::command::resolve_action;
use crate::mint::context::MintContext;
use crate::mint::items::{Resolved, resolve_items};
use crate::mint::wanted::{self, named_target};
use crate::mint::warnings::{action_warnings, strangers};

/// A resolved request, not yet consented to.
pub struct Request {
    /// What will run.
    pub action: Action,
    /// What will be opened, with the verified items.
    pub granted: Vec<(Granted, Item)>,
    /// What the project is not yet bound to.
    pub unbound: Vec<SecretName>,
    /// The target, if its consent is missing.
    pub unconsented: Option<Target>,
    /// What deserves a look before the passphrase is given.
    pub warnings: Vec<String>,
    /// Why this root cannot have the name that a first consent would give it.
    pub name_taken: Option<Error>,
    /// What is said even where `--quiet` silences the rest.
    pub loud: Vec<String>,
    /// Where a project without consent may have had it before.
    pub before: Option<Before>,
    /// The strictest class of all that is opened.
    pub class: Class,
    /// Whether a person is asked, whatever was consented to before.
    pub confirm: bool,
}

/// Resolves what the command line asks for.
pub fn resolve(mint: &Mint, at: &MintContext<'_>, binding: &Binding) -> Result<Request> {
    let target = mint.target.as_deref().map(|name| named_target(at.project, name)).transpose()?;
    let unconsented = target.filter(|t| !binding.targets.contains_key(&t.name));
    if let (Some(target), None) = (target, unconsented) {
        binding.check_target(target)?;
    }
    let wanted = wanted::wanted(mint, target, at)?;
    let Resolved { granted, deliveries, mut warnings, loud: old, unbound } =
        resolve_items(&wanted, target, at, binding)?;
    let action = resolve_action(mint, target, (deliveries, wanted.templates), at)?;
    warnings.extend(strangers(&action, at, binding.shared)?);
    let items: Vec<Granted> = granted.iter().map(|(g, _)| g.clone()).collect();
    let subject = control::subject(&action, &items, &at.project.root, at.env.get("PATH"));
    warnings.extend(action_warnings(&subject, &action, at));
    // With -x it is the run that says it.
    let said =
        if mint.exec { None } else { expiry_notice(granted.iter().map(|(_, item)| item), at.now) };
    warnings.extend(said);
    let class = granted.iter().map(|(g, _)| g.class).max().unwrap_or(Class::Low);
    granted.iter().try_for_each(|(g, _)| control::check(&action, g.name.as_str(), g.class))?;
    let mut loud = control::loud(&subject, action.raw);
    loud.extend(old);
    if at.project.founded {
        loud.push(at.project.extent(at.env.get("HOME")));
    }
    let before = (binding.serial == 0).then(|| Binding::before(at.vault, at.project)).flatten();
    loud.extend(before.as_ref().map(|b| format!("{}: {}", b.text(), b.line())));
    let claims = binding.holds_name.is_none() && at.project.is_named();
    let name_taken = if claims { binding.check_name(at.vault).err() } else { None };
    Ok(Request {
        action,
        granted,
        unbound,
        unconsented: unconsented.cloned(),
        warnings,
        name_taken,
        loud,
        before,
        class,
        confirm: false,
    })
}
