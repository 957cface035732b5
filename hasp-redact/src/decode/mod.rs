//! Reading text as somebody's encoding of something, without knowing of what.

pub(crate) mod alphabet;
pub(crate) mod ansi;
pub(crate) mod cost;
pub(crate) mod entity;
pub(crate) mod join;
pub(crate) mod layer;
pub(crate) mod parts;
pub(crate) mod text;
pub(crate) mod unit;
pub(crate) mod units;
