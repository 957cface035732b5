//! The system calls that rustix offers only as `unsafe`: the one module of the workspace where
//! `unsafe` is allowed.

use std::ffi::{CString, OsStr, c_void};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::Mode;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use rustix::process::Signal;
use zeroize::Zeroize;

use crate::secret::Secret;

pub mod questions;

/// Anonymous private pages that hold secret bytes: locked in memory and left out of core dumps,
/// both best effort, zeroized before they are given back.
pub struct Pages {
    start: *mut c_void,
    size: usize,
}

// SAFETY: `Pages` owns its mapping alone; nothing else holds the pointer, so moving it to another
// thread or reading it from several is as safe as for a `Box<[u8]>`.
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
            mmap_anonymous(
                std::ptr::null_mut(),
                size,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )?
        };
        // SAFETY: the range is exactly the mapping made above. Failure (RLIMIT_MEMLOCK) leaves
        // ordinary memory: best effort.
        let _ = unsafe { mlock(start, size) };
        // SAFETY: the range is exactly the mapping made above.
        let _ = unsafe { madvise(start, size, Advice::LinuxDontDump) };
        Ok(Pages { start, size })
    }

    /// All bytes of the pages.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` points to `size` readable, initialised (zeroed by the kernel) bytes that
        // live as long as `self`.
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
    use std::os::fd::IntoRawFd;
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

/// Marks every descriptor above 2 close-on-exec, whoever opened it: our caller's leftovers are not
/// the child's.
pub fn withhold_descriptors() {
    // SAFETY: the call takes numbers only and sets a flag on descriptors; it closes none of them.
    let outcome =
        unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if outcome == 0 {
        return;
    }
    // Before Linux 5.11, or where a filter refuses it: one by one.
    let numbers: Vec<RawFd> = match std::fs::read_dir("/proc/self/fd") {
        Ok(entries) => entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect(),
        // Without /proc: all that the limit allows, of which most are closed.
        Err(_) => (3..open_limit()).collect(),
    };
    for number in numbers.into_iter().filter(|n| *n > 2) {
        // The descriptor of this very listing is closed by now.
        let _ = set_inherited(number, false);
    }
}

fn open_limit() -> RawFd {
    let limit =
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(65_536);
    RawFd::try_from(limit.min(1 << 20)).unwrap_or(65_536)
}

/// Whether this process has rights that its caller has not: a set-user-ID or set-group-ID file,
/// file capabilities, or another reason for which the kernel asks for secure execution
/// (getauxval(3), `AT_SECURE`).
pub fn has_more_rights() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    // SAFETY: getauxval reads the vector that the kernel put on this process's stack; an entry that
    // is missing reads as 0.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    secure || getuid() != geteuid() || getgid() != getegid()
}

/// The version of Landlock that the kernel offers, `None` if it offers none.
pub fn landlock_version() -> Option<u32> {
    // SAFETY: with this flag the call reads no pointer and makes nothing: it returns a number
    // (landlock(7)).
    let version = unsafe {
        let none: *const c_void = std::ptr::null();
        libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, 1u32)
    };
    u32::try_from(version).ok().filter(|v| *v > 0)
}

/// Ignores a signal in this process; a child inherits that unless [`BeforeExec::default_signals`]
/// is set.
pub fn ignore(signal: Signal) {
    // SAFETY: SIG_IGN runs no handler, and signal(2) touches nothing but this process's disposition
    // of that signal.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_IGN) };
}

/// Gives a signal its default action in this process.
pub fn default_action(signal: Signal) {
    // SAFETY: SIG_DFL runs no handler, and signal(2) touches nothing but this process's disposition
    // of that signal.
    unsafe { libc::signal(signal.as_raw(), libc::SIG_DFL) };
}

