//! The broker's side of a child on a terminal of its own: output through the filter, keys and
//! window size to the child, and a child that stops stops us, so that the shell's job control sees
//! one job.

use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, tcsetattr, tcsetwinsize};
use signal_hook::consts::{SIGTTIN, SIGTTOU};

use hasp_core::system::{self, BeforeExec};
use hasp_core::{Error, Kind, Result};
use hasp_grant::Arg;
use hasp_redact::Patterns;

use crate::child::reap;
use crate::child::signals::Forwarder;
use crate::child::{self, Plan};
use crate::pty::forward::Forward;
use crate::pty::hangup::{Course, Hangup, Leader};
use crate::pty::keyboard::{Keyboard, Keys, Typing};
use crate::pty::link::{self, Launch, Order, Receiver, Report, Sender};
use crate::pty::printer::Printer;
use crate::pty::screen::{self, Screen};
use crate::relay::bell::bell;
use crate::relay::outputs::Outputs;
use crate::relay::{Console, Relay};

/// A child on a terminal of its own.
pub struct Session {
    screen: Arc<Screen>,
    keyboard: Keyboard,
    sender: Sender,
    receiver: Receiver,
    leader: Leader,
    /// Held as long as the child runs: one that has closed its streams may open its terminal again,
    /// whose output would end otherwise.
    follower: Option<OwnedFd>,
    pid: u32,
    course: Course,
    hangup: Arc<Hangup>,
    /// Whether we stop as the child did: the signal that continues us is not meant for it.
    stopping: Arc<AtomicBool>,
}

/// Both sides of a new terminal.
struct Pair {
    /// What we hold.
    leader: OwnedFd,
    /// What the child sees.
    follower: OwnedFd,
}

/// Our terminal and the child's.
pub struct Stage {
    screen: Screen,
    pair: Pair,
}

/// Where a child runs whose output is redacted.
pub enum Place {
    /// On a terminal of its own: ours would show what it writes there past the filter, and would
    /// take keys from it.
    Terminal(Box<Stage>),
    /// In a session without a terminal, where none can be made, as in a container without devpts.
    Apart,
    /// In our session, which has no terminal.
    Here,
}

/// Where to run a child, wherever its output goes.
pub fn place() -> Place {
    let Some(screen) = Screen::open() else { return Place::Here };
    match Pair::like(&screen) {
        Ok(pair) => Place::Terminal(Box::new(Stage { screen, pair })),
        Err(_) => Place::Apart,
    }
}

