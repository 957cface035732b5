//! The loop that reads, filters and writes, for the stand-alone filter and for the output of a
//! command alike: one buffer, plain read and write. A clean chunk is written from where it was
//! read; no splice, because a page could change between the search and the forwarding.

mod watcher;
mod writer;

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use hasp_core::output::settle;
use hasp_core::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use self::writer::Writer;
use crate::filter::{Filter, IDLE_MS};

pub use self::watcher::Watcher;

/// The most that is filtered at once.
const CHUNK: usize = 256 * 1024;
/// The least that is filtered by itself while more is there.
const BATCH: usize = 32 * 1024;
/// From this many bytes on what was read is taken as part of a burst.
const BUSY: usize = 16 * 1024;
/// How long the rest of a burst is waited for: far below what a person notices.
const MOMENT: Duration = Duration::from_micros(100);
/// Silence after which a few held bytes may go out.
const SILENCE: Duration = Duration::from_millis(IDLE_MS);

/// Why the pump stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The input has ended.
    End,
    /// The bell rang.
    Rung,
    /// There is nowhere to write to any more.
    Gone,
}

/// What became of one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was there.
    Nothing,
    /// So many bytes were read, filtered and written.
    Read(u64),
    /// There will be nothing more.
    Stop(Stop),
}

/// Bytes read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

/// A stream on its way through a filter.
pub struct Pump<I, O, W> {
    from: I,
    to: O,
    filter: Filter,
    watcher: W,
    writer: Writer,
    /// Values that the watcher has been told of.
    told: u64,
    read: u64,
}

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// Input that can be read.
    input: bool,
    /// Nobody holds the other side any more: what input there is is the last.
    end: bool,
    rung: bool,
    gone: bool,
}

impl Seen {
    /// Whether a read has something to tell: input, or its end.
    fn readable(self) -> bool {
        self.input || self.end
    }
}

impl<I: AsFd, O: AsFd, W: Watcher> Pump<I, O, W> {
    /// From one to the other; nothing is read so far.
    pub fn new(filter: Filter, from: I, to: O, watcher: W) -> Pump<I, O, W> {
        Pump { from, to, filter, watcher, writer: Writer::default(), told: 0, read: 0 }
    }

    /// What is read from.
    pub fn from(&self) -> &I {
        &self.from
    }

