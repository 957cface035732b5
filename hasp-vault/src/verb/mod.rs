//! The verbs of hasp-vault, one subject a file: what is printed and asked is decided here, the rest in the library.

pub mod check;
pub mod completions;
pub mod init;
pub mod input;
pub mod key;
pub mod list;
pub mod read;
pub mod set;
pub mod show;
pub mod status;
