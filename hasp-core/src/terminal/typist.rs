//! The keys of a terminal while a question stands on it.

use std::time::Duration;

use rustix::io::Errno;

use super::line::{Echo, Key, Keys};
use crate::error::{Error, Result};
use crate::platform::questions::Changed;

/// Whoever types.
pub(super) struct Typist<'a> {
    pub(super) changed: &'static Changed,
    /// Shown again when this process was stopped and goes on.
    pub(super) question: &'a str,
    /// Whether what is typed is shown.
    pub(super) shown: bool,
    /// How many bytes were read.
    pub(super) read: u64,
}

impl Typist<'_> {
    fn show(&self, text: &[u8]) {
        let _ = crate::output::write_all(self.changed.tty(), text);
    }

    fn asked_again(&self) -> bool {
        let continued = self.changed.was_continued();
        if continued {
            self.show(b"\n");
            self.show(self.question.as_bytes());
        }
        continued
    }
}

impl Keys for Typist<'_> {
    fn next(&mut self) -> Result<Key> {
        let mut byte = [0];
        loop {
            if self.asked_again() {
                return Ok(Key::Anew);
            }
            match rustix::io::read(self.changed.tty(), &mut byte) {
                Ok(0) => return Ok(Key::End),
                Ok(_) => {
                    self.read += 1;
                    return Ok(Key::Byte(std::mem::take(&mut byte[0])));
                }
                Err(Errno::INTR) => {}
                Err(e) => return Err(Error::system("read from the terminal", e)),
            }
        }
    }

    fn come(&mut self, within: Duration) -> bool {
        comes(self.changed.tty(), within)
    }

    fn stop(&mut self) {
        self.changed.stop();
    }

    fn echo(&mut self, typed: Echo<'_>) {
        match typed {
            Echo::Typed(bytes) if self.shown && bytes.iter().all(|b| !b.is_ascii_control()) => {
                self.show(bytes)
            }
            Echo::Erased(count) if self.shown => self.show(&b"\x08 \x08".repeat(count)),
            _ => {}
        }
    }
}

/// Whether there is something to read within this time.
fn comes(tty: impl std::os::fd::AsFd, within: Duration) -> bool {
    let mut wanted = [rustix::event::PollFd::new(&tty, rustix::event::PollFlags::IN)];
    let within = rustix::event::Timespec::try_from(within).ok();
    loop {
        match rustix::event::poll(&mut wanted, within.as_ref()) {
            Err(Errno::INTR) => {}
            outcome => return outcome.is_ok_and(|ready| ready > 0),
        }
    }
}
