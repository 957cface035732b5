//! One stream in its thread: read, filter, write, until the end of the input; after the child's end
//! also until nothing comes any more.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use hasp_core::{Error, Result, platform};
use hasp_redact::{Filter, IDLE_MS, Patterns};

use crate::relay::bell::Ear;
use crate::relay::console::Console;
use crate::relay::writer::Writer;

/// How long a stream may be silent after the child's end before what still holds it open is left
/// behind.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// The most that is filtered at once.
const CHUNK: usize = 256 * 1024;
/// The least that is filtered by itself while more is there.
const BATCH: usize = 32 * 1024;
/// The size that is asked for of the command's pipe.
const PIPE: usize = 256 * 1024;
/// More than a terminal keeps of what was written to it, which FIONREAD tells in part only.
const TERMINAL: u64 = 64 * 1024;
/// Silence after which a few held bytes may go out.
const SILENCE: Duration = Duration::from_millis(IDLE_MS);

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

/// One stream.
pub(crate) struct Stream {
    from: OwnedFd,
    filter: Filter,
    writer: Writer,
    /// Hits that were added to `hits`.
    counted: u64,
    hits: Arc<AtomicU64>,
    bells: Bells,
    console: Option<Arc<dyn Console>>,
    /// Whether somebody wrote after the child's end.
    chatty: bool,
    /// Whether our terminal is gone, where the rest has no place to go.
    hung: bool,
}

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Input that can be read.
    input: bool,
    /// Nobody holds the other side any more: what input there is is the last.
    end: bool,
    /// The bell rang.
    rung: bool,
    /// Our terminal is gone.
    hung: bool,
}

impl Seen {
    /// Whether a read has something to tell: input, or its end.
    fn readable(self) -> bool {
        self.input || self.end
    }
}

