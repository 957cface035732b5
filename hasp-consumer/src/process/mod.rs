//! A process that cannot be mistaken for another one: pids are reused, so its start time, the boot
//! and the pid namespace are part of what it is (DESIGN section 5).

pub(crate) mod caller;
pub(crate) mod namespace;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use hasp_core::platform;
use hasp_core::text::printable_path;

/// One process of one boot, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// The kernel's random id of this boot.
    pub boot: String,
    /// The inode of the pid namespace in which `pid` counts.
    pub pidns: u64,
    /// The pid.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
}

/// What can be seen of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Which one it is.
    pub id: ProcessId,
    /// The program that it runs, if we may know; a program that was replaced on disk is not known.
    pub exe: Option<PathBuf>,
    /// What it calls itself, printable.
    pub comm: String,
    /// The session that it belongs to; 0 if the leader is outside of our namespace.
    pub sid: u32,
    /// Its parent; 0 if that is outside of our namespace.
    pub ppid: u32,
    /// Its controlling terminal.
    pub tty: Option<PathBuf>,
}

impl ProcessId {
    /// Whether this very process still runs.
    pub(crate) fn alive(&self) -> bool {
        platform::process(self.pid).is_some_and(|now| now.alive && now.start == self.start)
    }
}

impl Process {
    /// Whether it still runs with the parent and in the session that were read: it has had its pid
    /// all the time.
    pub(crate) fn unchanged(&self) -> bool {
        let now = platform::process(self.id.pid).filter(|now| now.alive);
        now.is_some_and(|now| {
            (now.start, now.parent, now.session) == (self.id.start, self.ppid, self.sid)
        })
    }

    /// `bash, pid 4711`, or the program's path where that is known.
    pub fn label(&self) -> String {
        let name = self.exe.as_deref().map_or_else(|| self.comm.clone(), printable_path);
        format!("{name}, pid {}", self.id.pid)
    }
}
