//! What every system has, by POSIX alone. `unsafe` is here and in its neighbours for the calls that
//! rustix does not offer, or only so.

pub mod children;
pub mod descriptors;
pub mod exec;
pub mod guard;
pub mod memory;
pub mod pages;
pub mod questions;
pub mod signals;
pub mod terminal;
pub mod tree;
pub mod zones;
