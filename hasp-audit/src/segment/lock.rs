//! The lock of a log: a file of its own, never renamed or removed, so that no two writers ever hold
//! different files.

use std::path::Path;
use std::time::Duration;

use hasp_core::Result;
use hasp_core::lock::{self, Lock};

/// A holder writes a few lines and goes: looking again costs less than to sleep in the kernel and
/// be woken.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_micros(50);

/// Takes the lock that every writer of the log in `dir` takes, waiting at most 10 s.
pub fn take(dir: &Path) -> Result<Lock> {
    let path = dir.join("lock");
    for _ in 0..TRIES {
        if let Some(lock) = lock::try_lock(&path)? {
            return Ok(lock);
        }
        std::thread::sleep(PAUSE);
    }
    lock::lock(&path)
}
