//! The broker's order of work: find, check, spend, open, record, deliver, spawn, relay, wait, record. Everything before the spend
//! changes nothing; every denial is on record.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

use hasp_audit::Log;
use hasp_bind::{Binding, Project};
use hasp_consumer::Caller;
use hasp_core::system::BeforeExec;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Result, Runtime, Secret, Timestamp};
use hasp_grant::check::{self, Check, Situation};
use hasp_grant::claims::Terms;
use hasp_grant::spend::Released;
use hasp_grant::{Ledger, VerifiedGrant, manage, token};
use hasp_redact::Patterns;
use hasp_vault::Vault;

use crate::child::{self, Plan};
use crate::cli::Cli;
use crate::deliver::{self, Delivered};
use crate::ending::Ending;
use crate::environment;
use crate::find::{self, Found};
use crate::record::{self, Denied};
use crate::relay::Relay;
use crate::signals::Forwarder;
use crate::status::StatusFd;

/// Everything that stays the same while one grant is consumed.
pub struct Desk {
    /// The home of hasp.
    pub home: Home,
    /// The runtime directory.
    pub runtime: Runtime,
    /// Its ledger.
    pub ledger: Ledger,
    /// The project here.
    pub project: Project,
    /// Its vault.
    pub vault: Vault,
    /// Who asks.
    pub caller: Caller,
}

impl Desk {
    /// Finds home, runtime directory, project and vault.
    pub fn open(context: &Context) -> Result<Desk> {
        let home = Home::locate(&context.env)?;
        home.check()?;
        let runtime = Runtime::locate(&context.env)?;
        let ledger = Ledger::open(&runtime)?;
        let cwd = std::env::current_dir().map_err(|e| Error::system("find the current directory", e))?;
        let project = Project::find(&home, &cwd)?;
        let vault = Vault::locate(&home, &context.env, Binding::remembered_vault(&home, &project.root).as_deref())?;
        Ok(Desk { home, runtime, ledger, project, vault, caller: Caller::current()? })
    }

    /// The situation in which a token is presented.
    pub fn situation<'a>(&'a self, cli: &'a Cli, context: &'a Context) -> Situation<'a> {
        Situation {
            home: &self.home,
            vault: &self.vault,
            ledger: &self.ledger,
            caller: &self.caller,
            project: &self.project,
            search: context.env.get("PATH"),
            now: context.now,
            target: cli.target.as_deref(),
            words: cli.argv.as_deref(),
        }
    }
}

/// Runs the granted command and ends as it ended.
pub fn run(cli: &Cli, status: &StatusFd, context: &mut Context) -> Result<Exit> {
    let desk = Desk::open(context)?;
    let log = desk.vault.log()?;
    let mut denied = Denied { check: None, grant: None, project: &desk.project.root, target: cli.target.as_deref() };
    let outcome = verified(cli, &desk, context, &mut denied).and_then(|grant| {
        denied.grant = Some(grant.terms().jti.clone());
        released(grant, &desk, &log, context)
    });
    let (grant, released, patterns) = outcome.map_err(|error| deny(error, &denied, &desk, &log, context))?;
    let start = released.record;
    match spawned(cli, &grant, released, &desk, &patterns, context) {
        Ok(running) => {
            status.started(running.child.id(), grant.terms.jti.as_str(), start);
            let ending = running.finish(context);
            let recorded = log.append(Timestamp::now(), &[record::end(start, &grant.terms.jti, &ending)]);
            if let Err(e) = recorded {
                context.out.warn(&format!("the end of the command is not on record: {e}"));
            }
            status.ended(&ending);
            context.out.flush()?;
            Ok(ending.exit())
        }
        Err(error) => {
            log.append(Timestamp::now(), &[record::failed(start, &grant.terms.jti, &error)])?;
            Err(error)
        }
    }
}

/// What outlives the grant itself.
struct Granted {
    terms: Terms,
    program: PathBuf,
    argv: Vec<OsString>,
}

/// Finds the token and applies the checks; of several kept ones, the newest that passes.
fn verified(cli: &Cli, desk: &Desk, context: &mut Context, denied: &mut Denied<'_>) -> Result<VerifiedGrant> {
    let swept = manage::sweep_expired(&desk.ledger, context.now)?;
    manage::record(&swept, "grant.sweep", "expired", context)?;
    let found = find::find(cli, &desk.ledger, context)?;
    let situation = desk.situation(cli, context);
    let attempt = |text: &Secret| -> std::result::Result<VerifiedGrant, (Error, Option<Check>)> {
        let mut failed = None;
        let mut trace = |check: Check, error: Option<&Error>| failed = error.map(|_| check);
        let line = token::line(text.expose()).map_err(|e| (e, Some(Check::Form)))?;
        check::verify(line, &situation, &mut trace).map_err(|e| (e, failed))
    };
    let outcome = match found {
        Found::Token(text) => attempt(&text),
        Found::Kept(paths) => first_that_passes(&paths, attempt),
    };
    outcome.map_err(|(error, check)| {
        denied.check = check;
        error
    })
}

