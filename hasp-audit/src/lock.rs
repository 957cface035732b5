//! The lock of a log: a file of its own, never renamed or removed, so that no two writers ever hold different files.

use std::path::Path;

use hasp_core::Result;
use hasp_core::lock::{self, Lock};

/// Takes the lock that every writer of the log in `dir` takes.
pub fn take(dir: &Path) -> Result<Lock> {
    lock::lock(&dir.join("lock"))
}
