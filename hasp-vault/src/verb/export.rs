//! `export`: values in the clear, only when forced, and only after the record of all of them is
//! durable.

use std::collections::BTreeSet;

use hasp_audit::EventKind;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Secret, SecretName};

use crate::asker::asker;
use crate::cli::{ExportArgs, Format};
use crate::code;
use crate::export::{self, Reader};
use crate::format::events;
use crate::open::vault::Vault;

pub fn run(args: &ExportArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let names: BTreeSet<SecretName> =
        args.names.iter().map(|n| n.parse()).collect::<Result<_>>()?;
    if !args.force {
        return Err(Error::new(
            Kind::Denied,
            code::NOT_FORCED,
            "an export writes values in the clear",
        )
        .hint("let a command have them instead: hasp-grant -x -e VARIABLE=NAME -- COMMAND")
        .hint("or say that you mean it: --force"));
    }
    let format = args.format.unwrap_or(Format::Env);
    if format == Format::Env {
        refuse_same_variable(&names)?;
    }
    let items = names.iter().map(|n| vault.item(n)).collect::<Result<Vec<_>>>()?;
    let unlocked = vault.unlock(cx)?;
    let values = items
        .iter()
        .map(|i| Ok((i.name.clone(), unlocked.value(i, i.current)?)))
        .collect::<Result<Vec<_>>>()?;
    let text = match format {
        Format::Json => export::json(&values)?,
        Format::Env => assignments(&values, cx)?,
    };
    let asker = asker();
    let exported = |i| events::of_version(EventKind::VaultExport, i, i.current);
    let recorded: Vec<_> =
        items.iter().map(|i| exported(i).field("asker", asker.clone())).collect();
    vault.log()?.append(cx.now, &recorded)?;
    cx.out.value(text.expose())?;
    Ok(Exit::OK)
}

/// What every reader takes comes first: a line that one of them reads otherwise may take those
/// below along.
fn assignments(values: &[(SecretName, Secret)], cx: &mut Context) -> Result<Secret> {
    let mut text = Secret::with_capacity(4096)?;
    let mut others = Vec::new();
    for (name, value) in values {
        let made = export::assignment(name, value)?;
        match made.differ[..] {
            [] => text.push(made.line.expose())?,
            _ => others.push((name, made)),
        }
    }
    let mut lost: Vec<Reader> = Vec::new();
    for (name, made) in others {
        text.push(made.line.expose())?;
        let import = made.differ.contains(&Reader::Import).then_some(Reader::Import);
        let fresh = made.differ.into_iter().filter(|r| *r != Reader::Import);
        let fresh: Vec<Reader> = fresh.filter(|r| !lost.contains(r)).collect();
        lost.extend(fresh);
        let readers = import.iter().chain(&lost).map(|r| r.as_str()).collect::<Vec<_>>();
        cx.out.warn(&format!(
            "{name} has a form that shells read as it is, and others may not: {}; --format json \
             has one form for all",
            readers.join(", ")
        ));
    }
    Ok(text)
}

fn refuse_same_variable(names: &BTreeSet<SecretName>) -> Result<()> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|n| !seen.insert(export::variable(n))) {
        Some(name) => {
            let variable = export::variable(name);
            Err(Error::new(
                Kind::Usage,
                code::SAME_VARIABLE,
                format!("two of these secrets would both become {variable}"),
            )
            .hint("export them apart, or with --format json"))
        }
        None => Ok(()),
    }
}