    /// The filter, with what it found.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        Traffic { bytes_in: self.read, bytes_out: self.writer.written }
    }

    /// Goes on until the input ends, the bell can be read, or the watcher's output is gone.
    ///
    /// # Errors
    /// `Kind::ClosedPipe` if the reader went away, `Kind::Io` for other failures.
    pub fn run(&mut self, bell: Option<BorrowedFd<'_>>) -> Result<Stop> {
        let mut rested = false;
        loop {
            let seen = self.seen(bell, self.patience(rested))?;
            if seen.gone {
                return Ok(Stop::Gone);
            }
            if seen.rung {
                return Ok(Stop::Rung);
            }
            if !seen.readable() {
                let writer = &mut self.writer;
                self.filter.idle_with(|bytes| writer.take(bytes, &self.to, &self.watcher));
                self.flush()?;
                rested = true;
                continue;
            }
            match self.piece()? {
                Some(0) => return Ok(Stop::End),
                Some(_) => rested = false,
                None => {}
            }
        }
    }

    /// Waits and relays one piece. What somebody writes who may go on is taken only if `any`; the
    /// last of the input and its end always are, since that is bounded, and whoever left it does
    /// not hold the stream.
    ///
    /// # Errors
    /// Those of [`Pump::run`].
    pub fn step(&mut self, within: Duration, any: bool) -> Result<Step> {
        let seen = self.seen(None, Some(within))?;
        if seen.gone {
            return Ok(Step::Stop(Stop::Gone));
        }
        if !(seen.end || seen.input && any) {
            return Ok(Step::Nothing);
        }
        Ok(match self.piece()? {
            Some(0) => Step::Stop(Stop::End),
            Some(read) => Step::Read(read as u64),
            None => Step::Nothing,
        })
    }

    /// After the last input: what is held goes out, and it is asked whether all has arrived.
    ///
    /// # Errors
    /// Those of [`Pump::run`].
    pub fn finish(&mut self) -> Result<()> {
        let writer = &mut self.writer;
        self.filter.finish_with(|bytes| writer.take(bytes, &self.to, &self.watcher));
        self.flush()?;
        settle(&self.to)
    }

    /// Whether there is input within this time; an end is none.
    ///
    /// # Errors
    /// `Kind::Io`.
    pub fn has_input(&self, within: Duration) -> Result<bool> {
        Ok(self.seen(None, Some(within))?.input)
    }

    /// How long input is waited for before held bytes go out. A key that a value begins with would
    /// be seen only after the silence, which whoever types notices: what may go out then goes out
    /// at once, the match going on, so that no more can leak than by a pause.
    fn patience(&self, rested: bool) -> Option<Duration> {
        match rested || self.filter.held() == 0 {
            true => None,
            false if self.watcher.is_typing() => Some(Duration::ZERO),
            false => Some(SILENCE),
        }
    }

    /// Reads, filters and writes what is there: 0 at the end, `None` if nothing was there after
    /// all.
    fn piece(&mut self) -> Result<Option<usize>> {
        let Some((count, more)) = self.fill()? else { return Ok(None) };
        if count == 0 {
            return Ok(Some(0));
        }
        self.read += count as u64;
        // A stream that brought so much will soon bring more: a moment's wait saves looking for
        // what must be held back.
        let busy = count >= BUSY;
        let more = busy || more && self.is_ready(Duration::ZERO)?;
        let writer = &mut self.writer;
        self.filter.filled(count, more, |bytes| writer.take(bytes, &self.to, &self.watcher));
        self.flush()?;
        if busy && !self.is_ready(MOMENT)? {
            let writer = &mut self.writer;
            self.filter.pause_with(|bytes| writer.take(bytes, &self.to, &self.watcher));
            self.flush()?;
        }
        Ok(Some(count))
    }

    /// Reads at most a chunk, and says whether more may be there: 0 bytes at the end, `None` if
    /// nothing was there. A terminal gives a page at a time, which is too little to filter and
    /// write by itself.
    fn fill(&mut self) -> Result<Option<(usize, bool)>> {
        let mut count = 0;
        loop {
            let space = &mut self.filter.space(CHUNK)[..CHUNK];
            let read = read(&self.from, &mut space[count..], &self.watcher)?;
            match read {
                None if count == 0 => return Ok(None),
                Some(0) | None => return Ok(Some((count, false))),
                Some(read) => count += read,
            }
            if count >= BATCH {
                return Ok(Some((count, true)));
            }
            if !self.is_ready(Duration::ZERO)? {
                return Ok(Some((count, false)));
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        let hits = self.filter.hits();
        self.watcher.found(hits - self.told);
        self.told = hits;
        self.writer.flush(&self.to, &self.watcher)
    }

    /// Whether input, or its end, is there within this time.
    fn is_ready(&self, within: Duration) -> Result<bool> {
        let fds = &mut [PollFd::new(&self.from, PollFlags::IN)];
        wait(fds, Some(within), self.watcher.source())
    }

    /// Waits for input, the bell or the end of the output.
    fn seen(&self, bell: Option<BorrowedFd<'_>>, within: Option<Duration>) -> Result<Seen> {
        let gone = self.watcher.gone();
        let mut fds = vec![PollFd::new(&self.from, PollFlags::IN)];
        let beside = [bell, gone].into_iter().flatten();
        fds.extend(beside.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        wait(&mut fds, within, self.watcher.source())?;
        let woken = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let behind = 1 + usize::from(bell.is_some());
        let from = fds.first().map_or(PollFlags::empty(), PollFd::revents);
        Ok(Seen {
            input: from.contains(PollFlags::IN),
            end: from.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
            rung: bell.is_some() && woken(1),
            gone: gone.is_some() && woken(behind),
        })
    }
}

/// Reads once: `None` if nothing is there.
fn read(from: &impl AsFd, space: &mut [u8], watcher: &impl Watcher) -> Result<Option<usize>> {
    loop {
        match rustix::io::read(from, &mut *space) {
            Ok(read) => return Ok(Some(read)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => return Ok(None),
            // Nobody holds the other side of a pty any more.
            Err(Errno::IO) if watcher.is_terminal() => return Ok(Some(0)),
            Err(e) => return Err(Error::system(&format!("read {}", watcher.source()), e)),
        }
    }
}

/// Whether something comes within this time.
fn wait(fds: &mut [PollFd<'_>], within: Option<Duration>, source: &str) -> Result<bool> {
    let limit =
        within.map(|w| Timespec { tv_sec: w.as_secs() as i64, tv_nsec: w.subsec_nanos().into() });
    loop {
        match poll(fds, limit.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::system(&format!("wait for {source}"), e)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::filter::{Pattern, Patterns};
    use hasp_core::platform;
    use std::cell::Cell;
    use std::io::{Read, Write};
    use std::os::fd::OwnedFd;
    use std::sync::Arc;

    #[derive(Default)]
    struct Counts {
        found: Cell<u64>,
        gone: Option<OwnedFd>,
    }

    impl Watcher for Counts {
        fn source(&self) -> &'static str {
            "a test"
        }

        fn gone(&self) -> Option<BorrowedFd<'_>> {
            self.gone.as_ref().map(AsFd::as_fd)
        }

        fn found(&self, values: u64) {
            self.found.set(self.found.get() + values);
        }
    }

    fn filter() -> Filter {
        let value = Pattern { name: "db/url", value: b"postgres://u:hunter2@db/app" };
        Filter::new(Arc::new(Patterns::compile(&[value])))
    }

    #[test]
    fn a_bell_stops_it_and_what_is_held_goes_out_at_the_end() {
        let (input, into) = platform::pipe().unwrap();
        let (out, output) = platform::pipe().unwrap();
        let (ear, bell) = platform::pipe().unwrap();
        let mut into = std::fs::File::from(into);
        let mut pump = Pump::new(filter(), input, output, Counts::default());
        into.write_all(b"a postgres://u:hunter2@db/app b postgres://u:").unwrap();
        drop(bell);
        assert_eq!(pump.run(Some(ear.as_fd())).unwrap(), Stop::Rung);
        assert_eq!(pump.step(Duration::ZERO, false).unwrap(), Step::Nothing, "somebody may go on");
        assert_eq!(pump.step(Duration::ZERO, true).unwrap(), Step::Read(45));
        assert!(!pump.has_input(Duration::ZERO).unwrap());
        drop(into);
        assert_eq!(pump.run(None).unwrap(), Stop::End);
        pump.finish().unwrap();
        let traffic = pump.traffic();
        assert_eq!(pump.watcher.found.get(), 1);
        drop(pump);
        let mut shown = String::new();
        std::fs::File::from(out).read_to_string(&mut shown).unwrap();
        assert_eq!(shown, "a [hasp:db/url] b postgres://u:");
        assert_eq!(traffic, Traffic { bytes_in: 45, bytes_out: shown.len() as u64 });
    }

    #[test]
    fn without_an_output_nothing_is_read() {
        let (input, into) = platform::pipe().unwrap();
        let (_out, output) = platform::pipe().unwrap();
        let (ear, bell) = platform::pipe().unwrap();
        std::fs::File::from(into).write_all(b"text").unwrap();
        drop(bell);
        let watcher = Counts { gone: Some(ear), ..Counts::default() };
        let mut pump = Pump::new(filter(), input, output, watcher);
        assert_eq!(pump.run(None).unwrap(), Stop::Gone);
        assert_eq!(pump.step(Duration::ZERO, true).unwrap(), Step::Stop(Stop::Gone));
        assert_eq!(pump.traffic(), Traffic::default());
    }

    #[test]
    fn a_reader_that_went_away_ends_it() {
        let (input, into) = platform::pipe().unwrap();
        let (out, output) = platform::pipe().unwrap();
        drop(out);
        std::fs::File::from(into).write_all(b"text\n").unwrap();
        let mut pump = Pump::new(filter(), input, output, Counts::default());
        let error = pump.run(None).unwrap_err();
        assert_eq!(error.kind(), hasp_core::Kind::ClosedPipe);
    }
}
