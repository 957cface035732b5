//! Kept grants: those that could be meant are tried, and where there is none it is said how the
//! last one ended. A grant of another home, vault, project or target explains nothing about this
//! command, and its hints would lead astray.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hasp_bind::Project;
use hasp_core::secret::Secret;
use hasp_core::text::shell_word;
use hasp_core::{Environ, Error, Here, Kind, Result, Timestamp, files};
use hasp_grant::{EndedGrant, GrantId, Ledger, MAX_TOKEN, Terms, mint_line};

use crate::broker::Broker;
use crate::cli::Cli;
use crate::code;

/// The kept tokens that could be meant, the newest first.
///
/// # Errors
/// `[no-project]`; `[no-grant]` or `[target-unknown]` where there is none.
pub(crate) fn kept(cli: &Cli, broker: &Broker, now: Timestamp) -> Result<Vec<PathBuf>> {
    let root = broker.root.as_deref().map_err(Clone::clone)?;
    let (mut dated, mut others) = (Vec::new(), BTreeSet::new());
    for ledger in &broker.ledgers {
        let folder = ledger.runtime().dir("kept")?;
        let entries = std::fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))?;
        for entry in entries.filter_map(std::result::Result::ok) {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<GrantId>().ok());
            match id.map(|id| meaning(&id, ledger, cli, broker, root)) {
                Some(Meaning::Fits) => {
                    let at = entry.metadata().and_then(|m| m.modified());
                    dated.extend(at.map(|at| (at, entry.path())));
                }
                Some(Meaning::Target(target)) => drop(others.insert(target)),
                Some(Meaning::Other) | None => {}
            }
        }
    }
    dated.sort();
    if dated.is_empty() {
        let error = none(cli, broker, root, now);
        return Err(others.into_iter().fold(error, |error, target| {
            error.hint(format!("one is kept for target '{target}': hasp-exec -t {target}"))
        }));
    }
    Ok(dated.into_iter().rev().map(|(_, path)| path).collect())
}

/// Reads a kept token under the file discipline of the runtime directory.
pub(crate) fn read_kept(path: &Path) -> Result<Secret> {
    files::read(path, files::Guard::Private, MAX_TOKEN).and_then(Secret::from_vec)
}

/// The same refusal with the line that mints the like, where the token itself is at fault: what it
/// says cannot be trusted then, and the ledger knows.
pub(crate) fn with_line(error: Error, path: &Path, broker: &Broker) -> Error {
    let at_fault = [
        hasp_grant::code::TOKEN_KEY,
        hasp_grant::code::TOKEN_SIGNATURE,
        hasp_grant::code::TOKEN_CLAIMS,
    ];
    let id = path.file_name().and_then(|name| name.to_str()?.parse::<GrantId>().ok());
    let entry = id.and_then(|id| broker.ledgers.iter().find_map(|ledger| ledger.entry(&id).ok()));
    match entry.and_then(|entry| entry.terms().ok()) {
        Some(terms) if at_fault.contains(&error.code()) => {
            Error::new(error.kind(), error.code(), error.message())
                .hint(format!("mint the like: {}", mint_line(&terms, true)))
        }
        _ => error,
    }
}

/// What a kept grant is for, as seen from this command line.
enum Meaning {
    /// It could be meant.
    Fits,
    /// It is for another target of this project.
    Target(String),
    /// It is for something else.
    Other,
}

/// The ledger is ours alone, and says what a token is for before it is read. One that it cannot say
/// it of is tried.
fn meaning(id: &GrantId, ledger: &Ledger, cli: &Cli, broker: &Broker, root: &Path) -> Meaning {
    let entry = match ledger.entry(id) {
        Ok(entry) => entry,
        Err(e) if e.code() == hasp_grant::code::LEDGER_DAMAGED => return Meaning::Fits,
        Err(_) => return Meaning::Other,
    };
    let Ok(terms) = entry.terms() else { return Meaning::Fits };
    if !is_of_here(&entry.vault, &terms, broker, root) {
        return Meaning::Other;
    }
    match terms.action.target {
        _ if is_meant(&terms, cli) => Meaning::Fits,
        Some(target) => Meaning::Target(target),
        None => Meaning::Other,
    }
}

fn is_of_here(vault: &str, terms: &Terms, broker: &Broker, root: &Path) -> bool {
    vault == broker.vault.id().to_string() && terms.project.as_path() == root
}

fn is_meant(terms: &Terms, cli: &Cli) -> bool {
    let granted = terms.action.target.as_deref();
    match (cli.target.as_deref(), cli.argv.is_some()) {
        (Some(asked), _) => granted == Some(asked),
        (None, true) => granted.is_none(),
        (None, false) => true,
    }
}

/// Why there is none: the target does not exist, or the last grant for it has ended, or there was
/// none.
fn none(cli: &Cli, broker: &Broker, root: &Path, now: Timestamp) -> Error {
    let env = Environ::default();
    let there = Here::at(&broker.home, &env, root);
    let manifest = Project::find(&there).ok().and_then(|project| project.manifest);
    let unknown = cli.target.as_deref().zip(manifest.as_ref());
    if let Some(Err(error)) = unknown.map(|(asked, manifest)| manifest.target(asked)) {
        // Any word that is no target's name may be a value, typed in its place.
        let told = Error::new(error.kind(), error.code(), "hasp.toml has no target of that name");
        return error.hints().iter().fold(told, |told, hint| told.hint(hint.clone()));
    }
    let had = EndedGrant::last(&broker.ledgers, |ended| {
        let EndedGrant { terms, tombstone, .. } = ended;
        let here = is_of_here(&tombstone.vault, terms, broker, root);
        tombstone.kept && here && is_meant(terms, cli)
    });
    let error = match had {
        Some(ended) => {
            let phrase = ended.phrase(&broker.vault, now);
            let text = format!("no kept grant: the one you had, {}, {phrase}", ended.id.short());
            Error::new(Kind::Denied, code::NO_GRANT, text)
                .hint(format!("keep one again: {}", mint_line(&ended.terms, true)))
        }
        None => {
            let known = cli.target.as_deref().filter(|_| manifest.is_some());
            let what = match (known, cli.target.is_some()) {
                (Some(target), _) => format!("-t {}", shell_word(target.as_ref())),
                (None, true) => "-t TARGET".to_owned(),
                (None, false) => "-e VAR=REF".to_owned(),
            };
            let tail = if cli.target.is_some() { "" } else { " -- COMMAND" };
            Error::new(Kind::Denied, code::NO_GRANT, "no kept grant, and stdin is the command's")
                .hint(format!("keep one: hasp-grant {what} --for 8h --keep{tail}"))
        }
    };
    let error = error.hint("or name where the token is: hasp-exec -g - (stdin), -g fd:N, -g FILE");
    broker
        .unreached
        .iter()
        .fold(error, |error, other| error.hint(format!("not looked into: {}", other.message())))
}
