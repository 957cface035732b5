//! The command from its start to its end: its values are delivered at the last moment, and it is
//! waited for before its output is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::Signal;

use hasp_core::platform::BeforeExec;
use hasp_core::tool::Context;
use hasp_core::{Result, Secret, platform};
use hasp_grant::{Action, Released, Terms};
use hasp_redact::Patterns;

use crate::broker::Broker;
use crate::child::ending::{Ending, Lost};
use crate::child::signals::{Forwarder, Target};
use crate::child::{self, ChildSpec, environment, reap, stdin};
use crate::cli::Cli;
use crate::deliver::{self, Delivered};
use crate::pty::session::{self, Session};
use crate::pty::stage::{self, Place};
use crate::relay::Relay;
use crate::relay::outputs::Outputs;

/// What outlives the grant itself.
pub(crate) struct Granted {
    /// What was approved.
    pub(crate) terms: Terms,
    /// The absolute program.
    pub(crate) program: PathBuf,
    /// Its words.
    pub(crate) argv: Vec<OsString>,
}

/// A child that runs.
pub(crate) struct Running {
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

/// Delivers the values and starts the command.
pub(crate) fn spawn(
    cli: &Cli,
    grant: &Granted,
    passed: Vec<RawFd>,
    released: Released,
    broker: &Broker,
    patterns: &Arc<Patterns>,
    context: &mut Context,
) -> Result<Running> {
    for (name, reason) in patterns.unwatched() {
        context.out.warn(&format!("{name} is not redacted: {reason}"));
    }
    // From here on nothing that our caller left open reaches the reaper, the monitor or the child
    // by itself.
    child::pass_only(&[])?;
    let mut delivered = deliver::deliver(&released.opened, &broker.runtime)?;
    drop(released);
    let action = &grant.terms.action;
    let spec = child_spec(grant, &mut delivered, passed, context);
    let mut relay = Relay::new()?;
    let stdin = match delivered.stdin.take() {
        Some(value) => Some(value),
        None => stdin::instead(cli.grant.as_deref(), context)?,
    };
    let place = if action.raw { Place::Here } else { stage::place() };
    let manner = Manner { raw: action.raw, apart: matches!(place, Place::Apart) };
    let process = match place {
        Place::Terminal(stage) => {
            Process::Session(Box::new(session::start(*stage, spec, stdin, patterns, &mut relay)?))
        }
        Place::Apart | Place::Here => plain(spec, stdin, manner, patterns, &mut relay)?,
    };
    delivered.descriptors.clear();
    // The halves of the grant and what opened them were below here.
    platform::wipe_stack();
    Ok(Running {
        process,
        began: Instant::now(),
        relay,
        kill_stragglers: cli.kill_stragglers,
        delivered,
    })
}

/// What is started, which has what was approved and what is delivered to it.
fn child_spec<'a>(
    grant: &'a Granted,
    delivered: &mut Delivered,
    mut pass: Vec<RawFd>,
    context: &Context,
) -> ChildSpec<'a> {
    let action = &grant.terms.action;
    let (vars, values) = variables(delivered, action, context);
    pass.extend(delivered.descriptors.iter().map(AsRawFd::as_raw_fd));
    ChildSpec {
        program: &grant.program,
        argv: &grant.argv,
        dir: action.dir.as_path(),
        vars,
        values,
        pass,
        no_new_privs: action.no_new_privs,
        umask: context.umask,
    }
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
    spec: ChildSpec<'_>,
    stdin: Option<OwnedFd>,
    manner: Manner,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<Process> {
    let mut command = child::command(&spec);
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
    let mut child = child::spawn(command, spec, before)?;
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

impl Process {
    /// Waits for its end: its exit status or the signal that ended it.
    fn wait(&mut self, context: &mut Context) -> (Option<i32>, Option<i32>) {
        match self {
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
        }
    }
}

impl Running {
    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        match &self.process {
            Process::Plain(child, _) => child.id(),
            Process::Session(session) => session.pid(),
        }
    }

    /// Waits for the child, then for its output.
    pub(crate) fn finish(mut self, context: &mut Context) -> Ending {
        let (code, signal) = self.process.wait(context);
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let report = self.relay.finish(self.kill_stragglers);
        drop(self.process);
        drop(self.delivered);
        let left = code.is_none() && signal.is_none();
        if left {
            context.out.warn("the command outlived its terminal and was left running");
        }
        if report.stragglers > 0 {
            let fate = match self.kill_stragglers {
                true => "ended",
                false => "left running; what they write from now on is lost",
            };
            let count = report.stragglers;
            context.out.warn(&format!("processes that outlived the command: {count}, {fate}"));
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
