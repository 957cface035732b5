//! Exchanging a value in two phases: the new one is staged and tested beside the old one, promoted,
//! and the old one is kept until it was taken back at the provider. Each step is one signed record,
//! so that a crash leaves the state before it or the one after.

pub mod approval;
pub mod lock;
pub mod program;
pub mod steps;
