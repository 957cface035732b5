//! Advisory locks on a file that is never renamed or removed: the kernel frees the lock of a dead
//! holder, and a lock on a file that gets renamed over would guard nothing.
//!
//! Every lock of a file is taken here, by fs4. Over the standard library's it has the same flock on
//! each Unix that hasp is compiled for, one error for "somebody else holds it" there, and it asks
//! for no newer compiler than the rest of the workspace does.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use fs4::{FileExt, TryLockError};

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
    if take(&file).map_err(|e| Error::io("lock", path, e))? {
        return Ok(Lock { _file: file });
    }
    wait(file, path)
}

/// Takes the lock on `path` if it is free, `None` if somebody holds it.
pub fn try_lock(path: &Path) -> Result<Option<Lock>> {
    let file = files::open_or_create(path)?;
    let taken = take(&file).map_err(|e| Error::io("lock", path, e))?;
    Ok(taken.then_some(Lock { _file: file }))
}

/// Takes the exclusive lock of an open file or directory, which holds until the last descriptor of
/// this opening is closed; false if somebody else has it.
///
/// # Errors
/// The system's, where the file cannot be locked at all.
pub fn take(file: &File) -> std::io::Result<bool> {
    match FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// flock has no timeout: a thread waits in it, and is abandoned with the file when patience ends.
fn wait(file: File, path: &Path) -> Result<Lock> {
    let (sender, receiver) = mpsc::channel();
    let waiter = std::thread::Builder::new().spawn(move || {
        let outcome = FileExt::lock(&file).map(|()| file);
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
