//! The leak watch: what is kept of values so that they can be recognised in files and commits while
//! the vault is locked, and nothing from which they could be read.

pub(crate) mod fingerprint;
pub(crate) mod key;
pub(crate) mod mark;
pub(crate) mod store;

pub(crate) use fingerprint::{Kept, unwatched};
pub(crate) use key::Key;
pub use mark::{Unwatched, judge, judge_parts};
pub use store::{Rebuilt, Watch};
