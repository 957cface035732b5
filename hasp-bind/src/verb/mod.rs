//! One file a verb.

pub(crate) mod add;
pub(crate) mod consent;
pub(crate) mod drop;
pub(crate) mod list;
pub(crate) mod moved;
pub(crate) mod remove;
