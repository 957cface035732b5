//! The encrypted store of hasp: age files under signed records, pinned by the home. It returns
//! values to who can unlock it, or who holds a value's file key, and decides nothing.
#![forbid(unsafe_code)]

mod asker;
mod backup;
mod captured;
mod cli;
pub mod code;
mod crypto;
mod denial;
mod export;
mod format;
mod fsck;
mod import;
mod init;
mod item;
mod join;
mod open;
mod recipients;
mod rotate;
mod run;
mod trusted;
mod verb;

pub use asker::asker;
pub use backup::Staged;
// For the fuzz target alone.
#[doc(hidden)]
pub use backup::tar;
pub use cli::Cli;
pub use crypto::age_file;
pub use crypto::file_key::FileKey;
pub use crypto::keys::Keys;
pub use crypto::recipient::Recipient;
pub use denial::record_denial;
pub use format::allow::Allow;
pub use format::expiry::expiry_notice;
pub use format::item::{Item, State};
pub use format::rotation::Every;
pub use format::settings::Settings;
pub use format::signed;
pub use format::version::Version;
pub use format::{public_key, signed::Label};
pub use fsck::check as fsck;
pub use hasp_core::VaultId;
pub use item::set::SetOptions;
pub use open::identity::Identity;
pub use open::unlocked::Unlocked;
pub use open::vault::Vault;
pub use recipients::Change;