/// What became of one piece.
enum Step {
    /// Nothing was there.
    Nothing,
    /// As much was read, filtered and written.
    Read(u64),
    /// The input, or our terminal, has ended.
    End,
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
        let filter = Filter::new(Arc::clone(patterns));
        Stream {
            from,
            filter,
            writer: Writer::new(to, console.clone()),
            counted: 0,
            hits,
            bells,
            console,
            chatty: false,
            hung: false,
        }
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
        let mut open = self.pump(&self.bells.ended.clone())? && self.drain(GRACE)?;
        if open {
            held();
            open = self.pump(&self.bells.last.clone())? && self.drain(Duration::ZERO)?;
        }
        if self.hung {
            return Ok(false);
        }
        self.filter.finish_with(|bytes| self.writer.take(bytes));
        self.flush()?;
        self.writer.finish()?;
        let moment = if self.chatty { MOMENT } else { Duration::ZERO };
        Ok(open && self.seen(None, Some(moment))?.input)
    }

    /// Relays until the bell rings, which is true, or the input ends.
    fn pump(&mut self, bell: &Ear) -> Result<bool> {
        let mut seen = Seen::default();
        let mut rested = false;
        loop {
            if !seen.readable() {
                seen = self.seen(Some(bell), self.patience(rested))?;
            }
            self.hung = seen.hung;
            if seen.hung || seen.rung {
                return Ok(!seen.hung);
            }
            if !seen.readable() {
                self.filter.idle_with(|bytes| self.writer.take(bytes));
                self.flush()?;
                rested = true;
                continue;
            }
            match self.fill()? {
                Some(0) => return Ok(false),
                None => seen = Seen::default(),
                Some(read) => {
                    seen = self.seen(Some(bell), Some(Duration::ZERO))?;
                    self.pass(read, seen.readable())?;
                    rested = false;
                }
            }
        }
    }

    /// How long input is waited for before held bytes go out. A key that a value begins with would
    /// be seen only after the silence, which whoever types notices: what may go out then goes out
    /// at once, the match going on, so that no more can leak than by a pause.
    fn patience(&self, rested: bool) -> Option<Duration> {
        let typed = || self.console.as_ref().is_some_and(|c| c.is_typing());
        match rested || self.filter.held() == 0 {
            true => None,
            false if typed() => Some(Duration::ZERO),
            false => Some(SILENCE),
        }
    }

    /// Relays all that is there now, whatever that takes, and then what comes within `grace`:
    /// whether somebody still holds the input open. The grace begins when nothing of ours is left
    /// to do, so that a slow filter or reader takes nothing from it.
    fn drain(&mut self, grace: Duration) -> Result<bool> {
        let mut due = self.waiting() + if self.console.is_some() { TERMINAL } else { 0 };
        while due > 0 {
            match self.step(Duration::ZERO, true)? {
                Step::End => return Ok(false),
                Step::Nothing => break,
                Step::Read(count) => due = due.saturating_sub(count),
            }
        }
        let began = Instant::now();
        loop {
            let left = grace.saturating_sub(began.elapsed());
            match self.step(left, !left.is_zero())? {
                Step::End => return Ok(false),
                Step::Nothing => return Ok(true),
                Step::Read(_) => self.chatty = true,
            }
        }
    }

    /// Waits and relays one piece. What somebody writes who may go on is taken only if `any`; the
    /// last of the input and its end always are, since that is bounded, and whoever left it does
    /// not hold the stream.
    fn step(&mut self, within: Duration, any: bool) -> Result<Step> {
        let seen = self.seen(None, Some(within))?;
        self.hung = seen.hung;
        if seen.hung {
            return Ok(Step::End);
        }
        let wanted = seen.end || seen.input && any;
        if !wanted {
            return Ok(Step::Nothing);
        }
        match self.fill()? {
            Some(0) => Ok(Step::End),
            None => Ok(Step::Nothing),
            Some(read) => {
                let more = self.seen(None, Some(Duration::ZERO))?.readable();
                self.pass(read, more)?;
                Ok(Step::Read(read as u64))
            }
        }
    }

    /// Bytes that are in the pipe.
    fn waiting(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.from).unwrap_or(0)
    }

    /// Reads what is there, at most a chunk: 0 at the end, `None` if nothing was there after all. A
    /// terminal gives a page at a time, which is too little to filter and write by itself.
    fn fill(&mut self) -> Result<Option<usize>> {
        let space = self.filter.space(CHUNK);
        let space = &mut space[..CHUNK];
        let mut count = 0;
        loop {
            match read(&self.from, &mut space[count..])? {
                Some(0) if count == 0 => return Ok(Some(0)),
                Some(0) | None => break,
                Some(read) => count += read,
            }
            if count >= BATCH || !ready(&self.from)? {
                break;
            }
        }
        Ok((count > 0).then_some(count))
    }

    fn pass(&mut self, read: usize, more: bool) -> Result<()> {
        self.filter.filled(read, more, |bytes| self.writer.take(bytes));
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.hits.fetch_add(self.filter.hits() - self.counted, Ordering::SeqCst);
        self.counted = self.filter.hits();
        self.writer.flush()
    }

    /// Waits for input, the bell or the end of our terminal.
    fn seen(&self, bell: Option<&Ear>, within: Option<Duration>) -> Result<Seen> {
        let hung = self.console.as_ref().map(|c| c.hung());
        let mut fds = vec![PollFd::new(&self.from, PollFlags::IN)];
        fds.extend([bell, hung].into_iter().flatten().map(|ear| PollFd::new(ear, PollFlags::IN)));
        wait(&mut fds, within)?;
        let woken = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let behind = 1 + usize::from(bell.is_some());
        let from = fds.first().map_or(PollFlags::empty(), PollFd::revents);
        Ok(Seen {
            input: from.contains(PollFlags::IN),
            end: from.intersects(PollFlags::HUP | PollFlags::ERR),
            rung: bell.is_some() && woken(1),
            hung: hung.is_some() && woken(behind),
        })
    }
}

/// Reads once; the end of a pty, whose other side nobody holds any more, is EIO.
fn read(from: &OwnedFd, space: &mut [u8]) -> Result<Option<usize>> {
    loop {
        match rustix::io::read(from, &mut *space) {
            Ok(read) => return Ok(Some(read)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::IO) => return Ok(Some(0)),
            Err(e) => return Err(Error::system("read the command's output", e)),
        }
    }
}

/// Whether input, or its end, is there.
fn ready(from: &OwnedFd) -> Result<bool> {
    wait(&mut [PollFd::new(from, PollFlags::IN)], Some(Duration::ZERO))
}

/// Whether something comes within this time.
fn wait(fds: &mut [PollFd<'_>], within: Option<Duration>) -> Result<bool> {
    let limit =
        within.map(|w| Timespec { tv_sec: w.as_secs() as i64, tv_nsec: w.subsec_nanos().into() });
    loop {
        match poll(fds, limit.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::system("wait for the command's output", e)),
        }
    }
}
