//! The broker's order of work: find, check, spend, open, record, deliver, spawn, relay, wait,
//! record. Everything before the spend changes nothing; every denial is on record.

mod digest;
mod events;
pub mod find;
pub mod status;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Signal;

use hasp_audit::Log;
use hasp_bind::{Binding, Project};
use hasp_consumer::Caller;
use hasp_core::system::BeforeExec;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Here, Home, Result, Runtime, Secret, Timestamp, memory};
use hasp_grant::{
    Action, Check, Ledger, Released, Situation, Terms, VerifiedGrant, nothing_released, record_end,
    sweep_expired, token_line, verify,
};
use hasp_redact::Patterns;
use hasp_vault::Vault;

use crate::broker::events::Denied;
use crate::broker::find::Found;
use crate::broker::status::StatusFd;
use crate::child::ending::{Ending, Lost};
use crate::child::environment;
use crate::child::reap;
use crate::child::signals::{Forwarder, Target};
use crate::child::stdin;
use crate::child::{self, Plan};
use crate::cli::Cli;
use crate::deliver::directory;
use crate::deliver::{self, Delivered};
use crate::pty::session::{self, Place, Session};
use crate::relay::Relay;
use crate::relay::outputs::Outputs;

/// Everything that stays the same while one grant is consumed.
pub struct Desk {
    /// The runtime directory.
    pub runtime: Runtime,
    /// Its ledger.
    pub ledger: Ledger,
    /// The root of the project here, or why there is none.
    pub root: Result<PathBuf>,
    /// The project's vault; the home's own outside of any project, so that a denial there is on
    /// record.
    pub vault: Vault,
    /// Who asks.
    pub caller: Caller,
}

impl Desk {
    /// Finds runtime directory, project and vault.
    pub fn open(context: &Context) -> Result<Desk> {
        let home = Home::locate(&context.env)?;
        home.check()?;
        let runtime = Runtime::locate(&context.env)?;
        let ledger = Ledger::open(&runtime)?;
        let cwd =
            std::env::current_dir().map_err(|e| Error::system("find the current directory", e))?;
        let root = Project::root(&home, &cwd);
        let vault = Vault::here(&Here::find(&context.env)?)?;
        Ok(Desk { runtime, ledger, root, vault, caller: Caller::current()? })
    }

    /// The target that was asked for, if somebody has consented to one of this name: any other word
    /// may be a value, typed in its place.
    fn consented<'a>(&self, cli: &'a Cli) -> Option<&'a str> {
        let asked = cli.target.as_deref()?;
        let binding = Binding::load(&self.vault, self.root.as_deref().ok()?).ok()??;
        binding.targets.contains_key(asked).then_some(asked)
    }

    /// The situation in which a token is presented.
    ///
    /// # Errors
    /// `[no-project]`.
    pub fn situation<'a>(
        &'a self,
        cli: &'a Cli,
        found: &Found,
        context: &'a Context,
    ) -> Result<Situation<'a>> {
        Ok(Situation {
            vault: &self.vault,
            ledger: &self.ledger,
            caller: &self.caller,
            root: self.root.as_deref().map_err(Clone::clone)?,
            search: context.env.get("PATH"),
            now: context.now,
            target: cli.target.as_deref(),
            words: cli.argv.as_deref(),
            searched: matches!(found, Found::Kept(_)),
        })
    }
}

