//! Whether a token may be used here and now: every check of the design in its order, each with its
//! own code, none of which changes anything. Only [`verify`] makes a [`VerifiedGrant`], so that no
//! caller can forget one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, Timestamp, time};
use hasp_vault::{Item, expiry_notice};

use crate::code;
use crate::ledger::Ledger;
use crate::ledger::tombstone::End;
use crate::spend::command;
use crate::spend::current::{
    bound, current_items, deliverable, named_command, permitted, runnable,
};
use crate::spend::ended::told;
use crate::spend::situation::Situation;
use crate::token;
use crate::token::claims::{Claims, Terms};
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
    let outcome = approved(&claims.terms, at, &mut pass);
    let Approved { ledger, argv, program, notice } =
        outcome.map_err(|error| with_line(error, &claims.terms, at))?;
    let vault = at.vault.id().to_string();
    Ok(VerifiedGrant { claims, vault, ledger, program, argv, notice })
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

fn approved(terms: &Terms, at: &Situation<'_>, pass: Pass<'_>) -> Result<Approved> {
    pass(Check::Begun, begun(terms, at.now))?;
    pass(Check::Unexpired, unexpired(terms, at.now))?;
    let ledger = in_ledger(terms, at);
    pass(Check::Ledger, ledger.as_ref().map(drop).map_err(Clone::clone))?;
    pass(Check::Consumer, terms.consumer.admits(at.caller))?;
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

/// The checks that hang on nothing but the grant itself: those that fail refuse it to everybody.
///
/// # Errors
/// As [`verify`].
pub fn still_good(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    begun(terms, at.now)?;
    unexpired(terms, at.now)?;
    in_ledger(terms, at)?;
    if terms.consumer.is_gone(at.caller) {
        terms.consumer.admits(at.caller)?;
    }
    bound(terms, at)?;
    let items = current(terms, at)?;
    permitted(terms, &items, at)?;
    if !terms.action.argv.is_empty() {
        let argv: Vec<OsString> = terms.action.argv.iter().map(|w| w.as_os().to_owned()).collect();
        runnable(&terms.action, &argv, at)?;
    }
    deliverable(terms, &items, at.runtime)
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

fn in_ledger(terms: &Terms, at: &Situation<'_>) -> Result<Ledger> {
    let id = &terms.jti;
    let ledger = at.holder(id)?;
    let entry = ledger.entry(id).map_err(|error| told(error, ledger, id, at.vault, at.now))?;
    entry.check(&at.vault.id().to_string(), terms, &time::boot_id()?, time::boot_seconds())?;
    match terms.uses {
        Some(limit) if ledger.uses(id)? >= limit => Err(ledger.denial(id, End::Spent)),
        _ => Ok(ledger.clone()),
    }
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
