//! What the child's terminal shows, on its way to ours, byte for byte as the child's translated it.
//! Ours goes on translating line ends as long as it can, since other jobs write to it as well: a
//! line end that it will make is left to it.

use std::borrow::Cow;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hasp_core::Result;
use hasp_core::output::write_all;

use crate::pty::hangup::{Course, Hangup, Leader};
use crate::pty::keyboard::Typing;
use crate::pty::screen::{self, Screen};
use crate::relay::bell::Ear;
use crate::relay::console::Console;

/// Our terminal as an output.
pub(crate) struct Printer {
    /// The terminal.
    pub(crate) screen: Arc<Screen>,
    /// Our side of the child's.
    pub(crate) leader: Leader,
    /// What is known of the child.
    pub(crate) course: Course,
    /// When keys were typed.
    pub(crate) typing: Arc<Typing>,
    /// The end of our terminal.
    pub(crate) hangup: Arc<Hangup>,
    /// Rings when that has come.
    pub(crate) hung: Ear,
}

impl Console for Printer {
    fn is_typing(&self) -> bool {
        self.typing.is_recent()
    }

    fn hung(&self) -> &Ear {
        &self.hung
    }

    fn lost(&self) {
        self.hangup.output_lost();
    }

    fn write(&self, to: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
        // A program that draws moves down a line without going back to its beginning.
        let bare = has_bare_newline(bytes);
        let front = self.course.front.load(Ordering::SeqCst);
        if bare && front {
            self.screen.leave_as_it_is();
        } else if !bare {
            self.settle();
        }
        let translated = screen::translates(self.screen.tty());
        let outcome =
            write_all(to, &if translated { untranslated(bytes) } else { Cow::Borrowed(bytes) });
        self.settle();
        outcome
    }
}

impl Printer {
    /// Our terminal translates again once the child's does.
    fn settle(&self) {
        if self.screen.is_left_as_it_is()
            && self.leader.with(|leader| screen::translates(leader)).unwrap_or(true)
        {
            self.screen.translate();
        }
    }
}

/// Whether there is a newline that no carriage return precedes.
fn has_bare_newline(bytes: &[u8]) -> bool {
    newlines(bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}

fn newlines(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at)
}

/// What our terminal turns into these bytes.
fn untranslated(bytes: &[u8]) -> Cow<'_, [u8]> {
    if newlines(bytes).next().is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut shorter = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in newlines(bytes).filter(|at| *at > 0 && bytes[at - 1] == b'\r') {
        shorter.extend_from_slice(&bytes[from..at - 1]);
        from = at;
    }
    shorter.extend_from_slice(&bytes[from..]);
    Cow::Owned(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_makes_of_it_is_what_was_to_be_written() {
        for (text, left, bare) in [
            (&b""[..], &b""[..], false),
            (b"prompt: ", b"prompt: ", false),
            (b"a\r\nb\r\n", b"a\nb\n", false),
            (b"\r\n\r\n", b"\n\n", false),
            (b"progress\r50 %\r", b"progress\r50 %\r", false),
            (b"a\r\r\n", b"a\r\n", false),
            (b"\n", b"\n", true),
            (b"down\nright", b"down\nright", true),
            (b"a\r\nb\n", b"a\nb\n", true),
        ] {
            assert_eq!(has_bare_newline(text), bare, "{text:?}");
            assert_eq!(untranslated(text), left, "{text:?}");
            if !bare {
                let made: Vec<u8> = left
                    .iter()
                    .flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] })
                    .collect();
                assert_eq!(made, text);
            }
        }
    }
}
