//! What a system without Linux's ways does, or leaves: no memory files, no word about a part of
//! memory, one flush a file.

use std::ffi::c_void;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Whether there are files without a file system, which nobody can change.
pub fn has_memory_files() -> bool {
    false
}

/// There are none: a value goes into a pipe, or into a file that has lost its name.
///
/// # Errors
/// None.
pub fn memory_file(_content: &[u8]) -> std::io::Result<Option<OwnedFd>> {
    Ok(None)
}

/// Nothing can be said of a part of memory: that there is no dump at all must do.
///
/// # Safety
/// None is needed; other systems ask for a mapping.
pub unsafe fn keep_out_of_dumps(_start: *mut c_void, _size: usize) {}

/// No core dump.
///
/// # Errors
/// As setrlimit(2).
pub fn no_core_dump() -> std::io::Result<()> {
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    Ok(setrlimit(Resource::Core, limit)?)
}

/// Whether an effective user or group is not the caller's.
pub fn has_other_ids() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

/// Whether a command can be kept from gaining rights by what it executes.
pub const NO_NEW_PRIVILEGES: bool = false;

/// It cannot.
///
/// # Errors
/// Always.
pub fn no_new_privileges() -> rustix::io::Result<()> {
    Err(rustix::io::Errno::NOSYS)
}

/// A pipe is as large as it is.
pub fn widen(_pipe: impl AsFd, _size: usize) {}

/// Writes to the disk what was written to the files below this directory, one by one.
///
/// # Errors
/// The first that there is.
pub fn flush(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let flushed = match () {
            () if kind.is_dir() => flush(&entry.path()),
            () if kind.is_file() => File::open(entry.path()).and_then(|file| file.sync_all()),
            () => Ok(()),
        };
        match flushed {
            // Another process's temporary file may be gone by now.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    File::open(dir)?.sync_all()
}

/// Nothing holds a process to what it needs.
///
/// # Errors
/// None.
pub fn confine(_ports: &[u16]) -> std::io::Result<()> {
    Ok(())
}
