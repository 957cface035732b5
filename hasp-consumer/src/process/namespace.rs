//! Where pids are counted, and what is found there: what can be seen are the processes of our own
//! pid namespace, or nobody can be recognised.

use hasp_core::platform::{self, ProcessFacts};
use hasp_core::text::printable;
use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::process::{Process, ProcessId};

/// Where pids are counted: this boot, our own pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidNamespace {
    pub(crate) boot: String,
    pub(crate) pidns: u64,
}

impl PidNamespace {
    /// The pid namespace of this process, if its processes are those that can be seen.
    ///
    /// # Errors
    /// `[no-proc]`: without it, or with another namespace's, nobody can be recognised.
    pub(crate) fn here() -> Result<PidNamespace> {
        match (platform::pid_space(), hasp_core::time::boot_id()) {
            (Some(pidns), Ok(boot)) => Ok(PidNamespace { boot, pidns }),
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

    /// Whether a process of this namespace and boot.
    pub(crate) fn holds(&self, id: &ProcessId) -> bool {
        (&id.boot, id.pidns) == (&self.boot, self.pidns)
    }
}

fn no_proc() -> Error {
    let [why, hint] = platform::PROCESSES;
    let message = format!("nobody can be recognised here: {why}");
    Error::new(Kind::Denied, code::NO_PROC, message).hint(hint)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn we_are_seen() {
        let namespace = PidNamespace::here().unwrap();
        let own = namespace.process(std::process::id()).unwrap();
        assert!(namespace.holds(&own.id) && own.id.alive());
        assert_eq!(own.exe.unwrap(), std::env::current_exe().unwrap().canonicalize().unwrap());
        assert!(!ProcessId { start: own.id.start + 1, ..own.id.clone() }.alive());
    }

    #[test]
    fn a_zombie_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let namespace = PidNamespace::here().unwrap();
        while platform::process(child.id()).is_some_and(|facts| facts.alive) {
            std::thread::yield_now();
        }
        assert_eq!(namespace.process(child.id()), None);
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
        let namespace = PidNamespace::here().unwrap();
        let before = namespace.process(child.id()).unwrap().exe;
        std::fs::remove_file(&copy).unwrap();
        place_copy();
        let after = namespace.process(child.id()).unwrap().exe;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!((before, after), (Some(copy.canonicalize().unwrap()), None));
    }
}