/// Starts the child on a terminal like ours.
pub fn start(
    Stage { screen, pair }: Stage,
    plan: Plan<'_>,
    value: Option<OwnedFd>,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<Session> {
    let screen = Arc::new(screen);
    reap::in_background();
    system::ignore(Signal::TTOU);
    let forwarder = Forwarder::catch()?;
    // Our window may have changed since the child's was made like it, before we would be told.
    set_size(&pair.follower, &screen);
    // A pipeline's other programs may be using our terminal; the child then starts behind, and
    // comes to the front when it asks.
    let front = screen::is_ours(stdin()) && screen::is_ours(stdout()) && screen.foreground();
    let stream = UnixStream::pair().map_err(|e| Error::system("make a socket", e))?;
    let lent = duplicate(screen.tty())?;
    let pass = [stream.1.as_raw_fd(), lent.as_raw_fd()];
    start_monitor(&pair.follower, pass, &plan, value, patterns, relay)?;
    link::send_leader(&stream.0, &pair.leader)?;
    link::send_values(&stream.0, plan.values.as_ref())?;
    let (sender, receiver) = link::open(stream.0)?;
    if front {
        // Before the child reads: a key is the child's terminal's to show.
        screen.raw()?;
    }
    sender.send(&launch(&plan, front, lent.as_raw_fd()))?;
    drop(stream.1);
    let course = Course::default();
    course.front.store(front, Ordering::SeqCst);
    let (keyboard, leader, hangup) =
        join(pair.leader, &screen, &course, sender.another()?, patterns, relay)?;
    let stopping = Arc::new(AtomicBool::new(false));
    let forward = Forward {
        sender: sender.another()?,
        screen: Arc::clone(&screen),
        leader: leader.clone(),
        course: course.clone(),
        stopping: Arc::clone(&stopping),
        hangup: Arc::clone(&hangup),
    };
    let follower = Some(pair.follower);
    let mut session = Session {
        screen,
        keyboard,
        sender,
        receiver,
        leader,
        follower,
        pid: 0,
        course,
        hangup,
        stopping,
    };
    forwarder.forward_to(forward)?;
    session.begin().map(|()| session)
}

/// Relays output and keys between our terminal and the child's, until either is gone.
fn join(
    leader: OwnedFd,
    screen: &Arc<Screen>,
    course: &Course,
    sender: Sender,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<(Keyboard, Leader, Arc<Hangup>)> {
    let streams = [stdout(), stderr()].into_iter();
    let output = streams
        .filter(|s| screen::is_ours(s))
        .chain([screen.tty().as_fd()])
        .next()
        .unwrap_or(stdout());
    let (output_end, keys_end) = (duplicate(&leader)?, duplicate(&leader)?);
    let leader = Leader::new(leader);
    let (rings, hung) = bell()?;
    let hangup =
        Arc::new(Hangup::new(Arc::clone(screen), leader.clone(), course.clone(), rings, sender));
    let typing = Arc::new(Typing::default());
    let printer = Some(Printer {
        screen: Arc::clone(screen),
        leader: leader.clone(),
        course: course.clone(),
    });
    let console = Console {
        typing: Arc::clone(&typing),
        hangup: Arc::clone(&hangup),
        hung: hung.clone(),
        printer,
    };
    relay.terminal(output_end, output, patterns, console)?;
    let from = screen.tty().try_clone().map_err(|e| Error::system("open the terminal", e))?;
    let keyboard =
        Keyboard::start(Keys { from, to: keys_end, typing, hangup: Arc::clone(&hangup), hung })?;
    Ok((keyboard, leader, hangup))
}

impl Session {
    /// The child's number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    fn begin(&mut self) -> Result<()> {
        match self.receiver.receive() {
            Some(Report::Started(pid)) => self.pid = pid,
            Some(Report::Refused(message)) => {
                return Err(Error::new(Kind::NotExecutable, "cannot-execute", message));
            }
            _ => return Err(monitor_lost("the command started")),
        }
        if self.is_front() { self.take_screen() } else { Ok(()) }
    }

    fn is_front(&self) -> bool {
        self.course.front.load(Ordering::SeqCst)
    }

    /// Waits for the child's end, following its stops: its exit status or the signal that ended it;
    /// neither if it lives on though our terminal is gone.
    ///
    /// The keyboard is ours again when this returns, and signals have their own effect on us. What
    /// the child wrote last may still be on its way.
    pub fn wait(&mut self) -> Result<(Option<i32>, Option<i32>)> {
        let ending = self.follow();
        self.course.over.store(true, Ordering::SeqCst);
        self.follower = None;
        self.keyboard.close();
        self.screen.restore_keys();
        ending
    }

    fn follow(&mut self) -> Result<(Option<i32>, Option<i32>)> {
        loop {
            match self.receiver.receive() {
                Some(Report::Stopped(signal)) => self.stopped(signal)?,
                Some(Report::GoesOn) => self.stop(),
                Some(Report::Exited(code)) => return Ok((Some(code), None)),
                Some(Report::Killed(signal)) => return Ok((None, Some(signal))),
                Some(Report::Started(_) | Report::Refused(_)) => {}
                None if self.hangup.left() => return Ok((None, None)),
                None => return Err(monitor_lost("the command ended")),
            }
        }
    }

    /// A child that wants its terminal gets it if we have ours; otherwise we stop as it did and go
    /// on when we are continued.
    fn stopped(&mut self, signal: i32) -> Result<()> {
        let asks = matches!(signal, SIGTTIN | SIGTTOU);
        if asks && self.screen.foreground() {
            return self.come_forward();
        }
        self.keyboard.close();
        // What the child wrote before it stopped comes out first, held bytes included.
        std::thread::sleep(Duration::from_millis(hasp_redact::IDLE_MS + 20));
        self.stopping.store(true, Ordering::SeqCst);
        self.stop();
        self.resume(asks)
    }

    /// Stops us with our whole group until we are continued.
    fn stop(&self) {
        self.screen.restore();
        system::stop(true);
    }

    /// After SIGCONT: `fg` gave us the terminal, `bg` did not.
    fn resume(&mut self, asks: bool) -> Result<()> {
        if !self.screen.foreground() {
            return self.sender.send(&Order::Continue);
        }
        if self.is_front() || asks {
            self.come_forward()
        } else {
            self.sender.send(&Order::Continue)
        }
    }

    /// The child gets the foreground; the first time its terminal takes the modes that ours has by
    /// now.
    fn come_forward(&mut self) -> Result<()> {
        if !self.course.front.swap(true, Ordering::SeqCst) {
            self.leader
                .with(|leader| tcsetattr(leader, OptionalActions::Now, &self.screen.modes()));
        }
        self.take_screen()?;
        self.sender.send(&Order::Foreground)
    }

    fn take_screen(&self) -> Result<()> {
        self.screen.raw()?;
        self.keyboard.open();
        Ok(())
    }
}

/// However it ends, our terminal is as before, and the monitor goes, and with it a child that still
/// runs.
impl Drop for Session {
    fn drop(&mut self) {
        self.keyboard.close();
        self.screen.restore();
        self.sender.close();
    }
}

impl Pair {
    /// A new terminal with the modes and the size of ours.
    fn like(screen: &Screen) -> Result<Pair> {
        let failed = |e: rustix::io::Errno| Error::system("make a terminal for the command", e);
        let leader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .map_err(failed)?;
        // Who writes keys must hear of a hangup while the child reads none.
        rustix::io::ioctl_fionbio(&leader, true).map_err(failed)?;
        grantpt(&leader).and_then(|()| unlockpt(&leader)).map_err(failed)?;
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let follower = ioctl_tiocgptpeer(&leader, flags).map_err(failed)?;
        tcsetattr(&follower, OptionalActions::Now, &screen.modes()).map_err(failed)?;
        set_size(&follower, screen);
        Ok(Pair { leader, follower })
    }
}

/// Gives the child's terminal the size of ours, if that has one.
fn set_size(follower: &OwnedFd, screen: &Screen) {
    if let Some(size) = screen.size() {
        // The size of a terminal that we have open can be set; one that cannot keeps its own.
        let _ = tcsetwinsize(follower, size);
    }
}

/// The monitor leads a session on the new terminal. Streams of ours that are no terminal stay what
/// they are, the outputs redacted. It inherits its socket and our terminal.
fn start_monitor(
    follower: &OwnedFd,
    [socket, lent]: [RawFd; 2],
    plan: &Plan<'_>,
    value: Option<OwnedFd>,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<()> {
    let own =
        std::env::current_exe().map_err(|e| Error::system("find this program's own path", e))?;
    let mut command = Command::new(own);
    command.arg("--monitor").arg(socket.to_string()).env_clear();
    command.stdin(match value {
        Some(value) => value.into(),
        None if screen::is_ours(stdin()) => duplicate(follower)?.into(),
        None => Stdio::inherit(),
    });
    let outputs = Outputs::arrange(&mut command, Some(follower))?;
    let before = BeforeExec { terminal: Some(duplicate(follower)?), ..BeforeExec::default() };
    before.install(&mut command);
    let passed: Vec<i32> = plan.pass.iter().copied().chain([socket, lent]).collect();
    child::pass_only(&passed)?;
    command.spawn().map_err(|e| Error::system("start the monitor", e))?;
    // With it go our copies of what it got.
    drop(command);
    outputs.relay(patterns, relay)
}

fn launch(plan: &Plan<'_>, foreground: bool, screen: RawFd) -> Launch {
    Launch {
        program: Arg::from(plan.program),
        argv: plan.argv.iter().map(Arg::from).collect(),
        dir: Arg::from(plan.dir),
        vars: plan.vars.iter().map(|(n, v)| (Arg::from(n), Arg::from(v))).collect(),
        pass: plan.pass.clone(),
        no_new_privs: plan.no_new_privs,
        umask: plan.umask.as_raw_mode(),
        foreground,
        screen,
    }
}

/// Somebody killed the monitor, and with it the child.
fn monitor_lost(before: &str) -> Error {
    Error::new(
        Kind::Io,
        "monitor-lost",
        format!("the process that leads the command's session ended before {before}"),
    )
}

fn duplicate(descriptor: impl AsFd) -> Result<OwnedFd> {
    let duplicate = descriptor.as_fd().try_clone_to_owned();
    duplicate.map_err(|e| Error::system("open the command's terminal", e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use rustix::fs::Mode;

    #[test]
    fn a_launch_survives_the_socket_byte_for_byte() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;
        let (one, two) = UnixStream::pair().unwrap();
        let argv = [OsString::from("x"), OsString::from_vec(vec![0xff, b'\n'])];
        let vars = [(OsString::from("A"), OsString::from_vec(vec![0xfe, b'"']))].into();
        let plan = Plan {
            program: "/bin/x".as_ref(),
            argv: &argv,
            dir: "/".as_ref(),
            vars,
            values: None,
            pass: vec![7],
            no_new_privs: true,
            umask: Mode::from_raw_mode(0o22),
        };
        link::open(one).unwrap().0.send(&launch(&plan, true, 5)).unwrap();
        let received: Launch = link::open(two).unwrap().1.receive().unwrap();
        assert_eq!(received.argv[1].as_os(), argv[1]);
        assert!(received.vars[0].1.as_os() == OsString::from_vec(vec![0xfe, b'"']));
        assert!(
            received.foreground
                && received.no_new_privs
                && received.pass == [7]
                && received.screen == 5
        );
    }
}
