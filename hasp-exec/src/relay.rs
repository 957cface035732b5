//! The child's output on its way to ours: one thread a stream, so that a reader of one that stalls holds back neither the other nor
//! a signal; redacted on the way, never longer held than a match needs.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use hasp_core::output::write_all;
use hasp_core::{Error, Kind, Result};
use hasp_redact::{Filter, Patterns};

use crate::stragglers::{self, FileId};

/// One read.
const CHUNK: usize = 256 * 1024;
/// Silence after which a few held bytes may go out (REDACTION.md, point 3).
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 150_000_000 };
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
        let file = FileId::of(&from)?;
        let to = rustix::io::fcntl_dupfd_cloexec(to, 3).map_err(|e| Error::system("open the output", e))?;
        let (from, gauge) = (Arc::new(from), Arc::new(Gauge::default()));
        let (pipe, seen) = (Arc::downgrade(&from), Arc::clone(&gauge));
        let mut stream = Stream {
            from,
            to,
            filter: Filter::new(Arc::clone(patterns)),
            counted: 0,
            gauge,
            hits: Arc::clone(&self.hits),
        };
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
    to: OwnedFd,
    filter: Filter,
    /// Hits that were added to `hits`.
    counted: u64,
    gauge: Arc<Gauge>,
    hits: Arc<AtomicU64>,
}

impl Stream {
    /// Reads, filters and writes until the end of the input.
    fn pump(&mut self) -> Result<()> {
        let mut out = Vec::with_capacity(CHUNK);
        loop {
            if self.filter.held() > 0 && !self.ready(Some(&SILENCE))? {
                self.filter.idle(&mut out);
                self.write(&mut out)?;
            }
            let read = self.read()?;
            if read == 0 {
                self.filter.finish(&mut out);
                return self.write(&mut out);
            }
            let more = self.ready(Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
            self.filter.filled(read, more, |bytes| out.extend_from_slice(bytes));
            self.write(&mut out)?;
        }
    }

    /// Reads once; the end of a pty, whose other side nobody holds any more, is EIO.
    fn read(&mut self) -> Result<usize> {
        let space = self.filter.space(CHUNK);
        let limit = space.len().min(CHUNK);
        loop {
            match rustix::io::read(&*self.from, &mut space[..limit]) {
                Ok(read) => {
                    self.gauge.read.fetch_add(read as u64, Ordering::SeqCst);
                    return Ok(read);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::IO) => return Ok(0),
                Err(e) => return Err(Error::system("read the command's output", e)),
            }
        }
    }

    fn write(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.hits.fetch_add(self.filter.hits() - self.counted, Ordering::SeqCst);
        self.counted = self.filter.hits();
        self.gauge.writing.store(true, Ordering::SeqCst);
        let outcome = write_all(&self.to, out);
        self.gauge.writing.store(false, Ordering::SeqCst);
        out.clear();
        outcome
    }

    /// Whether input, or its end, is there within this time.
    fn ready(&self, within: Option<&Timespec>) -> Result<bool> {
        let mut fds = [PollFd::new(&*self.from, PollFlags::IN)];
        loop {
            match poll(&mut fds, within) {
                Ok(count) => return Ok(count > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::system("wait for the command's output", e)),
            }
        }
    }
}
