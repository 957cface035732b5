//! Random bytes of the kernel, and one error where there are none: nothing is drawn from anything
//! else.

use crate::code;
use crate::error::{Error, Kind, Result};

/// Fills the buffer.
///
/// # Errors
/// `[random]`.
pub fn fill(buffer: &mut [u8]) -> Result<()> {
    getrandom::fill(buffer).map_err(|e| {
        Error::new(Kind::Io, code::RANDOM, format!("the system gives no random bytes: {e}"))
    })
}
