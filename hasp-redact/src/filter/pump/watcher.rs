//! What differs from one stream to the next, for whoever pumps it.

use std::os::fd::BorrowedFd;

use hasp_core::Result;
use hasp_core::output::write_all;

/// What goes on beside a stream.
pub trait Watcher {
    /// What is read, as an error names it.
    fn source(&self) -> &'static str;

    /// Whether a terminal is read, whose end is EIO.
    fn is_terminal(&self) -> bool {
        false
    }

    /// Whether what comes now may be the echo of a key.
    fn is_typing(&self) -> bool {
        false
    }

    /// Can be read once there is nowhere to write to any more.
    fn gone(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// So many values more were found in what has just been written.
    fn found(&self, _values: u64) {}

    /// Writes all of these bytes.
    ///
    /// # Errors
    /// `Kind::ClosedPipe` if the reader went away, `Kind::Io` for other failures.
    fn write(&self, to: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
        write_all(to, bytes)
    }
}
