//! What the child's terminal has that a pipe has not: somebody who types, line ends that change on
//! the way, and an end of its own.

use std::os::fd::BorrowedFd;

use hasp_core::Result;

use crate::relay::bell::Ear;

/// The terminal that a stream comes from and the one that it goes to.
pub(crate) trait Console: Send + Sync {
    /// Whether what the child writes now may be the echo of a key.
    fn is_typing(&self) -> bool;

    /// Rings when the terminal is gone to which the stream goes.
    fn hung(&self) -> &Ear;

    /// The stream could not be written.
    fn lost(&self);

    /// Writes these bytes to a descriptor of the terminal.
    fn write(&self, to: BorrowedFd<'_>, bytes: &[u8]) -> Result<()>;
}
