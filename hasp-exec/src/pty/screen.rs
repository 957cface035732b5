//! Our own terminal while a child uses it: raw as long as the child's terminal does the line editing, and put back whatever happens.

use std::fs::File;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::getpgrp;
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Termios, Winsize, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};

use hasp_core::{Error, Result, system};

/// The controlling terminal.
pub struct Screen {
    tty: File,
    before: Mutex<Termios>,
    raw: AtomicBool,
}

impl Screen {
    /// The controlling terminal, or `None` where there is none.
    pub fn open() -> Option<Screen> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let before = tcgetattr(&tty).ok()?;
        Some(Screen { tty, before: Mutex::new(before), raw: AtomicBool::new(false) })
    }

    /// The terminal itself.
    pub fn tty(&self) -> &File {
        &self.tty
    }

    /// Its modes while it is ours and not raw: looked at anew each time, since a shell's line editor has modes of its own until it
    /// puts a job into the foreground.
    pub fn modes(&self) -> Termios {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if let (false, Ok(now)) = (self.raw.load(Ordering::SeqCst), tcgetattr(&self.tty)) {
            *before = now;
        }
        before.clone()
    }

    /// Its size now.
    pub fn size(&self) -> Option<Winsize> {
        tcgetwinsize(&self.tty).ok()
    }

    /// Whether our process group may use it.
    pub fn foreground(&self) -> bool {
        tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp())
    }

    /// Whether it is still there: not closed, and no line that was cut.
    pub fn is_there(&self) -> bool {
        tcgetattr(&self.tty).is_ok()
    }

    /// Every key goes to the child's terminal as it is.
    pub fn raw(&self) -> Result<()> {
        let mut raw = self.modes();
        raw.make_raw();
        tcsetattr(&self.tty, OptionalActions::Drain, &raw).map_err(|e| Error::system("set up the terminal", e))?;
        self.raw.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Keys have the effect that they had before; what is written still goes out as it is, since a terminal translated it already.
    pub fn restore_keys(&self) {
        if self.raw.load(Ordering::SeqCst) {
            let mut modes = self.before.lock().unwrap_or_else(PoisonError::into_inner).clone();
            modes.output_modes.remove(OutputModes::OPOST);
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &modes);
        }
    }

    /// As it was before. Does not wait for a terminal that is stopped: what was written before was translated then.
    pub fn restore(&self) {
        if self.raw.swap(false, Ordering::SeqCst) {
            let before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &before);
        }
    }
}

/// The user's terminal in the hands of the monitor, which outlives a broker that is killed and could not put it back.
pub struct Rescue {
    tty: OwnedFd,
    before: Termios,
}

impl Rescue {
    /// The terminal behind an inherited descriptor. The child's terminal began with the modes that it had.
    pub fn new(inherited: RawFd, child: &File) -> Option<Rescue> {
        let tty = system::duplicate(inherited).ok()?;
        Some(Rescue { tty, before: tcgetattr(child).ok()? })
    }

    /// Puts the terminal back if it is still as the broker had it: a shell may have taken it over by now.
    pub fn put_back(&self) {
        if tcgetattr(&self.tty).is_ok_and(|now| is_raw(&now)) {
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
        }
    }
}

/// Line editors have modes of their own, but keep signals and the translation of what is shown.
fn is_raw(modes: &Termios) -> bool {
    let edited = modes.local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHO);
    !edited && !modes.output_modes.contains(OutputModes::OPOST)
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.restore();
    }
}
