//! A child that must not outlive us, where the kernel has no word for that: a process of its own
//! waits for the end of a pipe that we hold as long as we live.
//!
//! It is this program again, started before the child, so that it has no copy of what we hold in
//! memory; the child says its number through the pipe before it executes anything.

use std::ffi::OsString;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::platform::posix::descriptors::pipe;
use crate::platform::posix::signals::ignore;

/// The word by which this program is started as a guard, with the signal's number behind it.
pub const GUARD: &str = "--hasp-guard";

/// A guard that waits for a child.
pub struct ParentDeath {
    life: &'static OwnedFd,
}

/// Starts a guard.
///
/// # Errors
/// Where it cannot be started.
pub fn on_parent_death(signal: Signal) -> std::io::Result<ParentDeath> {
    let (end, life) = pipe()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(GUARD).arg(signal.as_raw().to_string()).env_clear().current_dir("/");
    command.stdin(end).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn()?;
    // Nothing closes it but the end of this process.
    Ok(ParentDeath { life: Box::leak(Box::new(life)) })
}

impl ParentDeath {
    /// In the forked child: says which process is guarded.
    pub fn arm(&self, _parent: Pid) -> rustix::io::Result<()> {
        let number = rustix::process::getpid().as_raw_nonzero().get().to_ne_bytes();
        match rustix::io::write(self.life, &number) {
            Ok(4) => Ok(()),
            Ok(_) => Err(rustix::io::Errno::PIPE),
            Err(e) => Err(e),
        }
    }
}

/// What this process has to do if it was started as a guard; it does nothing else then. When a
/// process started, the system tells by `start`.
pub fn guard(args: &[OsString], start: impl Fn(u32) -> Option<u64>) -> bool {
    let [_, word, number] = args else { return false };
    if word != GUARD {
        return false;
    }
    let signal = number.to_str().and_then(|n| Signal::from_named_raw(n.parse().ok()?));
    if let Some(signal) = signal {
        [Signal::HUP, Signal::INT, Signal::TERM].into_iter().for_each(ignore);
        wait(signal, start);
    }
    true
}

fn wait(signal: Signal, start: impl Fn(u32) -> Option<u64>) {
    let mut life = std::io::stdin();
    let mut number = [0; 4];
    if life.read_exact(&mut number).is_err() {
        return;
    }
    let Some(child) = Pid::from_raw(i32::from_ne_bytes(number)) else { return };
    let number = child.as_raw_nonzero().get().unsigned_abs();
    let before = start(number);
    let mut byte = [0];
    let end = life.as_fd();
    while !matches!(rustix::io::read(end, &mut byte), Ok(0)) {}
    // Its number may be another process's by now.
    if before.is_some() && start(number) == before {
        let _ = kill_process(child, signal);
    }
}
