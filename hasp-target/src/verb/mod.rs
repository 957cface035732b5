//! One file a verb.

pub(crate) mod add;
pub(crate) mod check;
pub(crate) mod examples;
pub(crate) mod explain;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod show;
