//! Bindings: what a person consented to for one project, in this home, on this machine. A manifest
//! asks; only a binding, signed by the vault, says which reference means which secret and which
//! targets may run as they stand.
#![forbid(unsafe_code)]

mod binding;
pub mod cli;
pub mod code;
mod project;
mod run;
mod verb;

pub use binding::moves::Before;
pub use binding::name::is_everywhere;
pub use binding::{Binding, Consented};
pub use project::Project;
