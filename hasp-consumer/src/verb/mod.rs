//! One file a verb.

pub(crate) mod add;
pub(crate) mod change;
pub(crate) mod edit;
pub(crate) mod list;
pub(crate) mod remove;
pub(crate) mod show;
pub(crate) mod whoami;
