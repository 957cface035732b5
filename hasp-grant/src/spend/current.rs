//! Whether what was granted is still so: the binding, the versions, the program, the deliveries.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hasp_bind::Binding;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Kind, Result, Runtime, SecretName};
use hasp_vault::Item;

use crate::action::{Action, Granted, control, delivery};
use crate::code;
use crate::policy;
use crate::spend::situation::Situation;
use crate::token::claims::Terms;

/// The binding still leads from each reference to what was granted.
pub fn bound(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    if terms.items.is_empty() {
        return Ok(());
    }
    let unbound = || {
        Error::new(
            Kind::Denied,
            hasp_bind::code::UNBOUND,
            "the project's binding was withdrawn after this grant was minted",
        )
        .hint("consent again with: hasp-bind")
    };
    let binding = Binding::load(at.vault, at.root)?.ok_or_else(unbound)?;
    for item in &terms.items {
        if *binding.secret_for(&item.reference)? != item.name {
            return Err(unbound());
        }
    }
    Ok(())
}

/// The items, if the granted versions are still the current ones.
pub fn current_items(granted: &[Granted], at: &Situation<'_>) -> Result<Vec<Item>> {
    granted.iter().map(|g| current_item(g, at)).collect()
}

/// A class that was raised since counts, and so does a grant from before this was asked.
pub fn named_command(terms: &Terms, items: &[Item]) -> Result<()> {
    let mut classes = items.iter().zip(&terms.items);
    classes.try_for_each(|(item, g)| {
        control::check(&terms.action, g.name.as_str(), item.class.max(g.class))
    })
}

/// What the policy lets a grant be, by the classes as they are now.
pub fn permitted(terms: &Terms, items: &[Item], at: &Situation<'_>) -> Result<()> {
    let classed = terms.items.iter().zip(items);
    let classed: Vec<Granted> =
        classed.map(|(g, item)| Granted { class: item.class.max(g.class), ..g.clone() }).collect();
    let who = policy::words(None, &terms.consumer);
    policy::check(terms, &classed, &who, &policy::of(at.vault)?, at.now)
}

fn current_item(granted: &Granted, at: &Situation<'_>) -> Result<Item> {
    let item = at.vault.item(&granted.name)?;
    let (name, had) = (&granted.name, granted.version);
    let current = match granted.pinned {
        true => item.deliverable_version(had, at.now)?,
        false => item.deliverable(at.now)?,
    };
    if current.number != had {
        let now = current.number;
        return Err(Error::new(
            Kind::Denied,
            code::SECRET_ROTATED,
            format!("the grant opens {name}@{had}, which {name}@{now} has replaced"),
        ));
    }
    if current.file != granted.file || current.sha256 != granted.sha256 {
        return Err(Error::new(
            Kind::Denied,
            code::SECRET_REENCRYPTED,
            format!("{name}@{had} was encrypted again after this grant was minted"),
        ));
    }
    Ok(item)
}

/// The program, if it can be run where it was approved.
pub fn runnable(action: &Action, argv: &[OsString], at: &Situation<'_>) -> Result<PathBuf> {
    let path = match &action.program {
        Some(program) => program.as_path().to_owned(),
        None => {
            hasp_target::find_program(&argv[0], action.dir.as_path(), action.env.search(at.search))?
        }
    };
    hasp_target::check_program(&path)?;
    unchanged_by_others(&path, argv, action, at)?;
    if action.dir.as_path().is_dir() {
        return Ok(path);
    }
    let shown = printable_path(action.dir.as_path());
    Err(Error::new(
        Kind::Denied,
        code::DIR_MISSING,
        format!("the approved directory {shown} is not there"),
    )
    .hint(format!("mkdir -p {}", shell_word(action.dir.as_os()))))
}

/// A file of the project that another user can change is not what was approved; a person may have
/// said that this is meant.
fn unchanged_by_others(
    path: &Path,
    argv: &[OsString],
    action: &Action,
    at: &Situation<'_>,
) -> Result<()> {
    let code = hasp_target::named_files(path, argv, action.dir.as_path(), at.root);
    let mut code = code.into_iter().filter(|file| file.starts_with(at.root));
    let Some(stranger) = code.find_map(|file| hasp_target::file_stranger(&file, at.root)) else {
        return Ok(());
    };
    match Binding::load(at.vault, at.root)? {
        Some(binding) if binding.shared => Ok(()),
        _ => Err(hasp_target::foreign_file(&stranger)),
    }
}

/// Whether each value can still be delivered as approved.
pub fn deliverable(terms: &Terms, items: &[Item], runtime: &Runtime) -> Result<()> {
    let version = |reference: &SecretName| {
        let position = terms.items.iter().position(|g| g.reference == *reference);
        position.and_then(|p| items[p].version(terms.items[p].version).ok())
    };
    for wanted in &terms.action.deliveries {
        let version = version(&wanted.reference)
            .ok_or_else(|| Error::bug("a delivery names no granted item"))?;
        delivery::check(wanted, version, runtime)?;
    }
    let mut templates = terms.action.templates.iter();
    templates.try_for_each(|t| delivery::check_template(t, version, runtime))?;
    delivery::check_system(&terms.action, runtime)
}
