//! The end of our terminal: what the kernel does to a command on a terminal that is closed, done to
//! the command on the terminal that stands in for it. Without this a program that waits for a last
//! answer of its terminal would wait for ever, and we for it.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hasp_core::platform;

use crate::pty::link::{MonitorMessage, Sender};
use crate::pty::screen::Screen;
use crate::relay::bell::Bell;

/// How long a command whose terminal was closed is waited for. One that lives on, as any may that
/// ignores the signal, is left behind.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long what is left of the output and the record may take then.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The side of the child's terminal that is ours, until that terminal is hung up: the kernel does
/// so when nobody holds it any more.
#[derive(Clone)]
pub(crate) struct Leader(Arc<Mutex<Option<OwnedFd>>>);

impl Leader {
    /// The side that is ours.
    pub(crate) fn new(leader: OwnedFd) -> Leader {
        Leader(Arc::new(Mutex::new(Some(leader))))
    }

    /// Does something with it, as long as it is held; nothing that could wait.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&OwnedFd) -> T) -> Option<T> {
        lock(&self.0).as_ref().map(act)
    }

    fn let_go(&self) {
        *lock(&self.0) = None;
    }
}

/// What is known of the child.
#[derive(Clone, Default)]
pub(crate) struct Course {
    /// Whether it has the foreground of its terminal.
    pub(crate) front: Arc<AtomicBool>,
    /// Whether it has ended.
    pub(crate) over: Arc<AtomicBool>,
}

/// Whoever sees first that our terminal is gone says so here.
pub(crate) struct Hangup {
    screen: Arc<Screen>,
    leader: Leader,
    course: Course,
    /// Tells those who relay keys and output to let go of the child's terminal as well.
    bell: Mutex<Option<Bell>>,
    sender: Sender,
    /// Whether the monitor was told to hang the child up.
    told: Mutex<bool>,
    left: AtomicBool,
    /// Whether we were started with SIGHUP ignored, to live on with the child.
    immune: bool,
}

impl Hangup {
    /// Nothing has happened so far.
    pub(crate) fn new(
        screen: Arc<Screen>,
        leader: Leader,
        course: Course,
        bell: Bell,
        sender: Sender,
    ) -> Hangup {
        let immune = platform::is_ignored(signal_hook::consts::SIGHUP);
        let (bell, told, left) = (Mutex::new(Some(bell)), Mutex::default(), AtomicBool::default());
        Hangup { screen, leader, course, bell, sender, told, left, immune }
    }

    /// We got SIGHUP, from the terminal or from somebody else: whether that was the end of the
    /// terminal.
    pub(crate) fn signalled(self: &Arc<Self>, from_terminal: bool) -> bool {
        let gone = from_terminal || !self.screen.is_there();
        if gone {
            self.end(true);
        }
        gone
    }

    /// The terminal has no more keys for us: if it is gone, a command that uses it is told so. One
    /// behind gets no signal, as it would get none from the kernel.
    pub(crate) fn noticed(self: &Arc<Self>) {
        if !self.screen.is_there() {
            self.end(self.course.front.load(Ordering::SeqCst));
        }
    }

    /// Output for the terminal could not be written.
    pub(crate) fn output_lost(self: &Arc<Self>) {
        let gone = !self.screen.is_there();
        self.end(gone && self.course.front.load(Ordering::SeqCst));
    }

    /// Whether the child was left behind.
    pub(crate) fn left_child_behind(&self) -> bool {
        self.left.load(Ordering::SeqCst)
    }

    fn end(self: &Arc<Self>, signal: bool) {
        let signal = self.tell(signal && !self.immune);
        drop(lock(&self.bell).take());
        self.leader.let_go();
        if signal {
            let own = Arc::clone(self);
            let timer = std::thread::Builder::new().spawn(move || own.leave());
            if timer.is_err() {
                self.leave();
            }
        }
    }

    /// The monitor holds the child's terminal until it has told the child, if that is to be told;
    /// whether this is who says so. Signal and terminal are seen by two threads: who comes second
    /// must not have it let go before the first has had the child told.
    fn tell(&self, signal: bool) -> bool {
        let mut told = lock(&self.told);
        let first = signal && !*told;
        *told |= signal;
        let _ =
            self.sender.send(if first { &MonitorMessage::Hangup } else { &MonitorMessage::LetGo });
        first
    }

    /// After a while nobody waits for the child any longer, and we end whatever else holds us, as a
    /// reader who stalls.
    fn leave(&self) {
        std::thread::sleep(PATIENCE);
        if !self.course.over.load(Ordering::SeqCst) {
            self.left.store(true, Ordering::SeqCst);
            self.sender.close();
        }
        std::thread::sleep(LAST_WORDS);
        platform::die_of(signal_hook::consts::SIGHUP);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
