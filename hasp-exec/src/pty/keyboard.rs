//! Keys on their way from our terminal to the child's, in a thread that reads only while the child
//! has the foreground: a pipeline's other programs may want the keyboard too.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use hasp_core::{Error, Result, platform};

use crate::pty::hangup::Hangup;
use crate::relay::bell::Ear;

/// How long an echo may take, that of a shell far away included.
const ECHO: Duration = Duration::from_millis(300);

/// When somebody last typed.
#[derive(Default)]
pub(crate) struct Typing(Mutex<Option<Instant>>);

impl Typing {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether what the child writes now may be the echo of a key.
    pub(crate) fn is_recent(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some_and(|typed| typed.elapsed() < ECHO)
    }
}

/// The relay of keys; it ends with the process, or with the terminal.
pub(crate) struct Keyboard {
    open: Arc<AtomicBool>,
    wake: OwnedFd,
}

/// What the relay's thread works with.
pub(crate) struct Keys {
    /// Our terminal.
    pub(crate) from: File,
    /// The child's, which does not block.
    pub(crate) to: OwnedFd,
    /// When keys were typed.
    pub(crate) typing: Arc<Typing>,
    /// Whom to tell when the terminal is gone.
    pub(crate) hangup: Arc<Hangup>,
    /// Rings when nobody may hold the child's terminal any longer.
    pub(crate) hung: Ear,
}

impl Keyboard {
    /// Starts the thread; no key is read before [`Keyboard::open`].
    pub(crate) fn start(keys: Keys) -> Result<Keyboard> {
        let (woken, wake) = platform::pipe().map_err(|e| Error::system("make a pipe", e))?;
        let open = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&open);
        let thread = std::thread::Builder::new().spawn(move || keys.relay(&woken, &seen));
        thread.map_err(|e| Error::system("start a thread", e))?;
        Ok(Keyboard { open, wake })
    }

    /// Reads keys from now on.
    pub(crate) fn open(&self) {
        self.set(true);
    }

    /// Leaves the keyboard to others from now on.
    pub(crate) fn close(&self) {
        self.set(false);
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
        let _ = rustix::io::write(&self.wake, b"w");
    }
}

impl Keys {
    /// Relays keys while it may, and watches for the end of the terminal all the time: a signal
    /// need not tell of it, as where the shell was not waiting for us.
    fn relay(&self, woken: &OwnedFd, open: &AtomicBool) {
        let mut keys = [0u8; 4096];
        loop {
            let wanted =
                if open.load(Ordering::SeqCst) { PollFlags::IN } else { PollFlags::empty() };
            let mut fds = [
                PollFd::new(&self.hung, PollFlags::IN),
                PollFd::new(woken, PollFlags::IN),
                PollFd::new(&self.from, wanted),
            ];
            match poll(&mut fds, None) {
                Err(Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            let [hung, told, tty] = fds.map(|fd| fd.revents());
            if !hung.is_empty() {
                return;
            }
            if !told.is_empty() {
                let _ = rustix::io::read(woken, &mut keys[..64]);
                continue;
            }
            match rustix::io::read(&self.from, &mut keys) {
                Err(Errno::INTR | Errno::AGAIN) => {}
                // The terminal went away, or we lost the foreground and nobody can give it back.
                Ok(0) | Err(_) => {
                    open.store(false, Ordering::SeqCst);
                    self.hangup.noticed();
                    if tty.intersects(PollFlags::HUP | PollFlags::ERR) {
                        return;
                    }
                }
                Ok(count) => {
                    self.typing.now();
                    if !self.send(&keys[..count]) {
                        return;
                    }
                }
            }
        }
    }

    /// Writes keys to the child's terminal, which may be full as long as the child reads none:
    /// whether that goes on.
    fn send(&self, mut keys: &[u8]) -> bool {
        while !keys.is_empty() {
            match rustix::io::write(&self.to, keys) {
                Ok(written) => keys = &keys[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut fds = [
                        PollFd::new(&self.hung, PollFlags::IN),
                        PollFd::new(&self.to, PollFlags::OUT),
                    ];
                    let waited = poll(&mut fds, None);
                    if !fds[0].revents().is_empty() || waited.is_err_and(|e| e != Errno::INTR) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
        true
    }
}
