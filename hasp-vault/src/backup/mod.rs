//! The whole vault in one age file, and back. What is in it is what lies in the vault, ciphertext
//! and signed records, as a tar archive that any `age` and `tar` take apart; never a grant, which
//! lives elsewhere and dies with the boot.

mod merge;
mod restore;
pub mod tar;
mod write;

pub use merge::Report;
pub use restore::Staged;

pub(crate) use restore::STAGING;
