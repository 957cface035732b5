//! The verbs of hasp-vault, one subject a file: what is printed and asked is decided here, the rest in the library.

pub mod check;
pub mod completions;
pub mod deposit;
pub mod destroy;
pub mod export;
pub mod generate;
pub mod import;
pub mod inbox;
pub mod init;
pub mod input;
pub mod key;
pub mod list;
pub mod read;
pub mod revoke;
pub mod set;
pub mod show;
pub mod status;
