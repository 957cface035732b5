//! Who can open the vault, changed: everything is encrypted again, and all of it takes effect in
//! one step. Whoever leaves keeps what he had; so a removal also makes a new root, under which
//! nothing that he knows signs or fingerprints anything.

mod change;
pub(crate) mod pin;
mod reencrypt;

pub use change::{Change, Outcome};

pub(crate) use reencrypt::Reencrypt;
