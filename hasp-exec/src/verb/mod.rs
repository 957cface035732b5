//! The verbs: what the command line asks for, one file each.

pub mod explain;
