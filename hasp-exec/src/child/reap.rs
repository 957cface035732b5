//! Waiting for the child, and as PID 1 for everybody's: the kernel hands orphans to PID 1, and
//! nobody else would reap them.

use std::time::Duration;

use rustix::process::{Pid, WaitId, WaitIdOptions, WaitOptions, wait, waitid, waitpid};

use hasp_core::platform;

/// How often PID 1 looks for orphans that have ended.
const ROUND: Duration = Duration::from_millis(20);

/// Waits until the child has ended and leaves its status to be read.
pub(crate) fn wait_for(child: u32) {
    let Some(child) = i32::try_from(child).ok().and_then(Pid::from_raw) else { return };
    let first = std::process::id() == 1;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    let options = if first { options | WaitIdOptions::NOHANG } else { options };
    loop {
        match waitid(WaitId::Pid(child), options) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(None) => {
                reap_orphans(child);
                std::thread::sleep(ROUND);
            }
            _ => return,
        }
    }
}

/// As PID 1: reaps orphans from a thread, while somebody else tells of the child's end.
pub(crate) fn in_background() {
    if std::process::id() == 1 {
        let _ = std::thread::Builder::new().spawn(|| {
            loop {
                // Not waitpid(None), which means our own process group.
                if wait(WaitOptions::empty()).is_err() {
                    std::thread::sleep(ROUND);
                }
            }
        });
    }
}

/// Reaps what children of ours have ended, but for this one.
fn reap_orphans(child: Pid) {
    while let Some(ended) = platform::ended_child() {
        match i32::try_from(ended).ok().and_then(Pid::from_raw) {
            Some(orphan) if orphan != child => drop(waitpid(Some(orphan), WaitOptions::NOHANG)),
            // The others wait for the next round, or for the end of this process.
            _ => return,
        }
    }
}
