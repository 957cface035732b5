//! Values as strings to search for: which ones, how encoders spell them, and which are too common
//! to be searched for.

pub(crate) mod needle;
pub(crate) mod rare;
pub(crate) mod spell;
