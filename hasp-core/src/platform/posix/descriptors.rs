//! Descriptors by number, and pipes.

use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd};

/// Where each open descriptor of this process has a name.
pub const OWN: &str = "/dev/fd";

/// A duplicate, close-on-exec, of a descriptor that this process was started with.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
pub fn duplicate(fd: RawFd) -> std::io::Result<OwnedFd> {
    if fd < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: the number is only lent to fcntl for this one call, which fails with EBADF if it is
    // not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?)
}

/// Closes a descriptor and says what came of it: a network file system tells only then that it had
/// no room.
///
/// # Errors
/// What close(2) says; the descriptor is gone in any case.
pub fn close(fd: OwnedFd) -> std::io::Result<()> {
    // SAFETY: the descriptor was owned until here, and nobody has it any more.
    match unsafe { libc::close(fd.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Sets or clears close-on-exec on a descriptor given by number.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
pub fn set_inherited(fd: RawFd, inherited: bool) -> std::io::Result<()> {
    if fd < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    let flags = if inherited { rustix::io::FdFlags::empty() } else { rustix::io::FdFlags::CLOEXEC };
    // SAFETY: the number is only lent to fcntl for this one call, which fails with EBADF if it is
    // not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_setfd(borrowed, flags)?)
}

/// Marks every descriptor above 2 close-on-exec, one by one.
pub fn withhold_one_by_one() {
    for number in open_numbers() {
        // The descriptor of this very listing is closed by now.
        let _ = set_inherited(number, false);
    }
}

/// The descriptors above 2 that are open, and the one by which they were listed.
fn open_numbers() -> Vec<RawFd> {
    let numbers: Vec<RawFd> = match std::fs::read_dir(OWN) {
        Ok(entries) => entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect(),
        // All that the limit allows, of which most are closed.
        Err(_) => (3..open_limit()).collect(),
    };
    numbers.into_iter().filter(|n| *n > 2).collect()
}

fn open_limit() -> RawFd {
    let limit =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(65_536);
    RawFd::try_from(limit.min(1 << 20)).unwrap_or(65_536)
}

/// A pipe that no program inherits: its reading end and its writing end.
///
/// # Errors
/// As pipe(2).
pub fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = std::io::pipe()?;
    Ok((read.into(), write.into()))
}

/// In a forked child: puts a descriptor under a number where it survives exec.
pub fn hand_down(fd: &OwnedFd, number: RawFd) -> rustix::io::Result<()> {
    if fd.as_raw_fd() == number {
        return rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty());
    }
    // SAFETY: dup2 takes two numbers and touches no memory; whatever had the number in this child
    // is replaced, as it is meant to be.
    match unsafe { libc::dup2(fd.as_raw_fd(), number) } {
        -1 => Err(rustix::io::Errno::BADF),
        _ => Ok(()),
    }
}
