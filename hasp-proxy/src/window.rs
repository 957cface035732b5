//! Whether the grant still lives: its window by both clocks, and the file that revoking it unlinks.

use std::os::fd::OwnedFd;

use hasp_core::time::boot_seconds;
use hasp_core::{Result, Timestamp, platform};

use crate::refusal::Refusal;

/// The life of the grant.
pub struct Window {
    expires: Timestamp,
    /// By the clock that counts sleep and cannot be set.
    boot: u64,
    live: Option<OwnedFd>,
}

impl Window {
    /// One that ends then, by either clock, or as soon as the file on this descriptor has no name.
    ///
    /// # Errors
    /// If the descriptor is not open.
    pub fn new(expires: Timestamp, boot: u64, live: Option<i32>) -> Result<Window> {
        let open = |number| {
            platform::duplicate(number)
                .map_err(|e| hasp_core::Error::system("open the file of the grant's life", e))
        };
        Ok(Window { expires, boot, live: live.map(open).transpose()? })
    }

    /// Whether a request may be made now.
    ///
    /// # Errors
    /// Revoked, expired; what cannot be told counts as revoked.
    pub fn check(&self) -> std::result::Result<(), Refusal> {
        let linked = |file: &OwnedFd| rustix::fs::fstat(file).is_ok_and(|stat| stat.st_nlink > 0);
        if !self.live.as_ref().is_none_or(linked) {
            return Err(Refusal::Revoked);
        }
        if Timestamp::now() >= self.expires || boot_seconds() >= self.boot {
            return Err(Refusal::Expired);
        }
        Ok(())
    }
}
