//! The monitor: leads the child's session on the child's terminal, starts the child in a process
//! group of its own, and tells the broker when it stops or ends. It holds values only in one place,
//! which is erased when the child has started; and the child's terminal, so that a child whose
//! terminal goes away hears of it by a signal before it finds its terminal dead, whoever is killed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

use hasp_core::platform::{self, BeforeExec};
use hasp_core::{Error, Result, Secret};

use crate::child::signals;
use crate::child::{self, ChildSpec};
use crate::pty::link::{self, Adopted, Launch, MonitorMessage, Receiver, Report, Sender};
use crate::pty::screen::Rescue;

/// How long a command may take to stop: some clear the screen before.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a command whose broker was killed may take to end before the end of its session hangs
/// it up once more.
const GRACE: Duration = Duration::from_millis(500);

/// The monitor's main; the broker has started us as leader of a session with the child's terminal.
pub(crate) fn run(socket: RawFd) -> Result<()> {
    let descriptor =
        platform::duplicate(socket).map_err(|e| Error::system("open the monitor's socket", e))?;
    let Adopted { leader, values, sender, mut receiver } = link::adopt(descriptor)?;
    // It changes its terminal's foreground group from behind. The child gets the default actions
    // back.
    for signal in [Signal::TTOU, Signal::TTIN, Signal::TSTP] {
        platform::ignore(signal);
    }
    // The end of its terminal is the end of the broker, after which it has work to do.
    let hangup = !platform::is_ignored(signal_hook::consts::SIGHUP);
    platform::ignore(Signal::HUP);
    let launch: Launch =
        receiver.receive().ok_or_else(|| Error::bug("the monitor got nothing to start"))?;
    let rescue = Rescue::new(launch.screen, &terminal()?);
    let child = match start(launch, values, hangup) {
        Ok(child) => child,
        Err(error) => return sender.send(&Report::Refused(error.message().to_owned())),
    };
    let over = Arc::new(AtomicBool::new(false));
    // Where that fails the broker is gone, which the messages tell as well.
    let watched = leave_terminal().and_then(|()| report(child, &sender, &over));
    let mut line = Line { child, leader: Some(leader), hung_up: false };
    if watched.is_ok() {
        obey(&mut line, &mut receiver, &sender);
    }
    if !over.load(Ordering::SeqCst) {
        // The broker was killed: the user's terminal is put back, and the child gets a hangup, as
        // from a terminal that is closed.
        if let Some(rescue) = rescue {
            rescue.put_back();
        }
        line.hang_up();
        give_grace(&over);
    }
    watched
}

/// Tells the broker of the child, and from a thread of what becomes of it.
fn report(child: Pid, broker: &Sender, over: &Arc<AtomicBool>) -> Result<()> {
    broker.send(&Report::Started(child.as_raw_nonzero().get().unsigned_abs()))?;
    let (watched, over) = (broker.another()?, Arc::clone(over));
    let watcher = std::thread::Builder::new().spawn(move || watch(child, &watched, &over));
    watcher.map(drop).map_err(|e| Error::system("start a thread", e))
}

