//! Modes of files that may be links, by descriptors that can lead to a link.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use rustix::path::Arg;

/// Sets the mode of a file or directory; a link is refused.
///
/// # Errors
/// `ELOOP` for a link, otherwise as chmod(2).
pub fn set_mode(path: &Path, mode: Mode) -> rustix::io::Result<()> {
    let handle =
        openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    match FileType::from_raw_mode(fstat(&handle)?.st_mode) {
        FileType::Symlink => Err(Errno::LOOP),
        _ => change(&handle, mode),
    }
}

/// Opens a directory below another one to read and to empty it, whatever mode it has.
///
/// # Errors
/// `ENOTDIR` for anything else, also for a link to one.
pub fn enter(directory: impl AsFd, name: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = openat(directory, name, flags, Mode::empty())?;
    // Where it fails, opening or removing says why.
    let _ = change(&handle, Mode::RWXU);
    openat(&handle, c".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// chmod(2) on what is open with `O_PATH`, which fchmod(2) refuses: by the name that proc(5) gives
/// it.
fn change(handle: &OwnedFd, mode: Mode) -> rustix::io::Result<()> {
    rustix::fs::chmod(format!("/proc/self/fd/{}", handle.as_raw_fd()), mode)
}
