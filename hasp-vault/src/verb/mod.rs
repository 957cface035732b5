//! The verbs of hasp-vault, one subject a file: what is printed and asked is decided here, the rest
//! in the library.

pub mod backup;
pub mod check;
pub mod deposit;
pub mod destroy;
pub mod export;
pub mod fsck;
pub mod generate;
pub mod grants;
pub mod identity;
pub mod import;
pub mod import_report;
pub mod inbox;
pub mod init;
pub mod input;
pub mod join;
pub mod key;
pub mod list;
pub mod names;
pub mod own;
pub mod passphrase;
pub mod progress;
pub mod read;
pub mod recipients;
pub mod recovery;
pub mod remember;
pub mod resolve;
pub mod revoke;
pub mod rotate;
pub mod set;
pub mod show;
pub mod status;
pub mod watch;
