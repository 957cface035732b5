//! Linux: what it does better than POSIX, and what only it can tell.

mod confine;
mod findings;
mod kernel;
mod memory;
mod place;
mod process;
mod swap;
mod tree;

pub use confine::confine;
pub use findings::findings;
pub use kernel::*;
pub use memory::*;
pub use place::*;
pub use process::*;
pub use swap::swaps;
pub use tree::{enter, set_mode};
