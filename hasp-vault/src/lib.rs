//! The encrypted store of hasp: age files under signed records, pinned by the home. It returns
//! values to who can unlock it, or who holds a value's file key, and decides nothing.
#![forbid(unsafe_code)]

pub mod backup;
pub mod batch;
pub mod cli;
pub mod crypto;
pub mod export;
pub mod format;
pub mod fsck;
pub mod generate;
pub mod import;
pub mod inbox;
pub mod init;
pub mod join;
pub mod names;
pub mod new_log;
pub mod recipients;
pub mod resolve;
pub mod rotate;
pub mod set;
pub mod unlocked;
pub mod vault;
pub mod withdraw;
pub mod writer;

mod events;
mod run;
mod trusted;
mod verb;

pub use crypto::file_key::FileKey;
pub use format::class::{Allow, Class};
pub use format::expiry::expiry_notice;
pub use format::id::VaultId;
pub use format::item::{Item, State};
pub use format::record;
pub use format::rotation::Every;
pub use format::version::Version;
pub use set::SetOptions;
pub use unlocked::Unlocked;
pub use vault::Vault;
