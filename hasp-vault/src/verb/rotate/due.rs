//! `rotate --due`: for cron. It unlocks only where there is something to do, goes on where it was
//! interrupted, and exits 1 while anything is left for a person.

use hasp_core::terminal::Terminal;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, SecretName, Timestamp};

use super::session::Session;
use super::{stops, summary};
use crate::format::item::Item;
use crate::format::rotation::Recipe;
use crate::open::vault::Vault;

/// What is to be done with a secret.
enum Work {
    Resume,
    Retire,
    Rotate,
    /// Nothing that could be done without a person; why.
    Left(&'static str),
}

pub fn run(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    // Unverified: it only finds out where to look. Each record is verified before anything is done
    // with it.
    let survey = vault.survey_unverified("")?;
    let work: Vec<(SecretName, Work)> = survey
        .items
        .iter()
        .flat_map(|i| work(i, cx.now).into_iter().map(move |w| (i.name.clone(), w)))
        .collect();
    let left = work
        .iter()
        .filter_map(|(name, w)| if let Work::Left(why) = w { Some((name, why)) } else { None });
    let left: Vec<String> = left.map(|(name, why)| format!("{name} {why}")).collect();
    let todo: Vec<&(SecretName, Work)> =
        work.iter().filter(|(_, w)| !matches!(w, Work::Left(_))).collect();
    let failures = if todo.is_empty() { Vec::new() } else { do_all(&todo, vault, cx)? };
    left.iter().for_each(|line| cx.out.warn(line));
    survey.faults.iter().for_each(|fault| cx.out.warn(&fault.to_string()));
    if work.is_empty() {
        cx.out.note("nothing is due");
    }
    match survey.faults.into_iter().next() {
        Some(fault) => Err(fault),
        None if failures.is_empty() && !left.is_empty() => Ok(Exit::NO),
        None => summary(&failures, todo.len()),
    }
}

fn do_all(
    todo: &[&(SecretName, Work)],
    vault: &Vault,
    cx: &mut Context,
) -> Result<Vec<hasp_core::Kind>> {
    let session = Session::open(vault, Terminal::open(), cx)?;
    let mut failures = Vec::new();
    for (name, work) in todo {
        let done = match work {
            Work::Resume => session.resume(name, cx),
            Work::Retire => session.retire_due(name, cx),
            Work::Rotate => session.rotate_due(name, cx),
            Work::Left(_) => Ok(()),
        };
        match done {
            Err(error) if stops(&error) => return Err(error),
            Err(error) => {
                say(&error, cx);
                failures.push(error.kind());
            }
            Ok(()) => {}
        }
    }
    Ok(failures)
}

fn say(error: &Error, cx: &mut Context) {
    cx.out.error(error);
}

/// A rotation that a person began is for that person to finish.
fn work(item: &Item, now: Timestamp) -> Vec<Work> {
    let mut work = Vec::new();
    if !item.to_retire(now).is_empty() {
        work.push(Work::Retire);
    }
    match &item.rotation {
        Some(rotation) if rotation.due => work.push(Work::Resume),
        Some(_) => work.push(Work::Left("is being rotated: finish it with --resume or --abort")),
        None if item.due().is_none_or(|due| due > now) => {}
        None if item.recipe.as_ref().is_some_and(Recipe::makes) => work.push(Work::Rotate),
        None => work.push(Work::Left("is due and has no recipe: hasp-vault rotate NAME")),
    }
    work
}
