//! Which token is meant: the one that is given, or of those that are kept the ones that fit what is
//! asked for. hasp-exec, `hasp-exec --explain` and `hasp-grant why` ask here, so that all speak of
//! the same one. A grant of another home, vault, project, target or command explains nothing about
//! this one, and its hints would lead astray.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use hasp_bind::Project;
use hasp_core::text::shell_word;
use hasp_core::{Environ, Error, GrantId, Here, Home, Kind, Result, Secret, files};

use crate::code;
use crate::ledger::Ledger;
use crate::ledger::entry::Entry;
use crate::ledger::kept::place;
use crate::ledger::tombstone::is_end;
use crate::spend::check::{Check, VerifiedGrant, verify};
use crate::spend::command::command;
use crate::spend::ended::EndedGrant;
use crate::spend::situation::Situation;
use crate::token::claims::Terms;
use crate::token::line::mint_line;
use crate::token::signed::signed_terms;
use crate::token::{self, MAX_TOKEN};

/// Where the token is.
pub enum Found {
    /// This one.
    Token(Secret),
    /// One of these kept ones, the newest first: the first that passes the checks is used.
    Kept(Vec<PathBuf>),
}

/// How the checks of a token went.
pub struct Attempt {
    /// Those that passed, in their order.
    pub passed: Vec<Check>,
    /// What it is for, if this vault signed it and it was refused.
    pub terms: Option<Terms>,
    /// The grant, or why the next check did not.
    pub outcome: Result<VerifiedGrant>,
}

impl Attempt {
    /// The check that did not pass.
    pub fn failed(&self) -> Option<Check> {
        let next = Check::ALL.get(self.passed.len()).copied();
        next.filter(|_| self.outcome.is_err())
    }
}

/// The kept tokens that could be meant, the newest first.
///
/// # Errors
/// `[no-grant]` or `[target-unknown]` where there is none.
pub fn kept(at: &Situation<'_>, home: &Home, unreached: &[Error]) -> Result<Vec<PathBuf>> {
    let mut dated: Vec<(SystemTime, PathBuf)> = Vec::new();
    for ledger in at.ledgers {
        let fitting = candidates(ledger, at)?;
        dated.extend(fitting.into_iter().map(|(moment, id)| (moment, ledger.kept_path(&id))));
    }
    dated.sort();
    if dated.is_empty() {
        let mut error = none(at, home, unreached);
        if at.target.is_none() && has_others(at)? {
            error = error.hint("others are kept: hasp-grant list");
        }
        return Err(others(at).into_iter().fold(error, |error, target| {
            error.hint(format!("one is kept for target '{target}': hasp-exec -t {target}"))
        }));
    }
    Ok(dated.into_iter().rev().map(|(_, path)| path).collect())
}

/// Applies the checks to the token that is meant: the newest kept one that passes; if none does,
/// the one that came farthest.
pub fn choose(found: &Found, at: &Situation<'_>) -> Attempt {
    let paths = match found {
        Found::Token(text) => return attempt(text, at),
        Found::Kept(paths) => paths,
    };
    let mut nearest: Option<Attempt> = None;
    for path in paths {
        let text = files::read(path, files::Guard::Private, MAX_TOKEN).and_then(Secret::from_vec);
        let mut tried = match text {
            Ok(text) => attempt(&text, at),
            Err(error) => Attempt { passed: Vec::new(), terms: None, outcome: Err(error) },
        };
        if tried.outcome.is_ok() {
            return tried;
        }
        tried.outcome = tried.outcome.map_err(|error| with_line(error, path, at));
        let farther = nearest.as_ref().is_none_or(|old| tried.passed.len() > old.passed.len());
        nearest = if farther { Some(tried) } else { nearest };
    }
    let nothing = || Err(Error::bug("no kept grant was tried"));
    nearest.unwrap_or_else(|| Attempt { passed: Vec::new(), terms: None, outcome: nothing() })
}

fn attempt(text: &Secret, at: &Situation<'_>) -> Attempt {
    let mut passed = Vec::new();
    let mut trace = |check: Check, error: Option<&Error>| {
        passed.extend(error.is_none().then_some(check));
    };
    let line = token::line(text.expose());
    let outcome = line.clone().and_then(|line| verify(line, at, &mut trace));
    let refused = line.ok().filter(|_| outcome.is_err());
    let terms = refused.and_then(|line| signed_terms(line, at.vault));
    Attempt { passed, terms, outcome }
}

/// The same refusal with the line that mints the like, where the token itself is at fault: what it
/// says cannot be trusted then, and the ledger knows.
fn with_line(error: Error, path: &std::path::Path, at: &Situation<'_>) -> Error {
    let at_fault = [code::TOKEN_KEY, code::TOKEN_SIGNATURE, code::TOKEN_CLAIMS];
    let id = path.file_name().and_then(|name| name.to_str()?.parse::<GrantId>().ok());
    let entry = id.and_then(|id| at.ledgers.iter().find_map(|ledger| ledger.entry(&id).ok()));
    match entry.and_then(|entry| entry.terms().ok()) {
        Some(terms) if at_fault.contains(&error.code()) => {
            Error::new(error.kind(), error.code(), error.message())
                .hint(format!("mint the like: {}", mint_line(&terms, true)))
        }
        _ => error,
    }
}

