//! The child's output on its way to ours: one thread a stream, so that a reader of one that stalls holds back neither the other nor
//! a signal; redacted on the way, never longer held than a match needs.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use hasp_core::output::write_all;
use hasp_core::{Error, Kind, Result};
use hasp_redact::{Filter, Patterns};

/// One read.
const CHUNK: usize = 256 * 1024;
/// Silence after which a few held bytes may go out (REDACTION.md, point 3).
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 150_000_000 };
/// How long output may be silent after the child's end before what still holds it open is left behind.
const GRACE: Duration = Duration::from_millis(200);

/// The streams being relayed.
#[derive(Default)]
pub struct Relay {
    streams: Vec<Receiver<Outcome>>,
    /// Grows with every read and write.
    progress: Arc<AtomicU64>,
    hits: Arc<AtomicU64>,
}

/// How a stream ended.
type Outcome = Result<()>;

/// What was relayed.
pub struct Report {
    /// How many values were found.
    pub redactions: u64,
    /// Streams that somebody still held open after the child's end and the grace.
    pub abandoned: usize,
    /// The first failure to write, other than a reader that went away.
    pub failure: Option<Error>,
}

impl Relay {
    /// Relays `from` to a duplicate of `to` until its end.
    pub fn stream(&mut self, from: OwnedFd, to: impl AsFd, patterns: &Arc<Patterns>) -> Result<()> {
        let to = rustix::io::fcntl_dupfd_cloexec(to, 3).map_err(|e| Error::system("open the output", e))?;
        let mut stream = Stream {
            from,
            to,
            filter: Filter::new(Arc::clone(patterns)),
            counted: 0,
            progress: Arc::clone(&self.progress),
            hits: Arc::clone(&self.hits),
        };
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let outcome = stream.pump();
            // The reading end closes before anybody is told, so that the child sees a broken pipe.
            drop(stream);
            let _ = sender.send(outcome);
        });
        self.streams.push(receiver);
        Ok(())
    }

    /// Waits for the ends of all streams after the child's end, at most a grace of silence.
    pub fn finish(self) -> Report {
        let mut report = Report { redactions: 0, abandoned: 0, failure: None };
        for stream in &self.streams {
            match self.wait(stream) {
                None => report.abandoned += 1,
                Some(Err(e)) if e.kind() != Kind::ClosedPipe => report.failure = report.failure.or(Some(e)),
                Some(_) => {}
            }
        }
        report.redactions = self.hits.load(Ordering::SeqCst);
        report
    }

    /// A stream's end, or `None` if it stays open and silent.
    fn wait(&self, stream: &Receiver<Outcome>) -> Option<Outcome> {
        loop {
            let before = self.progress.load(Ordering::SeqCst);
            match stream.recv_timeout(GRACE) {
                Ok(outcome) => return Some(outcome),
                Err(RecvTimeoutError::Disconnected) => {
                    return Some(Err(Error::bug("a relay thread ended without a word")));
                }
                Err(RecvTimeoutError::Timeout) if self.progress.load(Ordering::SeqCst) == before => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

/// One stream.
struct Stream {
    from: OwnedFd,
    to: OwnedFd,
    filter: Filter,
    /// Hits that were added to `hits`.
    counted: u64,
    progress: Arc<AtomicU64>,
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
            match rustix::io::read(&self.from, &mut space[..limit]) {
                Ok(read) => {
                    self.progress.fetch_add(1, Ordering::SeqCst);
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
        let outcome = write_all(&self.to, out);
        out.clear();
        self.progress.fetch_add(1, Ordering::SeqCst);
        outcome
    }

    /// Whether input, or its end, is there within this time.
    fn ready(&self, within: Option<&Timespec>) -> Result<bool> {
        let mut fds = [PollFd::new(&self.from, PollFlags::IN)];
        loop {
            match poll(&mut fds, within) {
                Ok(count) => return Ok(count > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(Error::system("wait for the command's output", e)),
            }
        }
    }
}
