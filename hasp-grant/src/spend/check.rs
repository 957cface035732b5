//! Whether a token may be used here and now: every check of the design in its order, each with its
//! own code, none of which changes anything. Only [`verify`] makes a [`VerifiedGrant`], so that no
//! caller can forget one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hasp_core::text::printable_path;
use hasp_core::{Error, GrantId, Kind, Result, Timestamp, time};
use hasp_vault::{Item, expiry_notice};

use crate::code;
use crate::ledger::Ledger;
use crate::ledger::entry::Entry;
use crate::ledger::tombstone::End;
use crate::spend::command;
use crate::spend::current::{
    bound, current_items, deliverable, named_command, permitted, runnable,
};
use crate::spend::ended::told;
use crate::spend::situation::Situation;
use crate::token;
use crate::token::claims::{Claims, MAX_NARROWED, Terms};
use crate::token::line::mint_line;

/// One of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The token can be read.
    Form,
    /// It is of this vault.
    Vault,
    /// This vault's key signed it.
    Signature,
    /// Its window has begun.
    Begun,
    /// Its window has not ended, by the wall clock and by the boot clock.
    Unexpired,
    /// The ledger has its other half.
    Ledger,
    /// The caller is who it was given to.
    Consumer,
    /// It is used in its project.
    Project,
    /// What is asked for is what was approved.
    Action,
    /// The project may still ask for these secrets.
    Binding,
    /// The granted versions are still the current ones.
    Secrets,
    /// The policy lets it be what it is.
    Policy,
    /// The program can be run.
    Program,
    /// Each value can be delivered as approved.
    Deliveries,
}

impl Check {
    /// In words, for `--explain` and the record.
    pub fn label(self) -> &'static str {
        match self {
            Check::Form => "the token is well formed",
            Check::Vault => "it is from this vault",
            Check::Signature => "its signature is good",
            Check::Begun => "its window has begun",
            Check::Unexpired => "its window is open",
            Check::Ledger => "it is neither spent nor revoked",
            Check::Consumer => "the caller may use it",
            Check::Project => "this is its project",
            Check::Action => "this is the approved action",
            Check::Binding => "the project is bound to its secrets",
            Check::Secrets => "the granted versions are current",
            Check::Policy => "the policy allows it",
            Check::Program => "the program can be run",
            Check::Deliveries => "the values can be delivered",
        }
    }

    /// All of them, in their order.
    pub const ALL: [Check; 14] = [
        Check::Form,
        Check::Vault,
        Check::Signature,
        Check::Begun,
        Check::Unexpired,
        Check::Ledger,
        Check::Consumer,
        Check::Project,
        Check::Action,
        Check::Binding,
        Check::Secrets,
        Check::Policy,
        Check::Program,
        Check::Deliveries,
    ];
}

/// A token that passed every check. It can be spent, and nothing else.
#[derive(Debug)]
pub struct VerifiedGrant {
    pub(crate) claims: Claims,
    pub(crate) vault: String,
    pub(crate) ledger: Ledger,
    /// Who presents it, for whoever comes later.
    pub(crate) by: Option<String>,
    program: PathBuf,
    argv: Vec<OsString>,
    notice: Option<String>,
}

impl VerifiedGrant {
    /// What was approved.
    pub fn terms(&self) -> &Terms {
        &self.claims.terms
    }

    /// The absolute program that runs.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What to say of values that expire soon.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Its words, the first as the child sees it.
    pub fn argv(&self) -> &[OsString] {
        &self.argv
    }
}

/// Applies every check in its order and tells `trace` how each ended; the first that fails is
/// returned.
pub fn verify(
    text: &str,
    at: &Situation<'_>,
    trace: &mut dyn FnMut(Check, Option<&Error>),
) -> Result<VerifiedGrant> {
    let mut pass = |check: Check, outcome: Result<()>| -> Result<()> {
        trace(check, outcome.as_ref().err());
        outcome
    };
    let claims = signed(text, at, &mut pass)?;
    let outcome = approved(&claims, at, &mut pass);
    let Approved { ledger, argv, program, notice } =
        outcome.map_err(|error| with_line(error, &claims.terms, at))?;
    let vault = at.vault.id().to_string();
    let by = at.caller.parent().map(hasp_consumer::Process::label);
    Ok(VerifiedGrant { claims, vault, ledger, by, program, argv, notice })
}

