//! Whether a token may be used here and now: every check of the design in its order, each with its
//! own code, none of which changes anything. Only [`verify`] makes a [`VerifiedGrant`], so that no
//! caller can forget one.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use hasp_bind::Binding;
use hasp_consumer::Caller;
use hasp_core::text::{printable, printable_path, shell_word, shell_words};
use hasp_core::{Error, Kind, Result, SecretName, Timestamp, time};
use hasp_vault::{Item, Vault, expiry_notice};

use crate::action::control;
use crate::action::delivery;
use crate::action::files as code;
use crate::action::program;
use crate::ledger::{self, End, Ledger};
use crate::token;
use crate::token::claims::{Action, Claims, Extent, Granted, Terms};

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

/// Where, when and by whom a token is presented, and for what.
pub struct Situation<'a> {
    /// The vault at hand.
    pub vault: &'a Vault,
    /// The ledger of the runtime directory.
    pub ledger: &'a Ledger,
    /// Who asks.
    pub caller: &'a Caller,
    /// The root of the project at the current directory.
    pub root: &'a Path,
    /// PATH, used only when any command was approved and the grant does not pin it.
    pub search: Option<&'a OsStr>,
    /// The wall clock.
    pub now: Timestamp,
    /// The target that is asked for, if one is.
    pub target: Option<&'a str>,
    /// The words after `--`, if there is a `--`.
    pub words: Option<&'a [OsString]>,
    /// Whether the token was looked for, not given: then words without a target mean a command,
    /// never further words of a target.
    pub searched: bool,
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
    let command = command(&terms.action, at);
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
    if now < terms.exp { Ok(()) } else { Err(ledger::ended(&terms.jti, End::Expired)) }
}

