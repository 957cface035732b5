//! The broker's side of a child on a terminal of its own: output through the filter, keys and
//! window size to the child, and a child that stops stops us, so that the shell's job control sees
//! one job.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use rustix::stdio::{stderr, stdin, stdout};
use rustix::termios::{OptionalActions, tcsetattr};
use signal_hook::consts::{SIGTTIN, SIGTTOU};

use hasp_core::{Error, Kind, Result, platform};
use hasp_redact::Patterns;

use crate::child::ChildSpec;
use crate::child::reap;
use crate::child::signals::Forwarder;
use crate::code;
use crate::pty::forward::Forward;
use crate::pty::hangup::{Course, Hangup, Leader};
use crate::pty::keyboard::{Keyboard, Keys, Typing};
use crate::pty::launch::{launch, start_monitor};
use crate::pty::link::{self, MonitorMessage, Receiver, Report, Sender};
use crate::pty::printer::Printer;
use crate::pty::screen::Screen;
use crate::pty::stage::{Stage, duplicate, set_size};
use crate::relay::Relay;
use crate::relay::bell::bell;
use crate::relay::outputs::leads_to_our_terminal;

/// A child on a terminal of its own.
pub(crate) struct Session {
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

/// Starts the child on a terminal like ours.
pub(crate) fn start(
    Stage { screen, pair }: Stage,
    spec: ChildSpec<'_>,
    value: Option<OwnedFd>,
    patterns: &Arc<Patterns>,
    relay: &mut Relay,
) -> Result<Session> {
    let screen = Arc::new(screen);
    reap::in_background();
    platform::ignore(Signal::TTOU);
    let forwarder = Forwarder::catch()?;
    // Our window may have changed since the child's was made like it, before we would be told.
    set_size(&pair.follower, &screen);
    let front = starts_in_front(&screen);
    let stream = UnixStream::pair().map_err(|e| Error::system("make a socket", e))?;
    let lent = duplicate(screen.tty())?;
    let pass = [stream.1.as_raw_fd(), lent.as_raw_fd()];
    start_monitor(&pair.follower, pass, &spec, value, patterns, relay)?;
    link::send_leader(&stream.0, &pair.leader)?;
    link::send_values(&stream.0, spec.values.as_ref())?;
    let (sender, receiver) = link::open(stream.0)?;
    if front {
        // Before the child reads: a key is the child's terminal's to show.
        screen.raw()?;
    }
    sender.send(&launch(&spec, front, lent.as_raw_fd()))?;
    drop(stream.1);
    let course = Course::default();
    course.front.store(front, Ordering::SeqCst);
    let (keyboard, leader, hangup) =
        join(pair.leader, &screen, &course, sender.another()?, patterns, relay)?;
    let (follower, stopping) = (Some(pair.follower), Arc::default());
    #[rustfmt::skip]
    let mut session = Session {
        screen, keyboard, sender, receiver, leader, follower, pid: 0, course, hangup, stopping,
    };
    forwarder.forward_to(session.forward()?)?;
    session.begin().map(|()| session)
}

/// A pipeline's other programs may be using our terminal; the child then starts behind, and comes
/// to the front when it asks.
fn starts_in_front(screen: &Screen) -> bool {
    leads_to_our_terminal(stdin()) && leads_to_our_terminal(stdout()) && screen.foreground()
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
        .filter(|s| leads_to_our_terminal(s))
        .chain([screen.tty().as_fd()])
        .next()
        .unwrap_or(stdout());
    let (output_end, keys_end) = (duplicate(&leader)?, duplicate(&leader)?);
    let leader = Leader::new(leader);
    let (rings, hung) = bell()?;
    let hangup =
        Arc::new(Hangup::new(Arc::clone(screen), leader.clone(), course.clone(), rings, sender));
    let typing = Arc::new(Typing::default());
    let printer = Printer {
        screen: Arc::clone(screen),
        leader: leader.clone(),
        course: course.clone(),
        typing: Arc::clone(&typing),
        hangup: Arc::clone(&hangup),
        hung: hung.clone(),
    };
    relay.terminal(output_end, output, patterns, Arc::new(printer))?;
    let from = screen.tty().try_clone().map_err(|e| Error::system("open the terminal", e))?;
    let keyboard =
        Keyboard::start(Keys { from, to: keys_end, typing, hangup: Arc::clone(&hangup), hung })?;
    Ok((keyboard, leader, hangup))
}

impl Session {
    /// The child's number.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Whoever passes signals on to the child.
    fn forward(&self) -> Result<Forward> {
        Ok(Forward {
            sender: self.sender.another()?,
            screen: Arc::clone(&self.screen),
            leader: self.leader.clone(),
            course: self.course.clone(),
            stopping: Arc::clone(&self.stopping),
            hangup: Arc::clone(&self.hangup),
        })
    }

    fn begin(&mut self) -> Result<()> {
        match self.receiver.receive() {
            Some(Report::Started(pid)) => self.pid = pid,
            Some(Report::Refused(message)) => {
                return Err(Error::new(Kind::NotExecutable, code::CANNOT_EXECUTE, message));
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
    pub(crate) fn wait(&mut self) -> Result<(Option<i32>, Option<i32>)> {
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
                None if self.hangup.left_child_behind() => return Ok((None, None)),
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
        // `fg` may have come meanwhile: nothing would continue us if we stopped now.
        if asks && self.screen.foreground() {
            return self.come_forward();
        }
        self.stopping.store(true, Ordering::SeqCst);
        self.stop();
        self.resume(asks)
    }

    /// Stops us with our whole group until we are continued.
    fn stop(&self) {
        self.screen.restore();
        platform::stop(true);
    }

    /// After SIGCONT: `fg` gave us the terminal, `bg` did not.
    fn resume(&mut self, asks: bool) -> Result<()> {
        if !self.screen.foreground() {
            return self.sender.send(&MonitorMessage::Continue);
        }
        if self.is_front() || asks {
            self.come_forward()
        } else {
            self.sender.send(&MonitorMessage::Continue)
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
        self.sender.send(&MonitorMessage::Foreground)
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

/// Somebody killed the monitor, and with it the child.
fn monitor_lost(before: &str) -> Error {
    Error::new(
        Kind::Io,
        code::MONITOR_LOST,
        format!("the process that leads the command's session ended before {before}"),
    )
}
