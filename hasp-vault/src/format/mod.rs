//! What lies on disk, to the byte: signed records, their bodies, the list of known vaults, the
//! serials that were seen.

pub mod allow;
pub mod body;
pub mod events;
pub mod expiry;
pub mod item;
pub mod known;
pub mod public_key;
pub mod rotation;
pub mod seen;
pub mod settings;
pub mod signed;
pub mod value_kind;
pub mod version;
