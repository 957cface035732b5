//! The verbs: what the command line asks for, one file each.

pub(crate) mod explain;
pub(crate) mod run;
