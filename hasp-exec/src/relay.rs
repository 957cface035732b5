//! The child's output on its way to ours: one thread a stream, so that a reader of one that stalls holds back neither the other nor
//! a signal; redacted on the way, never longer held than a match needs.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use hasp_core::output::write_all;
use hasp_core::{Error, Kind, Result};
use hasp_redact::{Filter, Patterns};

use crate::pty::keyboard::Typing;
use crate::stragglers::{self, FileId};

/// The most that is filtered at once.
const CHUNK: usize = 256 * 1024;
/// Less than this is too little to filter by itself if more is there.
const BATCH: usize = 32 * 1024;
/// Pieces shorter than this are collected, since a system call costs more than copying them.
const DIRECT: usize = 8 * 1024;
/// The size that is asked for of the command's pipe.
const PIPE: usize = 256 * 1024;
/// Silence after which a few held bytes may go out (REDACTION.md, point 3).
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 150_000_000 };
const NOTHING: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// How long output may be silent after the child's end before what still holds it open is left behind.
const GRACE: Duration = Duration::from_millis(200);

/// The streams being relayed.
#[derive(Default)]
pub struct Relay {
    streams: Vec<Relayed>,
    hits: Arc<AtomicU64>,
}

/// How far a stream's thread has come.
#[derive(Default)]
struct Gauge {
    /// Bytes read so far.
    read: AtomicU64,
    /// Whether it is writing: then our reader is slow, and nobody is to blame for the silence.
    writing: AtomicBool,
}

/// How a stream ended.
type Outcome = Result<()>;

/// What was relayed.
pub struct Report {
    /// How many values were found.
    pub redactions: u64,
    /// How many processes still held a stream after the child's end and the grace.
    pub stragglers: u64,
    /// The first failure to write, other than a reader that went away.
    pub failure: Option<Error>,
}

impl Relay {
    /// Relays `from` to a duplicate of `to` until its end.
    pub fn stream(&mut self, from: OwnedFd, to: impl AsFd, patterns: &Arc<Patterns>) -> Result<()> {
        self.terminal(from, to, patterns, None)
    }

    /// The same for a terminal that somebody types on. A key that a value begins with would be seen only after the silence, which whoever
    /// types notices: what may go out then goes out at once, the match going on, so that no more can leak than by a pause.
    pub fn terminal(
        &mut self,
        from: OwnedFd,
        to: impl AsFd,
        patterns: &Arc<Patterns>,
        typing: Option<Arc<Typing>>,
    ) -> Result<()> {
        let file = FileId::of(&from)?;
        let to = rustix::io::fcntl_dupfd_cloexec(to, 3).map_err(|e| Error::system("open the output", e))?;
        let (from, gauge) = (Arc::new(from), Arc::new(Gauge::default()));
        let (pipe, seen) = (Arc::downgrade(&from), Arc::clone(&gauge));
        let writer = Writer { to, waiting: Vec::new(), outcome: Ok(()), gauge: Arc::clone(&gauge) };
        let filter = Filter::new(Arc::clone(patterns));
        let mut stream = Stream { from, filter, writer, counted: 0, gauge, hits: Arc::clone(&self.hits), typing };
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().spawn(move || {
            let outcome = stream.pump();
            // The reading end closes before anybody is told, so that the child sees a broken pipe.
            drop(stream);
            let _ = sender.send(outcome);
        });
        thread.map_err(|e| Error::system("start a thread", e))?;
        self.streams.push(Relayed { ended: receiver, file, pipe, gauge: seen });
        Ok(())
    }

    /// Waits for the ends of all streams after the child's end, at most a grace of silence; then ends, if asked to, whoever still
    /// holds them, and waits once more.
    pub fn finish(self, kill_stragglers: bool) -> Report {
        let mut report = Report { redactions: 0, stragglers: 0, failure: None };
        let mut held = Vec::new();
        let due: Vec<u64> = self.streams.iter().map(Relayed::due).collect();
        for (stream, due) in self.streams.iter().zip(due) {
            match stream.wait(due) {
                None => held.push(stream),
                Some(outcome) => report.note(outcome),
            }
        }
        if !held.is_empty() {
            let files: Vec<FileId> = held.iter().map(|s| s.file).collect();
            let holders = stragglers::holders(&files);
            report.stragglers = holders.len() as u64;
            if kill_stragglers {
                stragglers::end(&holders, &files);
                held.iter().filter_map(|s| s.wait(u64::MAX)).for_each(|outcome| report.note(outcome));
            }
        }
        report.redactions = self.hits.load(Ordering::SeqCst);
        report
    }
}

impl Report {
    fn note(&mut self, outcome: Outcome) {
        let failure = outcome.err().filter(|e| e.kind() != Kind::ClosedPipe);
        self.failure = self.failure.take().or(failure);
    }
}

/// A stream that is being relayed by its thread.
struct Relayed {
    ended: Receiver<Outcome>,
    file: FileId,
    /// The reading end, as long as the thread has it.
    pipe: Weak<OwnedFd>,
    gauge: Arc<Gauge>,
}

