//! Values from elsewhere: each format gives the same list of keys and values, and names what it
//! cannot read by place, never by content.

pub mod dotenv;
pub mod json;
pub mod pass;

use hasp_core::{Error, Kind, Secret};

use crate::code;

/// The largest input, in bytes.
pub const MAX_INPUT: usize = 64 << 20;

/// One value of an input.
#[derive(Debug)]
pub struct Entry {
    /// The variable of a `.env` file, the path of keys in JSON, the name in a tree.
    pub key: String,
    /// The value.
    pub value: Secret,
}

/// The error for a place in an input.
pub(crate) fn unreadable(place: &str, why: &str) -> Error {
    Error::new(
        Kind::Data,
        code::BAD_IMPORT,
        format!("{place}: {why} (not shown: it may be a value); nothing was imported"),
    )
}
