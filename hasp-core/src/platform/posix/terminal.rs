//! New terminals.

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Both sides of a new terminal, which is nobody's controlling one: the side that leads it, and the
/// side that a program sees.
///
/// # Errors
/// Where there are none, as in a container without devpts.
pub fn open_terminal() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let leader = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    rustix::io::fcntl_setfd(&leader, FdFlags::CLOEXEC)?;
    grantpt(&leader)?;
    unlockpt(&leader)?;
    let name = ptsname(&leader, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let follower = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
    Ok((leader, follower))
}