type Pass<'a> = &'a mut dyn FnMut(Check, Result<()>) -> Result<()>;

/// The claims, if this vault signed them.
fn signed(text: &str, at: &Situation<'_>, pass: Pass<'_>) -> Result<Claims> {
    let parsed = crate::token::paseto::parse(text);
    pass(Check::Form, parsed.as_ref().map(drop).map_err(Clone::clone))?;
    let parts = parsed?;
    pass(Check::Vault, token::check_footer(&parts, at.vault))?;
    let verified = token::verify(&parts, at.vault);
    pass(Check::Signature, verified.as_ref().map(drop).map_err(Clone::clone))?;
    verified
}

/// What the checks of the terms find out.
struct Approved {
    ledger: Ledger,
    argv: Vec<OsString>,
    program: PathBuf,
    notice: Option<String>,
}

fn approved(claims: &Claims, at: &Situation<'_>, pass: Pass<'_>) -> Result<Approved> {
    let (terms, chain) = (&claims.terms, claims.chain());
    pass(Check::Begun, chain.iter().try_for_each(|t| begun(t, at.now)))?;
    pass(Check::Unexpired, chain.iter().try_for_each(|t| unexpired(t, at.now)))?;
    let ledger = in_ledger(&chain, at);
    pass(Check::Ledger, ledger.as_ref().map(drop).map_err(Clone::clone))?;
    // Of what was narrowed all must admit who asks: no word below widens one above it.
    pass(Check::Consumer, chain.iter().try_for_each(|t| t.consumer.admits(at.caller)))?;
    pass(Check::Project, same_project(terms, at.root))?;
    let command = command::command(&terms.action, at);
    pass(Check::Action, command.as_ref().map(drop).map_err(Clone::clone))?;
    let argv = command?;
    pass(Check::Binding, bound(terms, at))?;
    let items = current(terms, at);
    pass(Check::Secrets, items.as_ref().map(drop).map_err(Clone::clone))?;
    let items = items?;
    pass(Check::Policy, permitted(terms, &items, at))?;
    let program = runnable(&terms.action, &argv, at);
    pass(Check::Program, program.as_ref().map(drop).map_err(Clone::clone))?;
    pass(Check::Deliveries, deliverable(terms, &items, at.runtime))?;
    let notice = expiry_notice(&items, at.now);
    Ok(Approved { ledger: ledger?, argv, program: program?, notice })
}

/// The checks that hang on nothing but the grant itself, by its entry and those that it was
/// narrowed from: those that fail refuse it to everybody.
///
/// # Errors
/// As [`verify`].
pub fn still_good(terms: &Terms, entry: &Entry, at: &Situation<'_>) -> Result<()> {
    alive(terms, entry, at)?;
    possible(terms, at)
}

/// Of these the checks of the grant itself.
///
/// # Errors
/// As [`verify`].
pub fn alive(terms: &Terms, entry: &Entry, at: &Situation<'_>) -> Result<()> {
    let ledger = at.holder(&terms.jti)?;
    let mut above = Vec::new();
    let mut next = entry.parent;
    while let Some(id) = next.filter(|_| above.len() <= MAX_NARROWED) {
        let entry = ledger.entry(&id).map_err(of_parent)?;
        next = entry.parent;
        above.push((entry.terms()?, entry));
    }
    let all = above.iter().map(|(terms, entry)| (terms, entry)).chain([(terms, entry)]);
    for (terms, entry) in all {
        begun(terms, at.now)?;
        unexpired(terms, at.now)?;
        unspent(terms, (entry, entry.parent.as_ref()), ledger, at)?;
        if terms.consumer.is_gone(at.caller) {
            terms.consumer.admits(at.caller)?;
        }
    }
    Ok(())
}

/// And those of what it is for: the same for every grant of the same action and versions.
///
/// # Errors
/// As [`verify`].
pub fn possible(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    bound(terms, at)?;
    let items = current(terms, at)?;
    permitted(terms, &items, at)?;
    if !terms.action.argv.is_empty() {
        let argv: Vec<OsString> = terms.action.argv.iter().map(|w| w.as_os().to_owned()).collect();
        runnable(&terms.action, &argv, at)?;
    }
    deliverable(terms, &items, at.runtime)
}

