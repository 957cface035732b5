//! The granted action: which program runs with which code, and how values reach it. What can be
//! known beforehand is refused before a grant is minted, and again before one is spent.

pub(crate) mod control;
pub(crate) mod delivery;
pub(crate) mod files;
pub(crate) mod pins;
pub(crate) mod program;
pub(crate) mod runners;
