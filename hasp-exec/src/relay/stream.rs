//! One stream in its thread: pumped until the end of the input; after the child's end also until
//! nothing comes any more.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hasp_core::output::write_all;
use hasp_core::{Result, platform};
use hasp_redact::{Filter, Patterns, Pump, Step, Stop, Watcher};

use crate::relay::bell::Ear;
use crate::relay::console::Console;

/// How long a stream may be silent after the child's end before what still holds it open is left
/// behind.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// The size that is asked for of the command's pipe.
const PIPE: usize = 256 * 1024;
/// More than a terminal keeps of what was written to it, which FIONREAD tells in part only.
const TERMINAL: u64 = 64 * 1024;

/// How long somebody who wrote after the child's end is given to show that he goes on, on a busy
/// machine as well.
const MOMENT: Duration = Duration::from_millis(100);

/// What a thread is told by.
pub(crate) struct Bells {
    /// The child has ended.
    pub(crate) ended: Ear,
    /// Nobody waits for the stragglers any longer.
    pub(crate) last: Ear,
}

/// The command's output beside its bytes.
struct Output {
    hits: Arc<AtomicU64>,
    /// How to write, if that is our terminal and what comes is from the child's.
    console: Option<Arc<dyn Console>>,
}

impl Watcher for Output {
    fn source(&self) -> &'static str {
        "the command's output"
    }

    fn is_terminal(&self) -> bool {
        self.console.is_some()
    }

    fn is_typing(&self) -> bool {
        self.console.as_ref().is_some_and(|console| console.is_typing())
    }

    fn gone(&self) -> Option<BorrowedFd<'_>> {
        self.console.as_ref().map(|console| console.hung().as_fd())
    }

    fn found(&self, values: u64) {
        self.hits.fetch_add(values, Ordering::SeqCst);
    }

    fn write(&self, to: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
        match &self.console {
            Some(console) => console.write(to, bytes),
            None => write_all(to, bytes),
        }
    }
}

/// One stream.
pub(crate) struct Stream {
    pump: Pump<OwnedFd, OwnedFd, Output>,
    bells: Bells,
    console: Option<Arc<dyn Console>>,
    /// Whether somebody wrote after the child's end.
    chatty: bool,
    /// Whether our terminal is gone, where the rest has no place to go.
    hung: bool,
}

impl Stream {
    /// A stream from the child to our output.
    pub(crate) fn new(
        from: OwnedFd,
        to: OwnedFd,
        patterns: &Arc<Patterns>,
        hits: Arc<AtomicU64>,
        bells: Bells,
        console: Option<Arc<dyn Console>>,
    ) -> Stream {
        // A larger pipe saves system calls; a limit on the user's pipes may forbid it.
        platform::widen(&from, PIPE);
        let output = Output { hits, console: console.clone() };
        let pump = Pump::new(Filter::new(Arc::clone(patterns)), from, to, output);
        Stream { pump, bells, console, chatty: false, hung: false }
    }

    /// Relays all; `held` is called when the child has ended and somebody still holds the stream.
    /// Whether something was left unread at last.
    pub(crate) fn relay(&mut self, held: impl FnOnce()) -> Result<bool> {
        let outcome = self.relay_all(held);
        if let (Err(_), Some(console)) = (&outcome, &self.console) {
            // Nobody reads the child's terminal any more: it must not wait for that.
            console.lost();
        }
        outcome
    }

    fn relay_all(&mut self, held: impl FnOnce()) -> Result<bool> {
        let mut open = self.until(&self.bells.ended.clone())? && self.drain(GRACE)?;
        if open {
            held();
            open = self.until(&self.bells.last.clone())? && self.drain(Duration::ZERO)?;
        }
        if self.hung {
            return Ok(false);
        }
        self.pump.finish()?;
        let moment = if self.chatty { MOMENT } else { Duration::ZERO };
        Ok(open && self.pump.has_input(moment)?)
    }

    /// Relays until the bell rings, which is true, or the input ends.
    fn until(&mut self, bell: &Ear) -> Result<bool> {
        let stop = self.pump.run(Some(bell.as_fd()))?;
        self.hung = stop == Stop::Gone;
        Ok(stop == Stop::Rung)
    }

    /// Relays all that is there now, whatever that takes, and then what comes within `grace`:
    /// whether somebody still holds the input open. The grace begins when nothing of ours is left
    /// to do, so that a slow filter or reader takes nothing from it.
    fn drain(&mut self, grace: Duration) -> Result<bool> {
        let mut due = self.waiting() + if self.console.is_some() { TERMINAL } else { 0 };
        while due > 0 {
            match self.pump.step(Duration::ZERO, true)? {
                Step::Stop(stop) => return Ok(self.stopped(stop)),
                Step::Nothing => break,
                Step::Read(count) => due = due.saturating_sub(count),
            }
        }
        let began = Instant::now();
        loop {
            let left = grace.saturating_sub(began.elapsed());
            match self.pump.step(left, !left.is_zero())? {
                Step::Stop(stop) => return Ok(self.stopped(stop)),
                Step::Nothing => return Ok(true),
                Step::Read(_) => self.chatty = true,
            }
        }
    }

    /// Nobody holds the stream any more, or what it goes to.
    fn stopped(&mut self, stop: Stop) -> bool {
        self.hung = stop == Stop::Gone;
        false
    }

    /// Bytes that are in the pipe.
    fn waiting(&self) -> u64 {
        rustix::io::ioctl_fionread(self.pump.from()).unwrap_or(0)
    }
}
