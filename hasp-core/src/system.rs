//! The system calls that rustix offers only as `unsafe`: the one module of the workspace where `unsafe` is allowed.

use std::ffi::c_void;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use zeroize::Zeroize;

/// Anonymous private pages that hold secret bytes: locked in memory and left out of core dumps, both best effort,
/// zeroized before they are given back.
pub struct Pages {
    start: *mut c_void,
    size: usize,
}

// SAFETY: `Pages` owns its mapping alone; nothing else holds the pointer, so moving it to another thread or reading it from
// several is as safe as for a `Box<[u8]>`.
unsafe impl Send for Pages {}
// SAFETY: as above; all writes go through `&mut self`.
unsafe impl Sync for Pages {}

impl Pages {
    /// Zeroed pages for at least `len` bytes.
    pub fn new(len: usize) -> std::io::Result<Pages> {
        let page = rustix::param::page_size();
        let size = len.max(1).next_multiple_of(page);
        // SAFETY: a fresh anonymous mapping at an address the kernel picks overlaps nothing.
        let start = unsafe {
            mmap_anonymous(std::ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)?
        };
        // SAFETY: the range is exactly the mapping made above. Failure (RLIMIT_MEMLOCK) leaves ordinary memory: best effort.
        let _ = unsafe { mlock(start, size) };
        // SAFETY: the range is exactly the mapping made above.
        let _ = unsafe { madvise(start, size, Advice::LinuxDontDump) };
        Ok(Pages { start, size })
    }

    /// All bytes of the pages.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` points to `size` readable, initialised (zeroed by the kernel) bytes that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.cast(), self.size) }
    }

    /// All bytes of the pages, to write.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start.cast(), self.size) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        // SAFETY: the range is exactly our mapping and no reference into it outlives `self`.
        let _ = unsafe { munmap(self.start, self.size) };
    }
}

/// A duplicate, close-on-exec, of a descriptor that this process was started with.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
pub fn duplicate(fd: RawFd) -> std::io::Result<OwnedFd> {
    if fd < 0 {
        return Err(std::io::Error::from_raw_os_error(9));
    }
    // SAFETY: the number is only lent to fcntl for this one call, which fails with EBADF if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_dupfd_cloexec(borrowed, 3)?)
}

/// Sets or clears close-on-exec on a descriptor given by number.
///
/// # Errors
/// `EBADF` if no such descriptor is open.
pub fn set_inherited(fd: RawFd, inherited: bool) -> std::io::Result<()> {
    let flags = if inherited { rustix::io::FdFlags::empty() } else { rustix::io::FdFlags::CLOEXEC };
    // SAFETY: the number is only lent to fcntl for this one call, which fails with EBADF if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_setfd(borrowed, flags)?)
}

/// Ignores a signal in this process; a child inherits that unless [`BeforeExec::default_signals`] is set.
pub fn ignore(signal: rustix::process::Signal) {
    // SAFETY: SIG_IGN runs no handler, and signal(2) touches nothing but this process's disposition of that signal.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
}

/// Steps that a child takes between fork and exec; each is async-signal-safe.
#[derive(Default)]
pub struct BeforeExec {
    /// Start a session of its own and take this terminal as the controlling one.
    pub terminal: Option<OwnedFd>,
    /// Make the child's process group the foreground one of this terminal; SIGTTOU is ignored by the caller.
    pub foreground: Option<OwnedFd>,
    /// Give the job-control signals, which a monitor ignores, their default action.
    pub default_signals: bool,
    /// Set `no_new_privs`.
    pub no_new_privileges: bool,
}

impl BeforeExec {
    /// Arranges the steps on `command`.
    pub fn install(self, command: &mut Command) {
        let steps = move || self.take().map_err(std::io::Error::from);
        // SAFETY: the closure runs in the forked child and only makes system calls (prctl, setsid, ioctl, signal); it does not
        // allocate, lock or touch state shared with the parent.
        unsafe { command.pre_exec(steps) };
    }

    fn take(&self) -> rustix::io::Result<()> {
        if self.no_new_privileges {
            rustix::thread::set_no_new_privs(true)?;
        }
        if let Some(terminal) = &self.terminal {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(terminal)?;
        }
        if let Some(terminal) = &self.foreground {
            rustix::termios::tcsetpgrp(terminal, rustix::process::getpid())?;
        }
        if self.default_signals {
            for signal in [libc::SIGTTOU, libc::SIGTTIN, libc::SIGTSTP] {
                // SAFETY: SIG_DFL runs no handler of ours, and signal(2) is async-signal-safe.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
        }
        Ok(())
    }
}