/// The checks of a grant that is not used but narrowed: it has not ended, and who asks may use it.
///
/// # Errors
/// As [`verify`].
pub fn in_hand(claims: &Claims, at: &Situation<'_>) -> Result<Ledger> {
    let chain = claims.chain();
    chain.iter().try_for_each(|t| unexpired(t, at.now))?;
    let ledger = in_ledger(&chain, at)?;
    chain.iter().try_for_each(|t| t.consumer.admits(at.caller)).map(|()| ledger)
}

/// The terms of a grant as the ledger has them, if it is not known to have ended.
///
/// # Errors
/// As [`verify`].
pub fn entered(terms: &Terms, at: &Situation<'_>) -> Result<Entry> {
    let ledger = at.holder(&terms.jti)?;
    ledger.entry(&terms.jti).map_err(|error| told(error, ledger, &terms.jti, at.vault, at.now))
}

/// What mints the like, for a refusal that says nothing better.
fn with_line(error: Error, terms: &Terms, at: &Situation<'_>) -> Error {
    if !error.hints().is_empty() || error.kind() != Kind::Denied {
        return error;
    }
    let line = mint_line(terms, at.is_kept(&terms.jti));
    error.hint(format!("mint the like: {line}"))
}

fn current(terms: &Terms, at: &Situation<'_>) -> Result<Vec<Item>> {
    let items = current_items(&terms.items, at)?;
    named_command(terms, &items).map(|()| items)
}

fn begun(terms: &Terms, now: Timestamp) -> Result<()> {
    if now >= terms.nbf && now >= terms.iat {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        code::NOT_YET_VALID,
        format!("the grant is not valid before {}", terms.nbf),
    )
    .hint("compare the clock with: date -u"))
}

fn unexpired(terms: &Terms, now: Timestamp) -> Result<()> {
    if now < terms.exp {
        return Ok(());
    }
    let message = format!("grant {} expired at {}", terms.jti.short(), terms.exp.local());
    Err(Error::new(Kind::Denied, code::EXPIRED, message))
}

/// The ledger that has a grant and all that it was narrowed from.
fn in_ledger(chain: &[&Terms], at: &Situation<'_>) -> Result<Ledger> {
    let Some(last) = chain.last() else { return Err(Error::bug("a grant without terms")) };
    let ledger = at.holder(&last.jti)?;
    let mut parent = None;
    for terms in chain {
        let id = &terms.jti;
        let entry = ledger.entry(id).map_err(|e| told(e, ledger, id, at.vault, at.now));
        let unspent = entry.and_then(|entry| unspent(terms, (&entry, parent), ledger, at));
        unspent.map_err(|e| if terms.jti == last.jti { e } else { of_parent(e) })?;
        parent = Some(id);
    }
    Ok(ledger.clone())
}

fn unspent(
    terms: &Terms,
    (entry, parent): (&Entry, Option<&GrantId>),
    ledger: &Ledger,
    at: &Situation<'_>,
) -> Result<()> {
    let vault = at.vault.id().to_string();
    entry.check(&vault, (terms, parent), &time::boot_id()?, time::boot_seconds())?;
    match terms.uses {
        Some(limit) if ledger.uses(&terms.jti)? >= limit => {
            Err(ledger.denial(&terms.jti, End::Spent))
        }
        _ => Ok(()),
    }
}

/// The end of what a grant was narrowed from is its end.
fn of_parent(error: Error) -> Error {
    let text = format!("it was narrowed from another, and that has ended: {}", error.message());
    Error::new(error.kind(), error.code(), text).hints_of(&error)
}

fn same_project(terms: &Terms, root: &Path) -> Result<()> {
    if terms.project.as_path() == root {
        return Ok(());
    }
    let (granted, here) = (printable_path(terms.project.as_path()), printable_path(root));
    Err(Error::new(
        Kind::Denied,
        code::OTHER_PROJECT,
        format!("the grant is for the project {granted}, this is {here}"),
    )
    .hint(format!("cd {}", hasp_core::text::shell_word(terms.project.as_os()))))
}
