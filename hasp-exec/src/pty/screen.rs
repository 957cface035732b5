//! Our own terminal while a child uses it: raw as long as the child's terminal does the line
//! editing, and put back whatever happens.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::getpgrp;
use rustix::termios::{
    OptionalActions, OutputModes, Termios, Winsize, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr,
};

use hasp_core::{Error, Result, platform};

/// The controlling terminal.
pub(crate) struct Screen {
    tty: File,
    before: Mutex<Termios>,
    raw: AtomicBool,
    /// Whether it has to leave what is written as it is for a while.
    plain: AtomicBool,
}

impl Screen {
    /// The controlling terminal, or `None` where there is none.
    pub(crate) fn open() -> Option<Screen> {
        let tty = File::options().read(true).write(true).open("/dev/tty").ok()?;
        let before = tcgetattr(&tty).ok()?;
        Some(Screen {
            tty,
            before: Mutex::new(before),
            raw: AtomicBool::new(false),
            plain: AtomicBool::new(false),
        })
    }

    /// The terminal itself.
    pub(crate) fn tty(&self) -> &File {
        &self.tty
    }

    /// Its modes while it is ours and not raw: looked at again each time, since a shell's line
    /// editor has modes of its own until it puts a job into the foreground.
    pub(crate) fn modes(&self) -> Termios {
        let mut before = self.before();
        if let (false, Ok(now)) = (self.raw.load(Ordering::SeqCst), tcgetattr(&self.tty)) {
            *before = now;
        }
        before.clone()
    }

    fn before(&self) -> MutexGuard<'_, Termios> {
        self.before.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its size now.
    pub(crate) fn size(&self) -> Option<Winsize> {
        tcgetwinsize(&self.tty).ok()
    }

    /// Whether our process group may use it.
    pub(crate) fn foreground(&self) -> bool {
        tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp())
    }

    /// Whether it is still there: not closed, and no line that was cut.
    pub(crate) fn is_there(&self) -> bool {
        tcgetattr(&self.tty).is_ok()
    }

    /// Every key goes to the child's terminal as it is. What is written is translated as before.
    pub(crate) fn raw(&self) -> Result<()> {
        let raw = raw_of(&self.modes());
        let _one = self.before();
        tcsetattr(&self.tty, OptionalActions::Now, &raw)
            .map_err(|e| Error::system("set up the terminal", e))?;
        self.raw.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// Keys have the effect that they had before.
    pub(crate) fn restore_keys(&self) {
        let mut modes = self.before().clone();
        if self.raw.load(Ordering::SeqCst) {
            if self.is_left_as_it_is() {
                modes.output_modes.remove(OutputModes::OPOST);
            }
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &modes);
        }
    }

    /// What is written goes out as it is from now on, if the terminal is ours to say so: somebody
    /// drew a picture.
    pub(crate) fn leave_as_it_is(&self) {
        let _one = self.before();
        if self.raw.load(Ordering::SeqCst) && translates(&self.tty) {
            self.plain.store(true, Ordering::SeqCst);
            self.set_translation(false);
        }
    }

    /// Whether it does so because of us.
    pub(crate) fn is_left_as_it_is(&self) -> bool {
        self.plain.load(Ordering::SeqCst)
    }

    /// Line ends are translated again.
    pub(crate) fn translate(&self) {
        let _one = self.before();
        if self.plain.swap(false, Ordering::SeqCst) {
            self.set_translation(true);
        }
    }

    fn set_translation(&self, on: bool) {
        if let Ok(mut now) = tcgetattr(&self.tty) {
            now.output_modes.set(OutputModes::OPOST, on);
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &now);
        }
    }

    /// As it was before. Does not wait for a terminal that is stopped: what was written before was
    /// translated then.
    pub(crate) fn restore(&self) {
        let before = self.before();
        if self.raw.swap(false, Ordering::SeqCst) {
            self.plain.store(false, Ordering::SeqCst);
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &before);
        }
    }
}

/// The user's terminal in the hands of the monitor, which outlives a broker that is killed and
/// could not put it back.
pub(crate) struct Rescue {
    tty: OwnedFd,
    before: Termios,
}

impl Rescue {
    /// The terminal behind an inherited descriptor. The child's terminal began with the modes that
    /// it had.
    pub(crate) fn new(inherited: RawFd, child: &File) -> Option<Rescue> {
        let tty = platform::duplicate(inherited).ok()?;
        Some(Rescue { tty, before: tcgetattr(child).ok()? })
    }

    /// Line editors have modes of their own, none of which are just these.
    fn is_ours_still(&self, now: &Termios) -> bool {
        let raw = raw_of(&self.before);
        (now.input_modes, now.local_modes) == (raw.input_modes, raw.local_modes)
    }

    /// Puts the terminal back if it is still as the broker had it: a shell may have taken it over
    /// by now.
    pub(crate) fn put_back(&self) {
        if tcgetattr(&self.tty).is_ok_and(|now| self.is_ours_still(&now)) {
            let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
        }
    }
}

/// These modes, but that every key is handed on as it is.
fn raw_of(modes: &Termios) -> Termios {
    let mut raw = modes.clone();
    raw.make_raw();
    raw.output_modes = modes.output_modes;
    raw
}

/// Whether a terminal turns a newline into the two characters that screens want.
pub(crate) fn translates(terminal: impl AsFd) -> bool {
    let both = OutputModes::OPOST | OutputModes::ONLCR;
    tcgetattr(terminal).is_ok_and(|modes| modes.output_modes.contains(both))
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.restore();
    }
}