/// Makes a write beyond the file size limit fail with EFBIG instead of ending us by SIGXFSZ.
///
/// A handler that does nothing, not SIG_IGN: execve(2) gives handled signals their default action
/// back, so that no child inherits this; what our caller ignores it still inherits.
pub fn survive_file_size_limit() {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: both actions are plain values that sigaction reads or fills; the handler touches
    // nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGXFSZ, std::ptr::null(), &raw mut action);
        if action.sa_sigaction == libc::SIG_DFL {
            action.sa_sigaction = nothing as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGXFSZ, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Ends this process by the signal of this number with its default action; returns where that
/// cannot be, as for PID 1.
pub fn die_of(number: i32) {
    // SAFETY: the set is a plain value that sigemptyset initialises; no handler runs, and the calls
    // touch only this process's disposition and this thread's mask of that signal.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, number);
        libc::signal(number, libc::SIG_DFL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const set, std::ptr::null_mut());
        libc::raise(number);
    }
}

/// Stops this process, or its whole group, as ^Z does, and returns when it is continued.
///
/// The default action of SIGTSTP, not SIGSTOP: the kernel drops it for a group that nobody could
/// continue (POSIX, orphaned process groups), where a SIGSTOP would be for ever.
pub fn stop(group: bool) {
    // SAFETY: the old action is a plain value that sigaction fills before it is given back; no
    // handler runs while SIG_DFL is set.
    unsafe {
        let mut old: libc::sigaction = std::mem::zeroed();
        let mut default: libc::sigaction = std::mem::zeroed();
        default.sa_sigaction = libc::SIG_DFL;
        libc::sigaction(libc::SIGTSTP, &raw const default, &raw mut old);
        if group {
            libc::kill(0, libc::SIGTSTP);
            // Another thread may be the one that takes it; the handler must not be back before
            // that.
            std::thread::sleep(std::time::Duration::from_millis(20));
        } else {
            libc::raise(libc::SIGTSTP);
        }
        libc::sigaction(libc::SIGTSTP, &raw const old, std::ptr::null_mut());
    }
}

/// What execve takes, built before the fork, since a forked child must not allocate.
pub struct Image {
    program: CString,
    _words: Vec<CString>,
    _vars: Vec<CString>,
    _values: Option<Secret>,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
}

// SAFETY: the pointers lead into the strings and the pages that the same value owns and never
// changes.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// The absolute program, its words and its environment; `None` if one of them holds a NUL byte.
    /// Variables with values come as one block, `NAME=VALUE` and a NUL byte each, of which no copy
    /// is made.
    pub fn new<'a>(
        program: &OsStr,
        words: impl IntoIterator<Item = &'a OsStr>,
        vars: impl IntoIterator<Item = (&'a OsStr, &'a OsStr)>,
        values: Option<Secret>,
    ) -> Option<Image> {
        let text = |bytes: Vec<u8>| CString::new(bytes).ok();
        let program = text(program.as_bytes().to_vec())?;
        let words: Vec<CString> =
            words.into_iter().map(|w| text(w.as_bytes().to_vec())).collect::<Option<_>>()?;
        let join = |(name, value): (&OsStr, &OsStr)| {
            text([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        let vars: Vec<CString> = vars.into_iter().map(join).collect::<Option<_>>()?;
        let block = values.as_ref().map(Secret::expose).unwrap_or_default();
        if block.last().is_some_and(|end| *end != 0) {
            return None;
        }
        let own = block.split_inclusive(|b| *b == 0).map(|entry| entry.as_ptr().cast());
        let end = || std::iter::once(std::ptr::null());
        let argv = words.iter().map(|w| w.as_ptr()).chain(end()).collect();
        let envp = vars.iter().map(|v| v.as_ptr()).chain(own).chain(end()).collect();
        Some(Image { argv, envp, program, _words: words, _vars: vars, _values: values })
    }

    /// Becomes the program; returns only the reason why not.
    fn execute(&self) -> std::io::Error {
        // SAFETY: program, argv and envp are NUL-terminated strings and NULL-terminated arrays that
        // `self` keeps alive; the pages of the values do not move with the `Secret`, and the last
        // byte of their block is NUL.
        unsafe { libc::execve(self.program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        std::io::Error::last_os_error()
    }
}

/// In a forked child: puts a descriptor under a number where it survives exec.
fn hand_down(fd: &OwnedFd, number: RawFd) -> rustix::io::Result<()> {
    use std::os::fd::AsRawFd;
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

/// Steps that a child takes between fork and exec; each is async-signal-safe.
#[derive(Default)]
pub struct BeforeExec {
    /// Start a session of its own and take this terminal as the controlling one.
    pub terminal: Option<OwnedFd>,
    /// Start a session of its own without a terminal.
    pub own_session: bool,
    /// Make the child's process group the foreground one of this terminal; SIGTTOU is ignored by
    /// the caller.
    pub foreground: Option<OwnedFd>,
    /// Give the job-control signals, which a monitor ignores, their default action.
    pub default_signals: bool,
    /// Give SIGHUP, which a monitor ignores, its default action.
    pub default_hangup: bool,
    /// The signal that the child gets when the thread that starts it ends.
    pub parent_death: Option<Signal>,
    /// Set `no_new_privs`.
    pub no_new_privileges: bool,
    /// The umask that the child starts with.
    pub umask: Option<Mode>,
    /// A descriptor that the child gets under this number, which must be open in this process: a
    /// free one may be the pipe by which std learns that exec failed.
    pub descriptor: Option<(OwnedFd, RawFd)>,
    /// Execute this instead of what std would, whose execvp falls back to a shell.
    pub image: Option<Image>,
}

impl BeforeExec {
    /// Arranges the steps on `command`.
    pub fn install(self, command: &mut Command) {
        let parent = rustix::process::getpid();
        let steps = move || {
            self.take(parent)?;
            self.image.as_ref().map_or(Ok(()), |image| Err(image.execute()))
        };
        // SAFETY: the closure runs in the forked child and only makes system calls (prctl, setsid,
        // ioctl, signal, umask, execve); it does not allocate, lock or touch state shared with the
        // parent.
        unsafe { command.pre_exec(steps) };
    }

    fn take(&self, parent: rustix::process::Pid) -> rustix::io::Result<()> {
        if let Some(signal) = self.parent_death {
            rustix::process::set_parent_process_death_signal(Some(signal))?;
            // The parent may have died before that took effect.
            if rustix::process::getppid() != Some(parent) {
                return Err(rustix::io::Errno::SRCH);
            }
        }
        if self.no_new_privileges {
            rustix::thread::set_no_new_privs(true)?;
        }
        if let Some(terminal) = &self.terminal {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(terminal)?;
        } else if self.own_session {
            rustix::process::setsid()?;
        }
        if let Some(terminal) = &self.foreground {
            rustix::termios::tcsetpgrp(terminal, rustix::process::getpid())?;
        }
        if self.default_signals {
            [Signal::TTOU, Signal::TTIN, Signal::TSTP].into_iter().for_each(default_action);
        }
        if self.default_hangup {
            default_action(Signal::HUP);
        }
        if let Some(mask) = self.umask {
            rustix::process::umask(mask);
        }
        match &self.descriptor {
            Some((fd, number)) => hand_down(fd, *number),
            None => Ok(()),
        }
    }
}
