//! A vault that is open: located and pinned, unlocked, or held by its one writer. Everything that
//! is done with a vault begins with one of these three.

pub mod batch;
pub mod fault;
pub mod gitattributes;
pub mod identity;
pub mod names;
pub mod new_log;
pub mod public;
pub mod replay;
pub mod unlocked;
pub mod vault;
pub mod writer;
