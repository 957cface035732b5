//! Modes of files that may be links, without a descriptor that leads to a link.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;
use rustix::path::Arg;

/// Sets the mode of a file or directory; a link is refused.
///
/// # Errors
/// `ELOOP` for a link, otherwise as chmod(2).
pub fn set_mode(path: &Path, mode: Mode) -> rustix::io::Result<()> {
    let stat = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => Err(Errno::LOOP),
        _ => change(CWD, path, mode),
    }
}

/// Opens a directory below another one to read and to empty it, whatever mode it has.
///
/// # Errors
/// `ENOTDIR` for anything else, also for a link to one.
pub fn enter(directory: impl AsFd, name: impl Arg + Copy) -> rustix::io::Result<OwnedFd> {
    let stat = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(Errno::NOTDIR);
    }
    // Where it fails, opening or removing says why.
    let _ = change(&directory, name, Mode::RWXU);
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(&directory, name, flags, Mode::empty())
}

/// fchmodat(2) that follows no link, which not every kernel can do by itself: the C library can.
fn change(directory: impl AsFd, name: impl Arg, mode: Mode) -> rustix::io::Result<()> {
    let number = directory.as_fd().as_raw_fd();
    name.into_with_c_str(|name| {
        let flags = libc::AT_SYMLINK_NOFOLLOW;
        // SAFETY: the name is a NUL-terminated string that outlives the call, and the descriptor is
        // borrowed for it.
        match unsafe { libc::fchmodat(number, name.as_ptr(), mode.as_raw_mode(), flags) } {
            0 => Ok(()),
            _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
        }
    })
}
