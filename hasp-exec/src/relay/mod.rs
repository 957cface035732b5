//! The child's output on its way to ours: one thread a stream, so that a reader of one that stalls
//! holds back neither the other nor a signal; redacted on the way, never longer held than a match
//! needs.
//!
//! When the child has ended, each thread relays by itself all that was written until then, however
//! long filter and reader take for it. Only a stream that is silent after that is taken to be held
//! open by a process that was left behind.

pub(crate) mod bell;
pub(crate) mod console;
pub(crate) mod outputs;
pub(crate) mod stragglers;
mod stream;

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use hasp_core::platform::{self, FileId};
use hasp_core::{Error, Kind, Result};
use hasp_redact::Patterns;

use crate::relay::bell::{Bell, Ear, bell};

use console::Console;
use stream::{Bells, GRACE, Stream};

/// The streams being relayed.
pub(crate) struct Relay {
    streams: Vec<Relayed>,
    hits: Arc<AtomicU64>,
    /// Rings when the child has ended.
    ended: (Bell, Ear),
    /// Rings when nobody waits any longer for those who were left behind.
    last: (Bell, Ear),
}

/// What a stream's thread says.
enum Progress {
    /// The child has ended and all that it wrote is relayed; somebody still holds the stream.
    Held,
    /// Nothing more is relayed; whether something was left unread.
    Done(Result<bool>),
}

/// What was relayed.
#[derive(Default)]
pub(crate) struct Report {
    /// How many values were found.
    pub(crate) redactions: u64,
    /// How many processes still held a stream after the child's end and the grace.
    pub(crate) stragglers: u64,
    /// The first failure to write, other than a reader that went away.
    pub(crate) failure: Option<Error>,
    /// Whether a straggler's output was left unread.
    pub(crate) unread: bool,
}

impl Relay {
    /// No stream so far.
    pub(crate) fn new() -> Result<Relay> {
        Ok(Relay { streams: Vec::new(), hits: Arc::default(), ended: bell()?, last: bell()? })
    }

    /// Relays `from` to a duplicate of `to` until its end.
    pub(crate) fn stream(
        &mut self,
        from: OwnedFd,
        to: impl AsFd,
        patterns: &Arc<Patterns>,
    ) -> Result<()> {
        self.start(from, to, patterns, None)
    }

    /// The same for the child's terminal.
    pub(crate) fn terminal(
        &mut self,
        from: OwnedFd,
        to: impl AsFd,
        patterns: &Arc<Patterns>,
        console: Arc<dyn Console>,
    ) -> Result<()> {
        self.start(from, to, patterns, Some(console))
    }

    fn start(
        &mut self,
        from: OwnedFd,
        to: impl AsFd,
        patterns: &Arc<Patterns>,
        console: Option<Arc<dyn Console>>,
    ) -> Result<()> {
        let file = platform::file_id(&from).map_err(|e| Error::system("look at the output", e))?;
        let to = rustix::io::fcntl_dupfd_cloexec(to, 3)
            .map_err(|e| Error::system("open the output", e))?;
        let bells = Bells { ended: self.ended.1.clone(), last: self.last.1.clone() };
        let stream = Stream::new(from, to, patterns, Arc::clone(&self.hits), bells, console);
        let (sender, progress) = channel();
        let thread = std::thread::Builder::new().spawn(move || run(stream, &sender));
        thread.map_err(|e| Error::system("start a thread", e))?;
        self.streams.push(Relayed { progress, file });
        Ok(())
    }

    /// After the child's end: waits until all that it wrote is relayed, and a grace for those who
    /// still hold a stream; then ends them, if asked to, and relays their last words.
    pub(crate) fn finish(self, kill_stragglers: bool) -> Report {
        let Relay { streams, hits, ended, last } = self;
        let mut report = Report::default();
        drop(ended);
        let held: Vec<&Relayed> = streams.iter().filter(|s| report.hear(s)).collect();
        if !held.is_empty() {
            let files: Vec<FileId> = held.iter().map(|s| s.file).collect();
            let holders = stragglers::holders(&files);
            report.stragglers = holders.len() as u64;
            if kill_stragglers {
                stragglers::end(&holders, &files);
            }
            let waiting =
                held.into_iter().filter(|s| !kill_stragglers || report.hear_within(s, GRACE));
            let waiting: Vec<&Relayed> = waiting.collect();
            drop(last);
            for stream in waiting {
                report.hear(stream);
            }
        }
        report.redactions = hits.load(Ordering::SeqCst);
        report
    }
}

/// A thread's work: the reading end closes before anybody is told, so that the child sees a broken
/// pipe.
fn run(mut stream: Stream, told: &Sender<Progress>) {
    let outcome = stream.relay(|| drop(told.send(Progress::Held)));
    drop(stream);
    let _ = told.send(Progress::Done(outcome));
}

impl Report {
    /// Waits for what a stream's thread says next: whether the stream is still open.
    fn hear(&mut self, stream: &Relayed) -> bool {
        let lost = || Progress::Done(Err(Error::bug("a relay thread ended without a word")));
        self.note(stream.progress.recv().unwrap_or_else(|_| lost()))
    }

    /// The same, at most this long.
    fn hear_within(&mut self, stream: &Relayed, within: Duration) -> bool {
        stream.progress.recv_timeout(within).map_or(true, |told| self.note(told))
    }

    fn note(&mut self, told: Progress) -> bool {
        match told {
            Progress::Held => return true,
            Progress::Done(Ok(unread)) => self.unread |= unread,
            Progress::Done(Err(e)) if e.kind() == Kind::ClosedPipe => {}
            Progress::Done(Err(e)) => self.failure = self.failure.take().or(Some(e)),
        }
        false
    }
}

/// A stream that is being relayed by its thread.
struct Relayed {
    progress: Receiver<Progress>,
    file: FileId,
}