/// Those that are kept for what is asked for. A target has its place; without one the ledger, which
/// is ours alone, says what a token is for before it is read.
fn candidates(ledger: &Ledger, at: &Situation<'_>) -> Result<Vec<(SystemTime, GrantId)>> {
    let vault = at.vault.id().to_string();
    let found = match (at.target, at.words) {
        (Some(target), _) => return ledger.kept_at(&place(&vault, at.root, Some(target))),
        (None, Some(_)) => ledger.kept_at(&place(&vault, at.root, None))?,
        (None, None) => ledger.kept()?,
    };
    let fits = |id: &GrantId| match ledger.entry(id) {
        Ok(entry) => entry.terms().map_or(true, |terms| is_meant(&entry.vault, &terms, at)),
        // One of which nothing can be said is tried.
        Err(error) => !is_end(&error),
    };
    Ok(found.into_iter().filter(|(_, id)| fits(id)).collect())
}

fn is_meant(vault: &str, terms: &Terms, at: &Situation<'_>) -> bool {
    let here = vault == at.vault.id().to_string() && terms.project.as_path() == at.root;
    here && match (at.target, at.words) {
        (Some(asked), _) => terms.action.target.as_deref() == Some(asked),
        (None, Some(words)) => {
            let first = terms.action.argv.first().map(|word| word.as_os());
            let same = first.is_some_and(|first| words.first().is_some_and(|w| w == first));
            terms.action.target.is_none() && (same || command(&terms.action, at).is_ok())
        }
        (None, None) => true,
    }
}

/// Whether one is kept for another command of this project.
fn has_others(at: &Situation<'_>) -> Result<bool> {
    let place = place(&at.vault.id().to_string(), at.root, None);
    at.ledgers.iter().try_fold(false, |found, l| Ok(found || !l.kept_at(&place)?.is_empty()))
}

/// Targets of this project for which one is kept.
fn others(at: &Situation<'_>) -> BTreeSet<String> {
    let vault = at.vault.id().to_string();
    let target = |entry: Entry| {
        let terms = entry.terms().ok()?;
        let here = entry.vault == vault && terms.project.as_path() == at.root;
        terms.action.target.filter(|_| here)
    };
    let kept = |ledger: &Ledger| {
        let ids = ledger.kept().unwrap_or_default().into_iter();
        ids.filter_map(|(_, id)| target(ledger.entry(&id).ok()?)).collect::<Vec<_>>()
    };
    at.ledgers.iter().flat_map(kept).collect()
}

/// Why there is none: the target does not exist, or the last grant for it has ended, or there was
/// none.
fn none(at: &Situation<'_>, home: &Home, unreached: &[Error]) -> Error {
    let env = Environ::default();
    let there = Here::at(home, &env, at.root);
    let manifest = Project::find(&there).ok().and_then(|project| project.manifest);
    let unknown = at.target.zip(manifest.as_ref());
    if let Some(Err(error)) = unknown.map(|(asked, manifest)| manifest.target(asked)) {
        // Any word that is no target's name may be a value, typed in its place.
        let told = Error::new(error.kind(), error.code(), "hasp.toml has no target of that name");
        return told.hints_of(&error);
    }
    let error = match ended(at) {
        Some(ended) => {
            let phrase = ended.phrase(at.vault, at.now);
            let text = format!("no kept grant: the one you had, {}, {phrase}", ended.id.short());
            Error::new(Kind::Denied, code::NO_GRANT, text)
                .hint(format!("keep one again: {}", mint_line(&ended.terms, true)))
        }
        None => never(at, manifest.is_some()),
    };
    let error = error.hint("or name where the token is: hasp-exec -g - (stdin), -g fd:N, -g FILE");
    unreached
        .iter()
        .fold(error, |error, other| error.hint(format!("not looked into: {}", other.message())))
}

fn never(at: &Situation<'_>, manifest: bool) -> Error {
    let known = at.target.filter(|_| manifest);
    let what = match (known, at.target.is_some()) {
        (Some(target), _) => format!("-t {}", shell_word(target.as_ref())),
        (None, true) => "-t TARGET".to_owned(),
        (None, false) => "-e VAR=REF".to_owned(),
    };
    let tail = if at.target.is_some() { "" } else { " -- COMMAND" };
    Error::new(Kind::Denied, code::NO_GRANT, "no kept grant, and stdin is the command's")
        .hint(format!("keep one: hasp-grant {what} --for 8h --keep{tail}"))
}

/// The one that was kept for this and has ended last.
fn ended(at: &Situation<'_>) -> Option<EndedGrant> {
    let meant = |ended: &EndedGrant| {
        ended.tombstone.kept && is_meant(&ended.tombstone.vault, &ended.terms, at)
    };
    if at.target.is_none() && at.words.is_none() {
        return EndedGrant::last(at.ledgers, meant);
    }
    let place = place(&at.vault.id().to_string(), at.root, at.target);
    let last = at.ledgers.iter().filter_map(|ledger| EndedGrant::of(ledger, ledger.last(&place)?));
    last.filter(meant).max_by_key(|ended| ended.tombstone.at)
}