fn in_ledger(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    let entry = at.ledger.entry(&terms.jti)?;
    entry.check(&at.vault.id().to_string(), terms, &time::boot_id()?, time::boot_seconds())?;
    match terms.uses {
        Some(limit) if at.ledger.uses(&terms.jti)? >= limit => {
            Err(ledger::ended(&terms.jti, End::Spent))
        }
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

/// The words that run: what was approved, and after it the words given now where the grant leaves
/// that open.
fn command(action: &Action, at: &Situation<'_>) -> Result<Vec<OsString>> {
    check_target(action, at)?;
    let approved: Vec<OsString> = action.argv.iter().map(|w| w.as_os().to_owned()).collect();
    let Some(words) = at.words else {
        return if action.extent == Extent::Any { Err(no_command()) } else { Ok(approved) };
    };
    match action.extent {
        Extent::Any if words.is_empty() => Err(no_command()),
        Extent::Any => Ok(words.to_vec()),
        Extent::Exact if approved[action.fixed..] == *words => Ok(approved),
        Extent::Exact => Err(other_command(&approved)),
        // What was approved beyond the target's own words is typed again; what follows it is new.
        Extent::Open => match words.strip_prefix(&approved[action.fixed..]) {
            Some(more) => Ok(approved.iter().chain(more).cloned().collect()),
            None => Err(other_command(&approved)),
        },
    }
}

fn check_target(action: &Action, at: &Situation<'_>) -> Result<()> {
    let granted = action.target.as_deref();
    let command_meant = at.searched && at.target.is_none() && at.words.is_some();
    if at.target.is_some_and(|asked| Some(asked) != granted) || (command_meant && granted.is_some())
    {
        let granted = granted.map_or("a command".to_owned(), |t| format!("target '{t}'"));
        let asked = at
            .target
            .map_or("a command".to_owned(), |t| format!("target '{}'", printable(t.as_bytes())));
        let error = Error::new(
            Kind::Denied,
            "other-target",
            format!("the grant is for {granted}, not for {asked}"),
        );
        return Err(match at.target {
            Some(target) => {
                error.hint(format!("hasp-grant -t {} | hasp-exec", shell_word(target.as_ref())))
            }
            None => error.hint(
                "name the target, with its further words after --: hasp-exec -t TARGET -- WORDS",
            ),
        });
    }
    Ok(())
}

fn no_command() -> Error {
    Error::new(Kind::Denied, "no-command", "the grant is for any command, and none was given")
        .hint("hasp-exec -- COMMAND ARGS..")
}

fn other_command(approved: &[OsString]) -> Error {
    let shown = shell_words(approved.iter().map(OsString::as_os_str));
    Error::new(Kind::Denied, "other-command", format!("the grant is for exactly: {shown}"))
        .hint("leave out the words after --, or mint a grant for the other command: hasp-grant -x .. -- COMMAND")
}

fn bound(terms: &Terms, at: &Situation<'_>) -> Result<()> {
    if terms.items.is_empty() {
        return Ok(());
    }
    let unbound = || {
        Error::new(
            Kind::Denied,
            "unbound",
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

fn current_items(granted: &[Granted], at: &Situation<'_>) -> Result<Vec<Item>> {
    granted.iter().map(|g| current_item(g, at)).collect()
}

/// A class that was raised since counts, and so does a grant from before this was asked.
fn named_command(terms: &Terms, items: &[Item]) -> Result<()> {
    let mut classes = items.iter().zip(&terms.items);
    classes.try_for_each(|(item, g)| {
        control::check(&terms.action, g.name.as_str(), item.class.max(g.class))
    })
}

fn current_item(granted: &Granted, at: &Situation<'_>) -> Result<Item> {
    let item = at.vault.item(&granted.name)?;
    let current = item.deliverable(at.now)?;
    let (name, had) = (&granted.name, granted.version);
    if current.number != had {
        let now = current.number;
        return Err(Error::new(
            Kind::Denied,
            "secret-rotated",
            format!("the grant opens {name}@{had}, which {name}@{now} has replaced"),
        )
        .hint("mint a new one: hasp-grant -t TARGET"));
    }
    if current.file != granted.file || current.sha256 != granted.sha256 {
        return Err(Error::new(
            Kind::Denied,
            "secret-reencrypted",
            format!("{name}@{had} was encrypted anew after this grant was minted"),
        )
        .hint("mint a new one: hasp-grant -t TARGET"));
    }
    Ok(item)
}

fn runnable(action: &Action, argv: &[OsString], at: &Situation<'_>) -> Result<PathBuf> {
    let path = match &action.program {
        Some(program) => program.as_path().to_owned(),
        None => program::find(&argv[0], action.dir.as_path(), action.env.search(at.search))?,
    };
    program::check(&path)?;
    unchanged_by_others(&path, argv, action, at)?;
    if action.dir.as_path().is_dir() {
        return Ok(path);
    }
    let shown = printable_path(action.dir.as_path());
    Err(Error::new(
        Kind::Denied,
        "dir-missing",
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
    let code = code::files(path, argv, action.dir.as_path(), at.root);
    let mut code = code.into_iter().filter(|file| file.starts_with(at.root));
    let Some(stranger) = code.find_map(|file| program::stranger(&file, at.root)) else {
        return Ok(());
    };
    match Binding::load(at.vault, at.root)? {
        Some(binding) if binding.shared => Ok(()),
        _ => Err(program::foreign(&stranger)),
    }
}

fn deliverable(terms: &Terms, items: &[Item], ledger: &Ledger) -> Result<()> {
    let version = |reference: &SecretName| {
        let position = terms.items.iter().position(|g| g.reference == *reference);
        position.and_then(|p| items[p].current_version())
    };
    for wanted in &terms.action.deliveries {
        let version = version(&wanted.reference)
            .ok_or_else(|| Error::bug("a delivery names no granted item"))?;
        delivery::check(wanted, version, ledger.runtime())?;
    }
    terms
        .action
        .templates
        .iter()
        .try_for_each(|t| delivery::check_template(t, version, ledger.runtime()))
}
