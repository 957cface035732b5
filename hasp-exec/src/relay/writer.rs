//! What goes out: long pieces from where they were read, short ones collected.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use hasp_core::Result;
use hasp_core::output::{settle, write_all};

use crate::relay::console::Console;

/// Pieces shorter than this are collected, since a system call costs more than copying them.
const DIRECT: usize = 8 * 1024;

/// The output of one stream.
pub(crate) struct Writer {
    to: OwnedFd,
    /// How to write, if that is our terminal and what comes is from the child's.
    console: Option<Arc<dyn Console>>,
    waiting: Vec<u8>,
    outcome: Result<()>,
}

impl Writer {
    /// Nothing is written so far.
    pub(crate) fn new(to: OwnedFd, console: Option<Arc<dyn Console>>) -> Writer {
        Writer { to, console, waiting: Vec::new(), outcome: Ok(()) }
    }

    /// Takes a piece of output.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        if bytes.len() < DIRECT {
            self.waiting.extend_from_slice(bytes);
        } else if self.flush_kept() {
            self.outcome = self.write(bytes);
        }
    }

    /// Writes what was collected, or says what went wrong before.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.flush_kept();
        std::mem::replace(&mut self.outcome, Ok(()))
    }

    /// After the last flush: whether all has arrived, as far as that can be told.
    pub(crate) fn finish(&mut self) -> Result<()> {
        settle(&self.to)
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
        match &self.console {
            Some(console) => console.write(&self.to, bytes),
            None => write_all(&self.to, bytes),
        }
    }
}