type Attempt = std::result::Result<VerifiedGrant, (Error, Option<Check>)>;

/// The newest kept grant that passes; if none does, why the newest does not.
fn first_that_passes(paths: &[PathBuf], attempt: impl Fn(&Secret) -> Attempt) -> Attempt {
    let mut newest = None;
    for path in paths {
        let text = find::read_kept(path).map_err(|e| (e, None));
        match text.and_then(|text| attempt(&text)) {
            Ok(grant) => return Ok(grant),
            Err(failure) => newest = newest.or(Some(failure)),
        }
    }
    Err(newest.unwrap_or_else(|| (Error::bug("no kept grant was tried"), None)))
}

/// Spends, opens and records, in this order; nothing has left this process when any of it fails.
fn released(
    grant: VerifiedGrant,
    desk: &Desk,
    log: &Log,
    context: &Context,
) -> Result<(Granted, Released, Arc<Patterns>)> {
    let granted =
        Granted { terms: grant.terms().clone(), program: grant.program().to_owned(), argv: grant.argv().to_vec() };
    let held = grant.spend(&desk.ledger)?.open(&desk.vault)?;
    let patterns = Arc::new(held.patterns());
    let started = record::Start { terms: &granted.terms, program: &granted.program, argv: &granted.argv };
    let event = record::start(&started, &desk.caller, &desk.runtime, &patterns);
    let released = held.record(log, context.now, &[event])?;
    Ok((granted, released, patterns))
}

/// Puts a denial on record where the record can be reached, and returns it.
fn deny(error: Error, denied: &Denied<'_>, desk: &Desk, log: &Log, context: &mut Context) -> Error {
    let event = record::deny(&error, denied, &desk.caller);
    if let Err(e) = log.append(context.now, &[event]) {
        context.out.warn(&format!("the denial is not on record: {e}"));
    }
    error
}

/// A child that runs.
struct Running {
    child: Child,
    began: Instant,
    relay: Relay,
    forward: crate::signals::Target,
    /// Files live as long as this.
    delivered: Delivered,
}

fn spawned(
    cli: &Cli,
    grant: &Granted,
    released: Released,
    desk: &Desk,
    patterns: &Arc<Patterns>,
    context: &mut Context,
) -> Result<Running> {
    for (name, reason) in patterns.unwatched() {
        context.out.warn(&format!("{name} is not redacted: {reason}"));
    }
    let mut delivered = deliver::deliver(&released.opened, &desk.runtime)?;
    drop(released);
    let action = &grant.terms.action;
    let mut vars = environment::inherit(&context.env, &action.env).vars;
    vars.extend(std::mem::take(&mut delivered.vars));
    let mut pass = child::jobserver(&vars);
    pass.extend(&cli.pass_fd);
    let plan = Plan {
        program: &grant.program,
        argv: &grant.argv,
        dir: action.dir.as_path(),
        vars,
        pass,
        no_new_privs: action.no_new_privs,
        raw: action.raw,
    };
    let forwarder = Forwarder::catch()?;
    let before = BeforeExec { terminal: None, parent_death: None, no_new_privileges: plan.no_new_privs };
    let mut child = child::spawn(&plan, &mut delivered, before)?;
    drop(plan);
    let forward = forwarder.forward_to(child.id());
    let mut relay = Relay::default();
    if let Some(stdout) = child.stdout.take() {
        relay.stream(stdout.into(), rustix::stdio::stdout(), patterns)?;
    }
    if let Some(stderr) = child.stderr.take() {
        relay.stream(stderr.into(), rustix::stdio::stderr(), patterns)?;
    }
    delivered.descriptors.clear();
    Ok(Running { child, began: Instant::now(), relay, forward, delivered })
}

impl Running {
    /// Waits for the child, then for its output.
    fn finish(mut self, context: &mut Context) -> Ending {
        let status = self.child.wait();
        self.forward.clear();
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let report = self.relay.finish();
        drop(self.delivered);
        if let Some(failure) = &report.failure {
            context.out.warn(failure.message());
        }
        let stragglers = u64::from(report.abandoned > 0);
        if stragglers > 0 {
            context
                .out
                .warn("a process that the command started still holds its output; what it writes from now on is lost");
        }
        // wait() on our own, unreaped child fails only if somebody else reaped it; its status is then unknown.
        let status = status.unwrap_or_default();
        Ending::new(status, elapsed, report.redactions, stragglers)
    }
}
