//! What Linux alone has a system call for.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::platform::posix::descriptors::withhold_one_by_one;
use crate::platform::posix::memory::has_other_ids;

/// Whether a command can be kept from gaining rights by what it executes.
pub const NO_NEW_PRIVILEGES: bool = true;

/// Keeps this process, and all that it executes, from gaining rights.
///
/// # Errors
/// As prctl(2).
pub fn no_new_privileges() -> rustix::io::Result<()> {
    rustix::thread::set_no_new_privs(true)
}

/// Marks every descriptor above 2 close-on-exec, whoever opened it: our caller's leftovers are not
/// the child's.
pub fn withhold_descriptors() {
    // SAFETY: the call takes numbers only and sets a flag on descriptors; it closes none of them.
    let outcome =
        unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    // Before Linux 5.11, or where a filter refuses it: one by one.
    if outcome != 0 {
        withhold_one_by_one();
    }
}

/// A child that gets a signal when we end.
pub struct ParentDeath(Signal);

/// The kernel sees to it.
///
/// # Errors
/// None.
pub fn on_parent_death(signal: Signal) -> std::io::Result<ParentDeath> {
    Ok(ParentDeath(signal))
}

impl ParentDeath {
    /// In the forked child: asks for the signal.
    pub fn arm(&self, parent: Pid) -> rustix::io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(self.0))?;
        // The parent may have died before that took effect.
        match rustix::process::getppid() {
            Some(now) if now == parent => Ok(()),
            _ => Err(rustix::io::Errno::SRCH),
        }
    }
}

/// No process of ours is started as a guard.
pub fn guard(_args: &[std::ffi::OsString]) -> bool {
    false
}

/// No core dump, and no ptrace by another process of the same user.
///
/// The dump filter comes before PR_SET_DUMPABLE, which makes it unwritable.
///
/// # Errors
/// As prctl(2) and setrlimit(2).
pub fn harden() -> std::io::Result<()> {
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let limit = rustix::process::getrlimit(Resource::Core);
    // 1, not 0: a core_pattern that is a pipe ignores every limit but this one, which no file takes
    // either (fs/coredump.c).
    let current = Some(limit.maximum.map_or(1, |hard| hard.min(1)));
    Ok(rustix::process::setrlimit(Resource::Core, Rlimit { current, maximum: limit.maximum })?)
}

/// Whether this process has rights that its caller has not: a set-user-ID or set-group-ID file,
/// file capabilities, or another reason for which the kernel asks for secure execution
/// (getauxval(3), `AT_SECURE`).
pub fn has_more_rights() -> bool {
    // SAFETY: getauxval reads the vector that the kernel put on this process's stack; an entry that
    // is missing reads as 0.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    secure || has_other_ids()
}

/// Asks for a pipe of this capacity, which saves system calls; a limit on the user's pipes may
/// forbid it.
pub fn widen(pipe: impl AsFd, size: usize) {
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, size);
}

/// Both sides of a new terminal, which is nobody's controlling one: the side that leads it, and the
/// side that a program sees.
///
/// # Errors
/// Where there are none, as in a container without devpts.
pub fn open_terminal() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let leader = openpt(flags)?;
    grantpt(&leader)?;
    unlockpt(&leader)?;
    // Not by its name, which may be another's where /dev/pts is not ours.
    let follower = ioctl_tiocgptpeer(&leader, flags)?;
    Ok((leader, follower))
}

/// One flush of the file system for all that was written to it.
///
/// # Errors
/// As syncfs(2).
pub fn flush(dir: &Path) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(std::fs::File::open(dir)?)?)
}