/// Stops the child's group, and says so if the child has better things to do.
fn suspend(child: Pid, broker: &Sender) {
    let _ = kill_process_group(child, Signal::TSTP);
    let began = Instant::now();
    while !signals::stands(child) {
        if began.elapsed() > PATIENCE {
            let _ = broker.send(&Report::GoesOn);
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The child at its terminal, which we hold as the broker does.
struct Line {
    child: Pid,
    leader: Option<OwnedFd>,
    hung_up: bool,
}

impl Line {
    /// What the kernel does to the foreground of a terminal that is closed, and then to the
    /// terminal. In this order: a program that first finds its terminal dead gets the signal in the
    /// midst of coping with that. Vim has closed its input by then, opens it again only after the
    /// signal's handler, and asks there for ever whether it is ready.
    fn hang_up(&mut self) {
        if !std::mem::replace(&mut self.hung_up, true) {
            let _ = kill_process_group(self.child, Signal::HUP);
            let _ = kill_process_group(self.child, Signal::CONT);
        }
        self.leader = None;
    }
}

/// Waits until the child has ended, for a while: the end of its session is another hangup for it.
fn give_grace(over: &AtomicBool) {
    let began = Instant::now();
    while !over.load(Ordering::SeqCst) && began.elapsed() < GRACE {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn start(launch: Launch, values: Option<Secret>, default_hangup: bool) -> Result<Pid> {
    let argv: Vec<OsString> = launch.argv.iter().map(|w| w.as_os().to_owned()).collect();
    let vars = launch.vars.iter().map(|(n, v)| (n.as_os().to_owned(), v.as_os().to_owned()));
    let spec = ChildSpec {
        program: launch.program.as_path(),
        argv: &argv,
        dir: launch.dir.as_path(),
        vars: vars.collect::<BTreeMap<_, _>>(),
        values,
        pass: launch.pass,
        no_new_privs: launch.no_new_privs,
        umask: platform::mode(launch.umask),
    };
    let terminal = if launch.foreground { Some(terminal()?.into()) } else { None };
    // A monitor that is killed takes the child with it, as a terminal that is closed does.
    let parent_death = Some(Signal::HUP);
    let ground = BeforeExec { foreground: terminal, parent_death, ..BeforeExec::default() };
    let before = BeforeExec { default_signals: true, default_hangup, ..ground };
    let mut command = child::command(&spec);
    command.process_group(0);
    let started = child::spawn(command, spec, before)?;
    i32::try_from(started.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| Error::bug("a child without a number"))
}

/// Our own copies of the terminal would keep its output from ending with the child.
fn leave_terminal() -> Result<()> {
    let null = File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|e| Error::system("open /dev/null", e))?;
    let outcome = rustix::stdio::dup2_stdin(&null).and_then(|()| rustix::stdio::dup2_stdout(&null));
    outcome
        .and_then(|()| rustix::stdio::dup2_stderr(&null))
        .map_err(|e| Error::system("leave the terminal", e))
}

fn terminal() -> Result<File> {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(|e| Error::system("open the child's terminal", e))
}

/// Tells the broker of every stop and of the end.
fn watch(child: Pid, broker: &Sender, ended: &AtomicBool) {
    loop {
        let report = match waitpid(Some(child), WaitOptions::UNTRACED) {
            Err(rustix::io::Errno::INTR) | Ok(None) => continue,
            Err(_) => return,
            Ok(Some((_, status))) => {
                match (status.exit_status(), status.terminating_signal(), status.stopping_signal())
                {
                    (Some(code), _, _) => Report::Exited(code),
                    (_, Some(signal), _) => Report::Killed(signal),
                    (_, _, Some(signal)) => Report::Stopped(signal),
                    _ => continue,
                }
            }
        };
        let over = !matches!(report, Report::Stopped(_));
        ended.store(over, Ordering::SeqCst);
        // A broker that is gone needs no report; the end of the child still counts.
        let _ = broker.send(&report);
        if over {
            return;
        }
    }
}

/// Does what the broker says until it is gone.
fn obey(line: &mut Line, messages: &mut Receiver, broker: &Sender) {
    let child = line.child;
    while let Some(message) = messages.receive::<MonitorMessage>() {
        let _ = match message {
            MonitorMessage::Signal(number) => {
                Signal::from_named_raw(number).map_or(Ok(()), |s| kill_process(child, s))
            }
            MonitorMessage::SignalGroup(number) => {
                Signal::from_named_raw(number).map_or(Ok(()), |s| kill_process_group(child, s))
            }
            MonitorMessage::Hangup => {
                line.hang_up();
                Ok(())
            }
            MonitorMessage::LetGo => {
                line.leader = None;
                Ok(())
            }
            MonitorMessage::Suspend => {
                suspend(child, broker);
                Ok(())
            }
            MonitorMessage::Foreground => {
                if let Ok(terminal) = terminal() {
                    let _ = rustix::termios::tcsetpgrp(terminal, child);
                }
                kill_process_group(child, Signal::CONT)
            }
            MonitorMessage::Continue => kill_process_group(child, Signal::CONT),
        };
    }
}
