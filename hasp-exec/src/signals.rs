//! Signals that reach the broker and are meant for the child: passed on once, except those that the terminal has already sent to
//! the whole foreground group.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::origin::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use hasp_core::{Error, Result};

/// What is passed on.
const FORWARDED: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

/// Signals are caught from the moment this exists; they are passed on once the child is known.
pub struct Forwarder {
    signals: SignalsInfo<WithOrigin>,
}

/// The process that signals are passed to; after [`Target::clear`] nobody.
#[derive(Clone)]
pub struct Target(Arc<AtomicI32>);

impl Forwarder {
    /// Catches what is to be passed on. What was ignored at start (nohup) stays ignored, here and in the child.
    pub fn catch() -> Result<Forwarder> {
        let ignored = ignored_mask();
        let caught: Vec<i32> = FORWARDED.into_iter().filter(|s| ignored & (1 << (s - 1)) == 0).collect();
        let signals = SignalsInfo::<WithOrigin>::new(caught).map_err(|e| Error::system("catch signals", e))?;
        Ok(Forwarder { signals })
    }

    /// Passes on to this child from a thread of its own, so that a blocked output does not hold a signal back.
    pub fn forward_to(self, child: u32) -> Target {
        let target = Target(Arc::new(AtomicI32::new(i32::try_from(child).unwrap_or(0))));
        let seen = target.clone();
        let mut signals = self.signals;
        std::thread::spawn(move || {
            for origin in signals.forever() {
                // The terminal signals the whole foreground group: the child has it already.
                if !matches!(origin.cause, Cause::Kernel) {
                    seen.send(origin.signal);
                }
            }
        });
        target
    }
}

impl Target {
    /// Nobody from now on: the child has been waited for, and its number may become another process's.
    pub fn clear(&self) {
        self.0.store(0, Ordering::SeqCst);
    }

    fn send(&self, number: i32) {
        let pid = Pid::from_raw(self.0.load(Ordering::SeqCst));
        if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(number)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// The signals that this process was started with ignored, one bit each, from /proc/self/status.
fn ignored_mask() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
    line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0)
}