impl Relayed {
    /// How many bytes will have been read when all that is in the pipe now has been.
    fn due(&self) -> u64 {
        let waiting = self.pipe.upgrade().and_then(|pipe| rustix::io::ioctl_fionread(&*pipe).ok()).unwrap_or(0);
        waiting + self.gauge.read.load(Ordering::SeqCst)
    }

    /// The stream's end; `None` if it is still open after the grace, and silent or beyond `due`.
    fn wait(&self, due: u64) -> Option<Outcome> {
        loop {
            let before = self.gauge.read.load(Ordering::SeqCst);
            match self.ended.recv_timeout(GRACE) {
                Ok(outcome) => return Some(outcome),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(Error::bug("a relay thread ended without a word")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = self.gauge.read.load(Ordering::SeqCst);
            let writing = self.gauge.writing.load(Ordering::SeqCst);
            if !writing && (now == before || now >= due) {
                return None;
            }
        }
    }
}

/// One stream.
struct Stream {
    from: Arc<OwnedFd>,
    filter: Filter,
    writer: Writer,
    /// Hits that were added to `hits`.
    counted: u64,
    gauge: Arc<Gauge>,
    hits: Arc<AtomicU64>,
    typing: Option<Arc<Typing>>,
}

impl Stream {
    /// Reads, filters and writes until the end of the input.
    fn pump(&mut self) -> Result<()> {
        // A larger pipe saves system calls; a limit on the user's pipes may forbid it.
        let _ = rustix::pipe::fcntl_setpipe_size(&*self.from, PIPE);
        loop {
            let typed = self.typing.as_ref().is_some_and(|t| t.recent());
            if self.filter.held() > 0 && !self.ready(if typed { &NOTHING } else { &SILENCE })? {
                self.filter.idle_with(|bytes| self.writer.take(bytes));
                self.flush()?;
            }
            let read = self.fill()?;
            if read == 0 {
                self.filter.finish_with(|bytes| self.writer.take(bytes));
                return self.flush();
            }
            let more = self.ready(&NOTHING)?;
            self.filter.filled(read, more, |bytes| self.writer.take(bytes));
            self.flush()?;
        }
    }

    /// Reads what is there, at most a chunk. A terminal gives a page at a time, which is too little to filter and write by itself.
    fn fill(&mut self) -> Result<usize> {
        let space = self.filter.space(CHUNK);
        let space = &mut space[..CHUNK];
        let mut count = 0;
        loop {
            let read = read(&self.from, &mut space[count..])?;
            self.gauge.read.fetch_add(read as u64, Ordering::SeqCst);
            count += read;
            if read == 0 || count >= BATCH || !ready(&self.from, &NOTHING)? {
                break;
            }
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        self.hits.fetch_add(self.filter.hits() - self.counted, Ordering::SeqCst);
        self.counted = self.filter.hits();
        self.writer.flush()
    }

    fn ready(&self, within: &Timespec) -> Result<bool> {
        ready(&self.from, within)
    }
}

/// Reads once; the end of a pty, whose other side nobody holds any more, is EIO.
fn read(from: &OwnedFd, space: &mut [u8]) -> Result<usize> {
    loop {
        match rustix::io::read(from, &mut *space) {
            Ok(read) => return Ok(read),
            Err(Errno::INTR) => {}
            Err(Errno::IO) => return Ok(0),
            Err(e) => return Err(Error::system("read the command's output", e)),
        }
    }
}

/// Whether input, or its end, is there within this time.
fn ready(from: &OwnedFd, within: &Timespec) -> Result<bool> {
    let mut fds = [PollFd::new(from, PollFlags::IN)];
    loop {
        match poll(&mut fds, Some(within)) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::system("wait for the command's output", e)),
        }
    }
}

/// What goes out: long pieces from where they were read, short ones collected.
struct Writer {
    to: OwnedFd,
    waiting: Vec<u8>,
    outcome: Result<()>,
    gauge: Arc<Gauge>,
}

impl Writer {
    fn take(&mut self, bytes: &[u8]) {
        if bytes.len() < DIRECT {
            self.waiting.extend_from_slice(bytes);
        } else if self.flush_kept() {
            self.outcome = self.write(bytes);
        }
    }

    /// Writes what was collected, or says what went wrong before.
    fn flush(&mut self) -> Result<()> {
        self.flush_kept();
        std::mem::replace(&mut self.outcome, Ok(()))
    }

    /// Writes what was collected: whether nothing has gone wrong so far.
    fn flush_kept(&mut self) -> bool {
        if self.outcome.is_ok() && !self.waiting.is_empty() {
            self.outcome = self.write(&self.waiting);
        }
        self.waiting.clear();
        self.outcome.is_ok()
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        self.gauge.writing.store(true, Ordering::SeqCst);
        let outcome = write_all(&self.to, bytes);
        self.gauge.writing.store(false, Ordering::SeqCst);
        outcome
    }
}
