//! What is done with single secrets: stored, made, taken back, settled after a merge, deposited.
//! Each change is one signed record, or one journal of several.

pub mod batch;
pub mod generate;
pub mod inbox;
pub mod resolve;
pub(crate) mod retain;
pub mod revoke;
pub mod set;
