//! Who can open the vault, changed: everything is encrypted anew, and all of it takes effect in one
//! step. Whoever leaves keeps what he had; so a removal also makes a new root, under which nothing
//! that he knows signs or fingerprints anything.

mod anew;
mod change;
pub(crate) mod journal;
pub(crate) mod pin;

pub use change::{Change, Outcome};

pub(crate) use anew::Anew;
