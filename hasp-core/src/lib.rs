//! What every hasp tool must agree on to the byte, and nothing else.
//!
//! A thing is admitted here only if at least three tools must agree on it: error kinds and exit
//! codes, file discipline, names, the [`Secret`] type, sources of values, terminal handling, time.
//! There is no command and no cryptography in this crate, and of policy what `policy.toml` says and
//! what holds without it: the tools that must agree on it decide by it.
#![deny(unsafe_code)]

pub mod class;
pub mod code;
mod complete;
pub mod descriptors;
pub mod dotenv;
pub mod environ;
pub mod error;
pub mod files;
mod habit;
pub mod here;
pub mod hexid;
pub mod home;
mod kind;
pub mod layout;
pub mod lead;
pub mod lock;
pub mod name;
pub mod named;
pub mod output;
#[allow(unsafe_code)]
pub mod platform;
pub mod policy;
pub mod project;
pub mod random;
pub mod secret;
pub mod sibling;
pub mod source;
pub mod suggest;
pub mod terminal;
pub mod text;
pub mod time;
pub mod tool;
pub mod tree;
pub mod trust;
mod usage;
pub mod var;

pub use class::Class;
pub use code::Code;
pub use environ::Environ;
pub use error::{Error, Result, cause_text, hint};
pub use here::Here;
pub use hexid::{GrantId, LogId, VaultId};
pub use home::{Home, Runtime};
pub use kind::Kind;
pub use name::{SecretName, VersionedName};
pub use output::Output;
pub use policy::Policy;
pub use secret::Secret;
pub use source::Source;
pub use time::Timestamp;
pub use var::Var;
