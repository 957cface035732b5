//! Signals that reach the broker and are meant for the child: passed on once, except those that the terminal has already sent to
//! the whole foreground group.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use hasp_core::{Error, Result, system};

/// What is passed on.
const FORWARDED: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP];

/// Signals are caught from the moment this exists; they are passed on once the child is known.
pub struct Forwarder {
    signals: SignalsInfo<WithOrigin>,
}

/// Whom signals are passed on to, from a thread of its own.
pub trait Receiver: Send + 'static {
    /// A signal that somebody sent to this process alone, or, with `from_terminal`, that the terminal sent to its whole group.
    fn receive(&self, signal: i32, from_terminal: bool);
}

impl Forwarder {
    /// Catches what is to be passed on, and `also`. What was ignored at start (nohup) stays ignored, here and in the child.
    pub fn catch(also: &[i32]) -> Result<Forwarder> {
        let ignored = ignored_mask();
        let wanted = FORWARDED.iter().chain(also).copied();
        let caught: Vec<i32> = wanted.filter(|s| ignored & (1 << (s - 1)) == 0).collect();
        let signals = SignalsInfo::<WithOrigin>::new(caught).map_err(|e| Error::system("catch signals", e))?;
        Ok(Forwarder { signals })
    }

    /// Passes on from a thread, so that a blocked output does not hold a signal back.
    pub fn forward_to(mut self, receiver: impl Receiver) -> Result<()> {
        let relay = std::thread::Builder::new().spawn(move || {
            for origin in self.signals.forever() {
                receiver.receive(origin.signal, matches!(origin.cause, Cause::Kernel));
            }
        });
        relay.map(drop).map_err(|e| Error::system("start a thread", e))
    }
}

/// A child in our own process group; after [`Target::clear`] nobody.
#[derive(Clone)]
pub struct Target(Arc<AtomicI32>);

impl Target {
    /// This child.
    pub fn new(child: u32) -> Target {
        Target(Arc::new(AtomicI32::new(i32::try_from(child).unwrap_or(0))))
    }

    /// Nobody from now on: the child has been waited for, and its number may become another process's.
    pub fn clear(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    /// To the child; to ourselves once it has ended, so that what is left of its output cannot hold us.
    fn send(&self, number: i32) {
        if self.0.load(Ordering::SeqCst) == 0 {
            return system::die_of(number);
        }
        let pid = Pid::from_raw(self.0.load(Ordering::SeqCst));
        if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(number)) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Receiver for Target {
    /// Keys signal the whole foreground group, and the child has that already; a hangup reaches only the session's leader.
    fn receive(&self, signal: i32, from_terminal: bool) {
        let by_key = from_terminal && matches!(signal, SIGINT | SIGQUIT | SIGTSTP);
        if !by_key || self.0.load(Ordering::SeqCst) == 0 {
            self.send(signal);
        }
        if signal == SIGTSTP {
            system::stop(false);
            self.send(SIGCONT);
        }
    }
}

/// The signals that this process was started with ignored, one bit each, from /proc/self/status.
fn ignored_mask() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}
