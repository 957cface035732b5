//! What goes out: long pieces from where they were read, short ones collected.

use std::os::fd::AsFd;

use hasp_core::Result;

use crate::filter::pump::watcher::Watcher;

/// Pieces shorter than this are collected, since a system call costs more than copying them.
const DIRECT: usize = 8 * 1024;

/// The output of one stream.
pub(super) struct Writer {
    /// Bytes written so far.
    pub(super) written: u64,
    waiting: Vec<u8>,
    outcome: Result<()>,
}

impl Default for Writer {
    fn default() -> Writer {
        Writer { written: 0, waiting: Vec::new(), outcome: Ok(()) }
    }
}

impl Writer {
    /// Takes a piece of output.
    pub(super) fn take(&mut self, bytes: &[u8], to: &impl AsFd, by: &impl Watcher) {
        if bytes.len() < DIRECT {
            self.waiting.extend_from_slice(bytes);
        } else if self.flush_kept(to, by) {
            self.outcome = by.write(to.as_fd(), bytes);
            self.written += bytes.len() as u64;
        }
    }

    /// Writes what was collected, or says what went wrong before.
    pub(super) fn flush(&mut self, to: &impl AsFd, by: &impl Watcher) -> Result<()> {
        self.flush_kept(to, by);
        std::mem::replace(&mut self.outcome, Ok(()))
    }

    /// Writes what was collected: whether nothing has gone wrong so far.
    fn flush_kept(&mut self, to: &impl AsFd, by: &impl Watcher) -> bool {
        if self.outcome.is_ok() && !self.waiting.is_empty() {
            self.outcome = by.write(to.as_fd(), &self.waiting);
            self.written += self.waiting.len() as u64;
        }
        self.waiting.clear();
        self.outcome.is_ok()
    }
}
