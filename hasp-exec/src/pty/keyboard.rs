//! Keys on their way from our terminal to the child's, in a thread that reads only while the child has the foreground: a pipeline's
//! other programs may want the keyboard too.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use hasp_core::output::write_all;
use hasp_core::{Error, Result};

/// How long an echo may take, that of a shell far away included.
const ECHO: Duration = Duration::from_millis(300);

/// When somebody last typed.
#[derive(Default)]
pub struct Typing(Mutex<Option<Instant>>);

impl Typing {
    fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether what the child writes now may be the echo of a key.
    pub fn recent(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|typed| typed.elapsed() < ECHO)
    }
}

/// The relay of keys; it ends with the process.
pub struct Keyboard {
    open: Arc<AtomicBool>,
    wake: OwnedFd,
}

impl Keyboard {
    /// Starts the thread; no key is read before [`Keyboard::open`].
    pub fn start(from: File, to: OwnedFd, typing: Arc<Typing>) -> Result<Keyboard> {
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| Error::system("make a pipe", e))?;
        let open = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&open);
        let thread = std::thread::Builder::new().spawn(move || relay(&from, &to, &woken, &seen, &typing));
        thread.map_err(|e| Error::system("start a thread", e))?;
        Ok(Keyboard { open, wake })
    }

    /// Reads keys from now on.
    pub fn open(&self) {
        self.set(true);
    }

    /// Leaves the keyboard to others from now on.
    pub fn close(&self) {
        self.set(false);
    }

    fn set(&self, open: bool) {
        self.open.store(open, Ordering::SeqCst);
        let _ = rustix::io::write(&self.wake, b"w");
    }
}

fn relay(from: &File, to: &OwnedFd, woken: &OwnedFd, open: &AtomicBool, typing: &Typing) {
    let mut keys = [0u8; 4096];
    loop {
        let wanted = if open.load(Ordering::SeqCst) { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = [PollFd::new(woken, PollFlags::IN), PollFd::new(from, wanted)];
        match poll(&mut fds, None) {
            Err(Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) => {}
        }
        if !fds[0].revents().is_empty() {
            let _ = rustix::io::read(woken, &mut keys[..64]);
            continue;
        }
        let read = rustix::io::read(from, &mut keys);
        typing.now();
        match read {
            Err(Errno::INTR) => {}
            // The terminal went away, or we lost the foreground: a signal tells the rest.
            Ok(0) | Err(_) => return,
            Ok(count) if write_all(to, &keys[..count]).is_err() => return,
            Ok(_) => {}
        }
    }
}
