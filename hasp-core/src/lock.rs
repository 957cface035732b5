//! Advisory locks on a file that is never renamed or removed: the kernel frees the lock of a dead
//! holder, and a lock on a file that gets renamed over would guard nothing.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::text::printable_path;

/// How long a tool waits for another one before it gives up with 75.
const PATIENCE: Duration = Duration::from_secs(10);

/// An exclusive lock (flock), held until drop.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock on `path`, made if absent, waiting at most 10 s.
///
/// # Errors
/// `Kind::Busy`, `[busy]` after that.
pub fn lock(path: &Path) -> Result<Lock> {
    let file = files::open_or_create(path)?;
    match file.try_lock() {
        Ok(()) => return Ok(Lock { _file: file }),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(e)) => return Err(Error::io("lock", path, e)),
    }
    wait(file, path)
}

/// Takes the lock on `path` if it is free, `None` if somebody holds it.
pub fn try_lock(path: &Path) -> Result<Option<Lock>> {
    let file = files::open_or_create(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(Error::io("lock", path, e)),
    }
}

/// flock has no timeout: a thread waits in it, and is abandoned with the file when patience ends.
fn wait(file: File, path: &Path) -> Result<Lock> {
    let (sender, receiver) = mpsc::channel();
    let waiter = std::thread::Builder::new().spawn(move || {
        let outcome = file.lock().map(|()| file);
        let _ = sender.send(outcome);
    });
    waiter.map_err(|e| Error::system("wait for a lock", e))?;
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(file)) => Ok(Lock { _file: file }),
        Ok(Err(e)) => Err(Error::io("lock", path, e)),
        Err(_) => Err(busy(path)),
    }
}

fn busy(path: &Path) -> Error {
    let shown = printable_path(path);
    Error::new(
        Kind::Busy,
        code::BUSY,
        format!("another hasp tool has held {shown} for {} s", PATIENCE.as_secs()),
    )
    .hint(format!("see who holds it with: fuser -v {}", crate::text::shell_word(path.as_os_str())))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_freed_on_drop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert!(try_lock(&path).unwrap().is_none());
        let waiter = std::thread::spawn({
            let path = path.clone();
            move || lock(&path).map(drop)
        });
        drop(held);
        waiter.join().unwrap().unwrap();
        assert!(try_lock(&path).unwrap().is_some());
    }
}
