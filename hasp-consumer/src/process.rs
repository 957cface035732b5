//! A process that cannot be mistaken for another one: pids are reused, so its start time, the boot
//! and the pid namespace are part of what it is (DESIGN section 5).

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use hasp_core::platform::{self, ProcessFacts};
use hasp_core::text::{printable, printable_path};
use hasp_core::{Error, Kind, Result};

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

/// Where pids are counted: this boot, our own pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) boot: String,
    pub(crate) pidns: u64,
}

impl Place {
    /// The place of this process, if its processes are those that can be seen.
    ///
    /// # Errors
    /// `[no-proc]`: without it, or with another namespace's, nobody can be recognised.
    pub(crate) fn here() -> Result<Place> {
        match (platform::pid_space(), hasp_core::time::boot_id()) {
            (Some(pidns), Ok(boot)) => Ok(Place { boot, pidns }),
            _ => Err(no_proc()),
        }
    }

    /// The process of this pid, `None` if there is none, it has ended, or it changed while it was
    /// read.
    pub(crate) fn process(&self, pid: u32) -> Option<Process> {
        self.glance(pid).filter(Process::unchanged)
    }

    /// The same, not to be relied on before [`Process::unchanged`] has said that status and program
    /// are of one process.
    pub(crate) fn glance(&self, pid: u32) -> Option<Process> {
        let facts = platform::process(pid).filter(|facts| facts.alive)?;
        Some(Process { exe: platform::program(pid), ..self.made_of(facts) })
    }

    fn made_of(&self, facts: ProcessFacts) -> Process {
        let id = ProcessId {
            boot: self.boot.clone(),
            pidns: self.pidns,
            pid: facts.pid,
            start: facts.start,
        };
        Process {
            id,
            exe: None,
            tty: facts.terminal,
            comm: printable(&facts.name),
            sid: facts.session,
            ppid: facts.parent,
        }
    }

    /// Whether a process of this place.
    pub(crate) fn holds(&self, id: &ProcessId) -> bool {
        (&id.boot, id.pidns) == (&self.boot, self.pidns)
    }
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

fn no_proc() -> Error {
    let [why, hint] = platform::PROCESSES;
    Error::new(Kind::Denied, "no-proc", format!("nobody can be recognised here: {why}")).hint(hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn we_are_seen() {
        let place = Place::here().unwrap();
        let own = place.process(std::process::id()).unwrap();
        assert!(place.holds(&own.id) && own.id.alive());
        assert_eq!(own.exe.unwrap(), std::env::current_exe().unwrap().canonicalize().unwrap());
        assert!(!ProcessId { start: own.id.start + 1, ..own.id.clone() }.alive());
    }

    #[test]
    fn a_zombie_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let place = Place::here().unwrap();
        while platform::process(child.id()).is_some_and(|facts| facts.alive) {
            std::thread::yield_now();
        }
        assert_eq!(place.process(child.id()), None);
        child.wait().unwrap();
    }

    #[test]
    fn a_replaced_program_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("sleep");
        // By another process: a descriptor open for writing, inherited by a concurrent fork, would
        // give ETXTBSY.
        let place_copy = || {
            assert!(
                std::process::Command::new("cp")
                    .arg("/bin/sleep")
                    .arg(&copy)
                    .status()
                    .unwrap()
                    .success()
            )
        };
        place_copy();
        let mut child = std::process::Command::new(&copy).arg("30").spawn().unwrap();
        let place = Place::here().unwrap();
        let before = place.process(child.id()).unwrap().exe;
        std::fs::remove_file(&copy).unwrap();
        place_copy();
        let after = place.process(child.id()).unwrap().exe;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((before, after), (Some(copy.canonicalize().unwrap()), None));
    }
}
