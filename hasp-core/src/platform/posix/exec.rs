//! What happens between fork and exec: a forked child must not allocate, so that all it needs is
//! made before.

use std::ffi::{CString, OsStr};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::Signal;

use crate::platform::posix::descriptors::hand_down;
use crate::platform::posix::signals::default_action;
use crate::platform::this;

/// Bytes that stay at one place in memory as long as what holds them lives.
pub trait Block: Send + Sync {
    /// The bytes.
    fn bytes(&self) -> &[u8];
}

/// What execve takes, built before the fork, since a forked child must not allocate.
pub struct Image {
    program: CString,
    _words: Vec<CString>,
    _vars: Vec<CString>,
    _values: Option<Box<dyn Block>>,
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
        values: Option<impl Block + 'static>,
    ) -> Option<Image> {
        let text = |bytes: Vec<u8>| CString::new(bytes).ok();
        let program = text(program.as_bytes().to_vec())?;
        let words: Vec<CString> =
            words.into_iter().map(|w| text(w.as_bytes().to_vec())).collect::<Option<_>>()?;
        let join = |(name, value): (&OsStr, &OsStr)| {
            text([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        let vars: Vec<CString> = vars.into_iter().map(join).collect::<Option<_>>()?;
        let values = values.map(|values| Box::new(values) as Box<dyn Block>);
        let block = values.as_ref().map(|values| values.bytes()).unwrap_or_default();
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
        // `self` keeps alive; the block of the values does not move, and the last
        // byte of their block is NUL.
        unsafe { libc::execve(self.program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        std::io::Error::last_os_error()
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
    /// The signal that the child gets when this process ends.
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
    ///
    /// # Errors
    /// Where nobody could be set to watch over the end of this process.
    pub fn install(self, command: &mut Command) -> std::io::Result<()> {
        let parent = rustix::process::getpid();
        let death = self.parent_death.map(this::on_parent_death).transpose()?;
        let steps = move || {
            if let Some(death) = &death {
                death.arm(parent)?;
            }
            self.take()?;
            self.image.as_ref().map_or(Ok(()), |image| Err(image.execute()))
        };
        // SAFETY: the closure runs in the forked child and only makes system calls (prctl, write,
        // setsid, ioctl, signal, umask, execve); it does not allocate, lock or touch state shared
        // with the parent.
        unsafe { command.pre_exec(steps) };
        Ok(())
    }

    fn take(&self) -> rustix::io::Result<()> {
        if self.no_new_privileges {
            this::no_new_privileges()?;
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
