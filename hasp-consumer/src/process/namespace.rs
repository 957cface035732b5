//! Where pids are counted, and what is found there: a `/proc` that is the one of our own pid
//! namespace, or nobody can be recognised.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::process::stat::Stat;
use crate::process::{Process, ProcessId};

/// Where pids are counted: this boot, our own pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PidNamespace {
    pub(crate) boot: String,
    pub(crate) pidns: u64,
}

impl PidNamespace {
    /// The pid namespace of this process, by a `/proc` that is the one of our own pid namespace.
    ///
    /// # Errors
    /// `[no-proc]`: without it, or with another namespace's, nobody can be recognised.
    pub(crate) fn here() -> Result<PidNamespace> {
        let own = rustix::process::getpid().as_raw_nonzero().get().to_string();
        let link = std::fs::read_link("/proc/self").ok();
        let pidns = std::fs::read_link("/proc/self/ns/pid").ok().and_then(|l| inode(&l));
        match (link, pidns, hasp_core::time::boot_id()) {
            (Some(link), Some(pidns), Ok(boot)) if link == Path::new(&own) => {
                Ok(PidNamespace { boot, pidns })
            }
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
        let stat = Stat::read(pid).filter(Stat::alive)?;
        Some(Process { exe: program(pid), ..self.made_of(stat) })
    }

    fn made_of(&self, stat: Stat) -> Process {
        let id = ProcessId {
            boot: self.boot.clone(),
            pidns: self.pidns,
            pid: stat.pid,
            start: stat.start,
        };
        Process {
            id,
            exe: None,
            tty: stat.terminal(),
            comm: stat.comm,
            sid: stat.sid,
            ppid: stat.ppid,
        }
    }

    /// Whether a process of this namespace and boot.
    pub(crate) fn holds(&self, id: &ProcessId) -> bool {
        (&id.boot, id.pidns) == (&self.boot, self.pidns)
    }
}

/// `pid:[4026531836]`.
fn inode(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

/// The program's path, only if that path is, for us, the very file that runs: a process in another
/// mount namespace or root directory shows a path of its own, and a replaced program shows one that
/// ends in " (deleted)".
fn program(pid: u32) -> Option<PathBuf> {
    let link = PathBuf::from(format!("/proc/{pid}/exe"));
    let path = std::fs::read_link(&link).ok()?;
    let runs = std::fs::metadata(&link).ok()?;
    let there = std::fs::symlink_metadata(&path).ok()?;
    ((runs.dev(), runs.ino()) == (there.dev(), there.ino())).then_some(path)
}

fn no_proc() -> Error {
    Error::new(
        Kind::Denied,
        code::NO_PROC,
        "nobody can be recognised here: /proc is missing or belongs to another pid namespace",
    )
    .hint("mount it: mount -t proc proc /proc")
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
        while Stat::read(child.id()).unwrap().alive() {
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

    #[test]
    fn namespace_links() {
        assert_eq!(inode(Path::new("pid:[4026531836]")), Some(4_026_531_836));
        assert_eq!(inode(Path::new("pid:[]")), None);
        assert_eq!(inode(Path::new("net:[1]")), None);
    }
}
