//! An event that any number of threads wait for together with their input: the end of a pipe, which
//! poll(2) can watch.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use hasp_core::{Error, Result, platform};

/// Rings when it is dropped, for good.
pub(crate) struct Bell(#[allow(dead_code, reason = "what counts is that it closes")] OwnedFd);

/// Who hears it: ready for reading once the bell has rung.
#[derive(Clone)]
pub(crate) struct Ear(Arc<OwnedFd>);

/// A new bell.
pub(crate) fn bell() -> Result<(Bell, Ear)> {
    let (ear, bell) = platform::pipe().map_err(|e| Error::system("make a pipe", e))?;
    Ok((Bell(bell), Ear(Arc::new(ear))))
}

impl AsFd for Ear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