/// Runs the granted command and ends as it ended.
pub fn run(
    cli: &Cli,
    passed: Vec<RawFd>,
    status: &StatusFd,
    context: &mut Context,
) -> Result<Exit> {
    let desk = Desk::open(context)?;
    directory::sweep(&desk.runtime)?;
    let log = desk.vault.log().map_err(nothing_released)?;
    let mut denied =
        Denied { check: None, grant: None, project: desk.root.as_deref().ok(), target: None };
    let mut notice = None;
    let outcome = verified(cli, &desk, context, &mut denied).and_then(|grant| {
        denied.grant = Some(grant.terms().jti);
        notice = grant.notice().map(str::to_owned);
        released(grant, &desk, &log)
    });
    let (grant, released, patterns) = outcome.map_err(|error| {
        denied.target = desk.consented(cli);
        deny(error, &denied, &desk, &log, context)
    })?;
    if let Some(notice) = notice {
        context.out.warn(&notice);
    }
    let start = released.record;
    match spawned(cli, &grant, passed, released, &desk, &patterns, context) {
        Ok(running) => {
            status.started(running.pid(), grant.terms.jti.as_str(), start);
            let ending = running.finish(context);
            let recorded =
                log.append(Timestamp::now(), &[events::end(start, &grant.terms.jti, &ending)]);
            if let Err(e) = recorded {
                context.out.warn(&format!("the end of the command is not on record: {e}"));
            }
            status.ended(&ending);
            context.out.flush()?;
            Ok(ending.exit())
        }
        Err(error) => {
            log.append(Timestamp::now(), &[events::failed(start, &grant.terms.jti, &error)])?;
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
fn verified(
    cli: &Cli,
    desk: &Desk,
    context: &mut Context,
    denied: &mut Denied<'_>,
) -> Result<VerifiedGrant> {
    let swept = sweep_expired(&desk.ledger, context.now)?;
    record_end(&swept, "grant.sweep", "expired", context)?;
    let found = find::find(cli, &desk.ledger, context)?;
    // Waiting for a token takes time, and one that was minted meanwhile is not from the future.
    context.now = Timestamp::now();
    let situation = desk.situation(cli, &found, context)?;
    let attempt = |text: &Secret| -> Attempt {
        let mut failed = None;
        let mut trace = |check: Check, error: Option<&Error>| failed = error.map(|_| check);
        let line = token_line(text.expose()).map_err(|e| (e, Some(Check::Form)))?;
        let grant = verify(line, &situation, &mut trace).map_err(|e| (e, failed))?;
        let deliverable = deliver::check(&grant.terms().action, &desk.runtime);
        deliverable.map(|()| grant).map_err(|e| (e, Some(Check::Deliveries)))
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
) -> Result<(Granted, Released, Arc<Patterns>)> {
    let granted = Granted {
        terms: grant.terms().clone(),
        program: grant.program().to_owned(),
        argv: grant.argv().to_vec(),
    };
    let held = grant.spend(&desk.ledger)?.open(&desk.vault)?;
    let patterns = Arc::new(held.patterns());
    let started =
        events::Start { terms: &granted.terms, program: &granted.program, argv: &granted.argv };
    let event = events::start(&started, &desk.caller, &desk.runtime, &patterns);
    let released = held.record(log, Timestamp::now(), &[event])?;
    Ok((granted, released, patterns))
}

/// Puts a denial on record where the record can be reached, and returns it.
fn deny(error: Error, denied: &Denied<'_>, desk: &Desk, log: &Log, context: &mut Context) -> Error {
    let event = events::deny(&error, denied, &desk.caller);
    if let Err(e) = log.append(Timestamp::now(), &[event]) {
        context.out.warn(&format!("the denial is not on record: {e}"));
    }
    error
}

/// A child that runs.
struct Running {
    process: Process,
    began: Instant,
    relay: Relay,
    kill_stragglers: bool,
    /// Files live as long as this.
    delivered: Delivered,
}

/// On pipes, in our own process group, or on a terminal of its own.
enum Process {
    Plain(Child, Target),
    Session(Box<Session>),
}

fn spawned(
    cli: &Cli,
    grant: &Granted,
    passed: Vec<RawFd>,
    released: Released,
    desk: &Desk,
    patterns: &Arc<Patterns>,
    context: &mut Context,
) -> Result<Running> {
    for (name, reason) in patterns.unwatched() {
        context.out.warn(&format!("{name} is not redacted: {reason}"));
    }
    // From here on nothing that our caller left open reaches the reaper, the monitor or the child
    // by itself.
    child::pass_only(&[])?;
    let mut delivered = deliver::deliver(&released.opened, &desk.runtime)?;
    drop(released);
    let action = &grant.terms.action;
    let (vars, values) = variables(&mut delivered, action, context);
    let mut pass = passed;
    pass.extend(delivered.descriptors.iter().map(AsRawFd::as_raw_fd));
    let plan = Plan {
        program: &grant.program,
        argv: &grant.argv,
        dir: action.dir.as_path(),
        vars,
        values,
        pass,
        no_new_privs: action.no_new_privs,
        umask: context.umask,
    };
    let mut relay = Relay::new()?;
    let stdin = match delivered.stdin.take() {
        Some(value) => Some(value),
        None => stdin::instead(cli.grant.as_deref(), context)?,
    };
    let place = if action.raw { Place::Here } else { session::place() };
    let process = match place {
        Place::Terminal(stage) => {
            Process::Session(Box::new(session::start(*stage, plan, stdin, patterns, &mut relay)?))
        }
        Place::Apart => {
            plain(plan, stdin, Manner { raw: false, apart: true }, patterns, &mut relay)?
        }
        Place::Here => {
            plain(plan, stdin, Manner { raw: action.raw, apart: false }, patterns, &mut relay)?
        }
    };
    delivered.descriptors.clear();
    // The halves of the grant and what opened them were below here.
    memory::wipe_stack();
    Ok(Running {
        process,
        began: Instant::now(),
        relay,
        kill_stragglers: cli.kill_stragglers,
        delivered,
    })
}

/// What the child inherits and what is delivered to it.
fn variables(delivered: &mut Delivered, action: &Action, context: &Context) -> Variables {
    let mut vars = environment::inherit(&context.env, &action.env).vars;
    vars.extend(std::mem::take(&mut delivered.vars));
    let values = delivered.values.take();
    child::drop_named(&mut vars, values.as_ref());
    (vars, values)
}

type Variables = (BTreeMap<OsString, OsString>, Option<Secret>);

/// How a child without a terminal of its own runs.
#[derive(Clone, Copy)]
struct Manner {
    /// Its output goes out as it is.
    raw: bool,
    /// In a session of its own: ours has a terminal, past which its output would not be redacted.
    apart: bool,
}

/// A child without a terminal of its own, as a rule in our process group; its output comes through
/// pipes unless it goes out as it is.
fn plain(
    plan: Plan<'_>,
    stdin: Option<OwnedFd>,
    manner: Manner,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<Process> {
    let mut command = child::command(&plan);
    if let Some(value) = stdin {
        command.stdin(value);
    }
    let outputs = if manner.raw { None } else { Some(Outputs::arrange(&mut command, None)?) };
    let forwarder = Forwarder::catch()?;
    let before = BeforeExec {
        parent_death: Some(Signal::TERM),
        own_session: manner.apart,
        ..BeforeExec::default()
    };
    let mut child = child::spawn(command, plan, before)?;
    let target = Target::new(child.id(), manner.apart);
    let forwarded = forwarder.forward_to(target.clone());
    let watched =
        forwarded.and_then(|()| outputs.map_or(Ok(()), |outputs| outputs.relay(patterns, relay)));
    if let Err(error) = watched {
        // What is refused does not run on unwatched.
        let _ = child.kill();
        let _ = child.wait();
        return Err(error);
    }
    Ok(Process::Plain(child, target))
}

impl Running {
    fn pid(&self) -> u32 {
        match &self.process {
            Process::Plain(child, _) => child.id(),
            Process::Session(session) => session.pid(),
        }
    }

    /// Waits for the child, then for its output.
    fn finish(mut self, context: &mut Context) -> Ending {
        let (code, signal) = match &mut self.process {
            Process::Plain(child, target) => {
                reap::wait_for(child.id());
                // From here on its number may become another process's.
                target.clear();
                let status = child.wait();
                // wait() on our own, unreaped child fails only if somebody else reaped it; its
                // status is then unknown.
                status.map_or((Some(125), None), |s| (s.code(), s.signal()))
            }
            Process::Session(session) => session.wait().unwrap_or_else(|error| {
                context.out.warn(error.message());
                (Some(125), None)
            }),
        };
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let report = self.relay.finish(self.kill_stragglers);
        drop(self.process);
        drop(self.delivered);
        let left = code.is_none() && signal.is_none();
        if left {
            context.out.warn("the command outlived its terminal and was left running");
        }
        if report.stragglers > 0 {
            let text = if self.kill_stragglers {
                "ended"
            } else {
                "left running; what they write from now on is lost"
            };
            context.out.warn(&format!(
                "processes that outlived the command: {}, {text}",
                report.stragglers
            ));
        }
        let ending = Ending {
            code,
            signal,
            left,
            milliseconds: elapsed,
            redactions: report.redactions,
            stragglers: report.stragglers,
            lost: Lost::of(&report),
        };
        if let Some(words) = ending.complaint(&report) {
            context.out.warn(&words);
        }
        ending
    }
}
