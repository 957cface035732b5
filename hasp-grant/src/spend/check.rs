//! Whether a token may be used here and now: every check of the design in its order, each with its
//! own code, none of which changes anything. Only [`verify`] makes a [`VerifiedGrant`], so that no
//! caller can forget one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, Timestamp, time};
use hasp_vault::expiry_notice;

use crate::ledger::tombstone::{End, ended};
use crate::spend::command;
use crate::spend::current::{bound, current_items, deliverable, named_command, runnable};
use crate::spend::situation::Situation;
use crate::token;
use crate::token::claims::{Claims, Terms};

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
            Check::Program => "the program can be run",
            Check::Deliveries => "the values can be delivered",
        }
    }

    /// All of them, in their order.
    pub const ALL: [Check; 13] = [
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
        Check::Program,
        Check::Deliveries,
    ];
}

/// A token that passed every check. It can be spent, and nothing else.
#[derive(Debug)]
pub struct VerifiedGrant {
    pub(crate) claims: Claims,
    pub(crate) vault: String,
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
    let parsed = crate::token::paseto::parse(text);
    pass(Check::Form, parsed.as_ref().map(drop).map_err(Clone::clone))?;
    let parts = parsed?;
    pass(Check::Vault, token::check_footer(&parts, at.vault))?;
    let verified = token::verify(&parts, at.vault);
    pass(Check::Signature, verified.as_ref().map(drop).map_err(Clone::clone))?;
    let claims = verified?;
    let terms = &claims.terms;
    pass(Check::Begun, begun(terms, at.now))?;
    pass(Check::Unexpired, unexpired(terms, at.now))?;
    pass(Check::Ledger, in_ledger(terms, at))?;
    pass(Check::Consumer, terms.consumer.admits(at.caller))?;
    pass(Check::Project, same_project(terms, at.root))?;
    let command = command::command(&terms.action, at);
    pass(Check::Action, command.as_ref().map(drop).map_err(Clone::clone))?;
    let argv = command?;
    pass(Check::Binding, bound(terms, at))?;
    let items = current_items(&terms.items, at)
        .and_then(|items| named_command(terms, &items).map(|()| items));
    pass(Check::Secrets, items.as_ref().map(drop).map_err(Clone::clone))?;
    let program = runnable(&terms.action, &argv, at);
    pass(Check::Program, program.as_ref().map(drop).map_err(Clone::clone))?;
    let items = items?;
    pass(Check::Deliveries, deliverable(terms, &items, at.ledger))?;
    let notice = expiry_notice(&items, at.now);
    Ok(VerifiedGrant { program: program?, argv, vault: at.vault.id().to_string(), claims, notice })
}

fn begun(terms: &Terms, now: Timestamp) -> Result<()> {
    if now >= terms.nbf && now >= terms.iat {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        "not-yet-valid",
        format!("the grant is not valid before {}", terms.nbf),
    )
    .hint("compare the clock with: date -u"))
}

fn unexpired(terms: &Terms, now: Timestamp) -> Result<()> {
    if now < terms.exp { Ok(()) } else { Err(ended(&terms.jti, End::Expired)) }
}

fn in_ledger(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    let entry = at.ledger.entry(&terms.jti)?;
    entry.check(&at.vault.id().to_string(), terms, &time::boot_id()?, time::boot_seconds())?;
    match terms.uses {
        Some(limit) if at.ledger.uses(&terms.jti)? >= limit => Err(ended(&terms.jti, End::Spent)),
        _ => Ok(()),
    }
}

fn same_project(terms: &Terms, root: &Path) -> Result<()> {
    if terms.project.as_path() == root {
        return Ok(());
    }
    let (granted, here) = (printable_path(terms.project.as_path()), printable_path(root));
    Err(Error::new(
        Kind::Denied,
        "other-project",
        format!("the grant is for the project {granted}, this is {here}"),
    )
    .hint(format!("cd {}", hasp_core::text::shell_word(terms.project.as_os()))))
}
