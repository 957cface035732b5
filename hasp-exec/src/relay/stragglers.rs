//! Processes that outlive the command: those that still hold its output open, found by the file
//! behind their descriptors.

use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use hasp_core::{Error, Result};

/// How long a straggler has between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_millis(500);

/// A pipe or terminal: its device and inode, and for a terminal the device that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    dev: u64,
    ino: u64,
    terminal: Option<u32>,
}

impl FileId {
    /// Of our end: both ends of a pipe are one file, and a terminal's other end has its number
    /// (ptsname(3)).
    pub(crate) fn of(end: &impl AsFd) -> Result<FileId> {
        let stat = rustix::fs::fstat(end).map_err(|e| Error::system("look at the output", e))?;
        let name = rustix::pty::ptsname(end, Vec::new()).ok();
        let terminal = name.and_then(|n| n.to_str().ok()?.strip_prefix("/dev/pts/")?.parse().ok());
        Ok(FileId { dev: stat.st_dev, ino: stat.st_ino, terminal })
    }

    fn is(&self, descriptor: &Path) -> bool {
        match self.terminal {
            Some(number) => std::fs::read_link(descriptor)
                .is_ok_and(|l| l == Path::new(&format!("/dev/pts/{number}"))),
            None => descriptor.metadata().is_ok_and(|m| (m.dev(), m.ino()) == (self.dev, self.ino)),
        }
    }
}

/// The processes of this user, other than this one, that hold one of these files.
pub(crate) fn holders(files: &[FileId]) -> Vec<Pid> {
    let own = rustix::process::getpid();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|e| Pid::from_raw(e.ok()?.file_name().to_str()?.parse().ok()?));
    pids.filter(|p| *p != own && holds(*p, files)).collect()
}

fn holds(pid: Pid, files: &[FileId]) -> bool {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{}/fd", pid.as_raw_nonzero())) else {
        return false;
    };
    let mut descriptors = entries.filter_map(|e| Some(e.ok()?.path()));
    descriptors.any(|d| files.iter().any(|f| f.is(&d)))
}

/// Ends them: SIGTERM, and after a while SIGKILL.
pub(crate) fn end(pids: &[Pid], files: &[FileId]) {
    for pid in pids {
        let _ = kill_process(*pid, Signal::TERM);
    }
    let began = Instant::now();
    while began.elapsed() < PATIENCE && pids.iter().any(|p| test_kill_process(*p).is_ok()) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Whoever has ended meanwhile may have left its number to another process.
    for pid in holders(files).into_iter().filter(|p| pids.contains(p)) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn whoever_holds_a_pipe_is_found_and_ended() {
        let mut child = Command::new("sleep").arg("60").stdout(Stdio::piped()).spawn().unwrap();
        let pipe = child.stdout.take().unwrap();
        let file = FileId::of(&pipe).unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(holders(&[file]), [pid]);
        let reaped = std::thread::spawn(move || child.wait());
        end(&[pid], &[file]);
        assert!(!reaped.join().unwrap().unwrap().success());
        assert!(holders(&[file]).is_empty());
    }
}
