//! The loop of the stand-alone filter: one buffer, plain read and write. A clean chunk is written
//! from where it was read; no splice, because a page could change between the search and the
//! forwarding.

use std::os::fd::AsFd;

use hasp_core::output::{settle, write_all};
use hasp_core::{Error, Result, platform};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::filter::{Filter, IDLE_MS};

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// Pieces shorter than this are collected, since a system call costs more than copying them.
const DIRECT: usize = 8 * 1024;

/// The capacity that is asked for where a pipe lends itself to it.
const PIPE: usize = 1 << 20;

/// From this many bytes on a read is taken as part of a burst.
const BUSY: usize = 16 * 1024;

const NOTHING: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
/// How long the rest of a burst is waited for: far below what a person notices.
const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000 };
const SILENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: IDLE_MS as i64 * 1_000_000 };

/// Bytes read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
}

/// Filters `input` to `output` until the input ends.
///
/// # Errors
/// `Kind::ClosedPipe` if the reader went away, `Kind::Io` for other failures.
pub fn pump(filter: &mut Filter, input: impl AsFd, output: impl AsFd) -> Result<Traffic> {
    for fd in [input.as_fd(), output.as_fd()] {
        // More than the default of 64 KiB saves system calls; a limit on the user's pipes may
        // forbid it.
        platform::widen(fd, PIPE);
    }
    let mut writer = Writer { output, waiting: Vec::new(), written: 0, outcome: Ok(()) };
    let mut bytes_in = 0;
    let mut rested = false;
    loop {
        if filter.held() > 0 && !rested && !ready(&input, Some(SILENCE))? {
            filter.idle_with(|bytes| writer.take(bytes));
            writer.flush()?;
            rested = true;
            continue;
        }
        let count = match rustix::io::read(&input, &mut *filter.space(CHUNK)) {
            Ok(0) => break,
            Ok(count) => count,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                ready(&input, None)?;
                continue;
            }
            Err(e) => return Err(Error::system("read input", e)),
        };
        bytes_in += count as u64;
        rested = false;
        // A stream that brought so much will soon bring more: a moment's wait saves looking for
        // what must be held back.
        let busy = count >= BUSY;
        filter.filled(count, busy || ready(&input, Some(NOTHING))?, |bytes| writer.take(bytes));
        writer.flush()?;
        if busy && !ready(&input, Some(MOMENT))? {
            filter.pause_with(|bytes| writer.take(bytes));
            writer.flush()?;
        }
    }
    filter.finish_with(|bytes| writer.take(bytes));
    writer.flush()?;
    settle(&writer.output)?;
    Ok(Traffic { bytes_in, bytes_out: writer.written })
}

/// Whether there is input, or its end, within this time.
fn ready(input: &impl AsFd, wait: Option<Timespec>) -> Result<bool> {
    loop {
        match poll(&mut [PollFd::new(input, PollFlags::IN)], wait.as_ref()) {
            Ok(count) => return Ok(count > 0),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Error::system("wait for input", e)),
        }
    }
}

struct Writer<O> {
    output: O,
    waiting: Vec<u8>,
    written: u64,
    outcome: Result<()>,
}

impl<O: AsFd> Writer<O> {
    fn take(&mut self, bytes: &[u8]) {
        if bytes.len() < DIRECT {
            self.waiting.extend_from_slice(bytes);
            return;
        }
        if self.outcome.is_ok() {
            self.outcome = self.flush();
        }
        if self.outcome.is_ok() {
            self.outcome = write_all(&self.output, bytes);
            self.written += bytes.len() as u64;
        }
    }

    /// Writes what was collected, or says what went wrong before.
    fn flush(&mut self) -> Result<()> {
        std::mem::replace(&mut self.outcome, Ok(()))?;
        write_all(&self.output, &self.waiting)?;
        self.written += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}
