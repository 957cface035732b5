//! What a question changes on the terminal, put right by every signal that ends or stops this
//! process. The handlers are the reason why this is below the module where `unsafe` is allowed; all
//! that they do is to make system calls and to touch atomics.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rustix::process::Signal;
use rustix::termios::{OptionalActions, Termios, tcsetattr};

use crate::platform::posix::signals::{default_action, die_of, stop};

/// A terminal's settings while questions are asked on it. A signal that ends or stops this process
/// puts back what was before, and one that continues it changes it again.
pub struct Settings {
    /// The terminal, open as long as this process runs.
    pub tty: BorrowedFd<'static>,
    /// What is to be put back.
    pub before: Termios,
    /// While an answer is typed.
    pub asking: Termios,
    /// From one question to the next.
    pub between: Termios,
    /// What is written to the terminal when its settings are changed, and when they are put back.
    pub words: [&'static [u8]; 2],
}

/// Settings that are in force.
pub struct Changed {
    settings: Settings,
    on: AtomicBool,
    asks: AtomicBool,
    continued: AtomicBool,
}

/// What the handlers know of. It is never freed, since a handler may be about to read it: some
/// hundred bytes for each row of questions.
static CHANGED: AtomicPtr<Changed> = AtomicPtr::new(std::ptr::null_mut());
/// What ends a process that has not arranged for it, and can come from outside.
const ENDING: [Signal; 8] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::ALARM,
    Signal::USR1,
    Signal::USR2,
    Signal::XCPU,
];

impl Changed {
    /// Sees to it that the settings will be put back; nothing is changed yet.
    pub fn prepare(settings: Settings) -> &'static Changed {
        let [on, asks, continued] = [false; 3].map(AtomicBool::new);
        let changed = Box::leak(Box::new(Changed { settings, on, asks, continued }));
        CHANGED.store(changed, Ordering::SeqCst);
        ENDING.into_iter().for_each(|signal| take_over(signal, put_back_and_end));
        take_over(Signal::TSTP, put_back_and_stop);
        take_over(Signal::CONT, change_again);
        changed
    }

    /// The terminal.
    pub fn tty(&self) -> BorrowedFd<'static> {
        self.settings.tty
    }

    /// Makes ready for an answer. Nothing that waits to be read is lost.
    pub fn ask(&self) -> rustix::io::Result<()> {
        self.asks.store(true, Ordering::SeqCst);
        if self.on.swap(true, Ordering::SeqCst) { self.set() } else { self.begin() }
    }

    /// An answer was read; echo stays off.
    pub fn pause(&self) {
        self.asks.store(false, Ordering::SeqCst);
        if is_foreground(self.settings.tty) {
            let _ = self.set();
        }
    }

    /// Puts the settings back for good. What waits to be read stays, or goes with
    /// [`OptionalActions::Flush`].
    pub fn put_back(&self, how: OptionalActions) {
        self.on.store(false, Ordering::SeqCst);
        self.restore(how);
        CHANGED.store(std::ptr::null_mut(), Ordering::SeqCst);
        ENDING.into_iter().chain([Signal::TSTP, Signal::CONT]).for_each(give_back);
    }

    /// Stops the whole group, as the key for it does elsewhere, and returns when it goes on.
    pub fn stop(&self) {
        self.restore(OptionalActions::Flush);
        stop(true);
        self.continued.store(true, Ordering::SeqCst);
        self.again();
    }

    /// Whether this process was stopped and continued since this was asked last.
    pub fn was_continued(&self) -> bool {
        self.continued.swap(false, Ordering::SeqCst)
    }

    fn begin(&self) -> rustix::io::Result<()> {
        self.set()?;
        rustix::io::write(self.settings.tty, self.settings.words[0]).map(drop)
    }

    /// In force at once, and without a flush: what was typed before is the answer of whoever knows
    /// what will be asked.
    fn set(&self) -> rustix::io::Result<()> {
        let Settings { tty, asking, between, .. } = &self.settings;
        tcsetattr(
            tty,
            OptionalActions::Now,
            if self.asks.load(Ordering::SeqCst) { asking } else { between },
        )
    }

    /// In the background the terminal is somebody else's: it was left to him when this process was
    /// stopped.
    fn again(&self) {
        if self.on.load(Ordering::SeqCst) && is_foreground(self.settings.tty) {
            let _ = self.begin();
        }
    }

    /// As [`Changed::again`]: a change from there would stop this process, which may be about to
    /// end.
    fn restore(&self, how: OptionalActions) {
        let Settings { tty, before, words, .. } = &self.settings;
        if is_foreground(tty) {
            let _ = rustix::io::write(tty, words[1]);
            let _ = tcsetattr(tty, how, before);
        }
    }
}

/// Whether this process belongs to the foreground group of its terminal.
pub fn is_foreground(tty: impl AsFd) -> bool {
    rustix::termios::tcgetpgrp(tty).is_ok_and(|group| group == rustix::process::getpgrp())
}

fn changed() -> Option<&'static Changed> {
    // SAFETY: the pointer is null or leads to a leaked box, which is never freed and of which only
    // atomics are written.
    unsafe { CHANGED.load(Ordering::SeqCst).as_ref() }
}

extern "C" fn put_back_and_end(number: libc::c_int) {
    if let Some(changed) = changed() {
        // What was typed for a question that is not asked any more is not for the shell to show and
        // to run.
        changed.restore(OptionalActions::Flush);
    }
    die_of(number);
}

extern "C" fn put_back_and_stop(number: libc::c_int) {
    if let Some(changed) = changed() {
        changed.restore(OptionalActions::Flush);
    }
    // Its default action: it stops here, and goes on by way of `change_again`.
    die_of(number);
    take_over(Signal::TSTP, put_back_and_stop);
    // Nobody stops a group that nobody could continue.
    change_again(number);
}

extern "C" fn change_again(_: libc::c_int) {
    if let Some(changed) = changed() {
        changed.continued.store(true, Ordering::SeqCst);
        changed.again();
    }
}

/// Puts a handler in the place of a default action; a signal that is ignored or caught otherwise
/// stays so. A read that it interrupts is not begun again by the kernel, so that the question can
/// be shown again.
fn take_over(signal: Signal, handler: extern "C" fn(libc::c_int)) {
    // SAFETY: both actions are plain values, filled before they are used; the handlers of this
    // module are async-signal-safe.
    unsafe {
        let (mut old, mut new): (libc::sigaction, libc::sigaction) =
            (std::mem::zeroed(), std::mem::zeroed());
        new.sa_sigaction = handler as *const () as usize;
        let known = libc::sigaction(signal.as_raw(), std::ptr::null(), &raw mut old) == 0;
        if known && old.sa_sigaction == libc::SIG_DFL {
            libc::sigaction(signal.as_raw(), &raw const new, std::ptr::null_mut());
        }
    }
}

/// Gives a signal its default action back if it has a handler of this module.
fn give_back(signal: Signal) {
    let own: [extern "C" fn(libc::c_int); 3] = [put_back_and_end, put_back_and_stop, change_again];
    // SAFETY: the action is a plain value that sigaction fills.
    let current = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal.as_raw(), std::ptr::null(), &raw mut action);
        action.sa_sigaction
    };
    if own.iter().any(|handler| *handler as *const () as usize == current) {
        default_action(signal);
    }
}
