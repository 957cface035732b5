//! Signals that reach the broker and are meant for a child on a terminal of its own: all of them,
//! and the window's size.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};

use crate::child::signals;
use crate::pty::hangup::{Course, Hangup, Leader};
use crate::pty::link::{MonitorMessage, Sender};
use crate::pty::screen::Screen;

/// Signals for a child that is in another session: all of them, and the window's size.
pub(crate) struct Forward {
    /// To the monitor.
    pub(crate) sender: Sender,
    /// Our terminal.
    pub(crate) screen: Arc<Screen>,
    /// Our side of the child's terminal.
    pub(crate) leader: Leader,
    /// What is known of the child.
    pub(crate) course: Course,
    /// Whether we stop as the child did: the signal that continues us is not meant for it.
    pub(crate) stopping: Arc<AtomicBool>,
    /// The end of our terminal.
    pub(crate) hangup: Arc<Hangup>,
}

impl Forward {
    /// Gives the child's terminal the size of ours, which tells its foreground of a change; whether
    /// there was one.
    fn resize(&self) -> bool {
        let shape = |s: &Winsize| (s.ws_row, s.ws_col, s.ws_xpixel, s.ws_ypixel);
        let Some(size) = self.screen.size() else { return false };
        let adopt = |leader: &OwnedFd| {
            let changed = tcgetwinsize(leader).is_ok_and(|old| shape(&old) != shape(&size));
            changed && tcsetwinsize(leader, size).is_ok()
        };
        self.leader.with(adopt).unwrap_or(false)
    }
}

impl signals::Receiver for Forward {
    fn receive(&self, signal: i32, from_terminal: bool) {
        let behind = !self.course.front.load(Ordering::SeqCst);
        // The terminal tells its foreground by itself, of which a child behind is no part.
        if signal == SIGWINCH && (self.resize() || from_terminal) && !behind {
            return;
        }
        // Whoever stopped us with the child continues it by other means.
        if signal == SIGCONT && self.stopping.swap(false, Ordering::SeqCst) {
            return;
        }
        if self.course.over.load(Ordering::SeqCst) {
            return signals::late(signal, || self.screen.restore());
        }
        if signal == SIGHUP && self.hangup.signalled(from_terminal) {
            return;
        }
        let _ = self.sender.send(&match signal {
            // Its keys reach us as long as the child is behind: our whole group stops, whatever the
            // child does.
            SIGTSTP if from_terminal && behind => MonitorMessage::Suspend,
            SIGTSTP => MonitorMessage::SignalGroup(signal),
            _ if from_terminal => MonitorMessage::SignalGroup(signal),
            _ => MonitorMessage::Signal(signal),
        });
    }
}
