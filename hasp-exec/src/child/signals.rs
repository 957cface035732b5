//! Signals that reach the broker and are meant for the child: passed on once, except those that the
//! terminal has already sent to the whole foreground group.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, getpid, getsid, kill_process, kill_process_group};
use signal_hook::consts::{
    SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH,
};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use hasp_core::{Error, Result, platform};

/// What is passed on.
const FORWARDED: [i32; 9] =
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP, SIGCONT, SIGWINCH];

/// How long a signal to our whole group may take to reach the others of it.
const MOMENT: Duration = Duration::from_millis(10);

/// How long a signal waits that comes after the child's end: that is put on record meanwhile,
/// unless a reader who stalls holds us. A terminal that is closed tells us more than once.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// Signals are caught from the moment this exists; they are passed on once the child is known.
pub(crate) struct Forwarder {
    signals: SignalsInfo<WithOrigin>,
}

/// Whom signals are passed on to, from a thread of its own.
pub(crate) trait Receiver: Send + 'static {
    /// A signal that somebody sent to this process alone, or, with `from_terminal`, that the
    /// terminal sent to its whole group.
    fn receive(&self, signal: i32, from_terminal: bool);
}

impl Forwarder {
    /// Catches what is to be passed on. What was ignored at start (nohup) stays ignored, here and
    /// in the child.
    pub(crate) fn catch() -> Result<Forwarder> {
        let caught: Vec<i32> =
            FORWARDED.into_iter().filter(|s| !platform::is_ignored(*s)).collect();
        let signals = SignalsInfo::<WithOrigin>::new(caught)
            .map_err(|e| Error::system("catch signals", e))?;
        Ok(Forwarder { signals })
    }

    /// Passes on from a thread, so that a blocked output does not hold a signal back.
    pub(crate) fn forward_to(mut self, receiver: impl Receiver) -> Result<()> {
        let relay = std::thread::Builder::new().spawn(move || {
            for origin in self.signals.forever() {
                receiver.receive(origin.signal, matches!(origin.cause, Cause::Kernel));
            }
        });
        relay.map(drop).map_err(|e| Error::system("start a thread", e))
    }
}

/// A child without a terminal of its own; after [`Target::clear`] nobody.
#[derive(Clone)]
pub(crate) struct Target {
    child: Arc<AtomicI32>,
    /// Whether it leads a session of its own, which no terminal tells of anything; else it is in
    /// our process group.
    apart: bool,
    /// Whether the terminal stopped us with our whole group, which its shell then continues as a
    /// whole.
    stopped: Arc<AtomicBool>,
}

impl Target {
    /// This child.
    pub(crate) fn new(child: u32, apart: bool) -> Target {
        let child = Arc::new(AtomicI32::new(i32::try_from(child).unwrap_or(0)));
        Target { child, apart, stopped: Arc::default() }
    }

    /// Nobody from now on: the child has been waited for, and its number may become another
    /// process's.
    pub(crate) fn clear(&self) {
        self.child.store(0, Ordering::SeqCst);
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(self.child.load(Ordering::SeqCst))
    }

    /// To the child; to ourselves once it has ended, so that what is left of its output cannot hold
    /// us.
    fn send(&self, number: i32) {
        match (self.pid(), Signal::from_named_raw(number)) {
            (Some(pid), Some(signal)) if !self.apart => drop(kill_process(pid, signal)),
            // Nobody could continue it who has a terminal, so that only this stops it.
            (Some(pid), Some(Signal::TSTP)) => drop(kill_process_group(pid, Signal::STOP)),
            (Some(pid), Some(signal)) => drop(kill_process_group(pid, signal)),
            _ => late(number, || ()),
        }
    }

    fn stands(&self) -> bool {
        self.pid().is_none_or(stands)
    }
}

/// Whether a process stands still; so it is taken to where the system does not tell.
pub(crate) fn stands(process: Pid) -> bool {
    let facts = platform::process(process.as_raw_nonzero().get().unsigned_abs());
    facts.is_none_or(|facts| facts.stopped)
}

impl Receiver for Target {
    fn receive(&self, signal: i32, from_terminal: bool) {
        if from_terminal && !self.apart && self.pid().is_some() && reached_our_group(signal) {
            // The child has it already.
        } else if signal == SIGCONT && self.stopped.swap(false, Ordering::SeqCst) {
            std::thread::sleep(MOMENT);
            if self.stands() {
                self.send(signal);
            }
        } else {
            self.send(signal);
        }
        if signal == SIGTSTP {
            self.stopped.store(from_terminal, Ordering::SeqCst);
            platform::stop(false);
        }
    }
}

/// What a signal does once the child has ended: its own effect on us, after a while.
pub(crate) fn late(signal: i32, before: impl FnOnce()) {
    std::thread::sleep(LAST_WORDS);
    before();
    platform::die_of(signal);
}

/// Whether a signal of the terminal went to the whole foreground group: keys and sizes do, a hangup
/// as well unless we lead the session and are the one to be told.
fn reached_our_group(signal: i32) -> bool {
    match signal {
        SIGINT | SIGQUIT | SIGTSTP | SIGWINCH => true,
        SIGHUP => getsid(None).ok() != Some(getpid()),
        _ => false,
    }
}
