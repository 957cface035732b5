//! A consumer in the words of a person who is asked to approve one.

use std::fmt::Write;

use hasp_core::platform;
use hasp_core::text::{printable, printable_path};

use crate::consumer::Consumer;
use crate::process::ProcessId;

impl Consumer {
    /// The consumer as the record has it: `session:PID`, `process:PID`, `user:UID`, `exe:PATH`, or
    /// a registered name.
    pub fn selector(&self) -> String {
        match self {
            Consumer::Session { leader, .. } => format!("session:{}", leader.pid),
            Consumer::Process { process, .. } => format!("process:{}", process.pid),
            Consumer::User { uid } => format!("user:{uid}"),
            Consumer::Exe { path } => format!("exe:{}", path.display()),
            Consumer::Named { name, .. } => name.clone(),
        }
    }

    /// `this terminal session (bash, pid 4711, /dev/pts/3), including agents started here`.
    pub fn describe(&self) -> String {
        match self {
            Consumer::Session { leader, tty } => session(leader, tty.as_deref()),
            Consumer::Process { process, exe } => {
                format!("process {} and what it starts", process_words(process, exe.as_deref()))
            }
            Consumer::User { uid } => {
                format!("every process of user {uid}, agents and other sessions included")
            }
            Consumer::Exe { path } => {
                format!("{} and what it starts, in any session", printable_path(path))
            }
            Consumer::Named { name, path, .. } => {
                format!(
                    "{} ({}) and what it starts, in any session",
                    printable(name.as_bytes()),
                    printable_path(path)
                )
            }
        }
    }
}

/// "This" session only where the reader sits in it: a list shows the grants of other sessions too.
fn session(leader: &ProcessId, tty: Option<&str>) -> String {
    let ours = rustix::process::getsid(None)
        .is_ok_and(|sid| sid.as_raw_nonzero().get().cast_unsigned() == leader.pid);
    let (which, from) = if ours { ("this", "here") } else { ("another", "there") };
    let kind = if tty.is_some() { "terminal session" } else { "session" };
    let mut words = format!("{which} {kind} ({}", process_words(leader, None));
    if let Some(tty) = tty {
        let _ = write!(words, ", {}", printable(tty.as_bytes()));
    }
    words + &format!("), including agents started {from}")
}

/// `bash, pid 4711`; the name as it is now, if it still runs.
fn process_words(id: &ProcessId, exe: Option<&str>) -> String {
    let now = platform::process(id.pid).filter(|s| s.start == id.start).map(|s| printable(&s.name));
    match exe.map(|e| printable(e.as_bytes())).or(now) {
        Some(name) => format!("{name}, pid {}", id.pid),
        None => format!("pid {}", id.pid),
    }
}
