//! Processes that outlive the command: those that still hold its output open, found by the file
//! behind their descriptors.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use hasp_core::platform::{self, FileId};

/// How long a straggler has between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_millis(500);

/// The processes of this user, other than this one, that hold one of these files.
pub(crate) fn holders(files: &[FileId]) -> Vec<Pid> {
    let pids = platform::holders(files).into_iter();
    pids.filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?)).collect()
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
        let file = platform::file_id(&pipe).unwrap();
        let pid = Pid::from_child(&child);
        assert_eq!(holders(&[file]), [pid]);
        let reaped = std::thread::spawn(move || child.wait());
        end(&[pid], &[file]);
        assert!(!reaped.join().unwrap().unwrap().success());
        assert!(holders(&[file]).is_empty());
    }
}
