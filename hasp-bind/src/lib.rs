//! Bindings: what a person consented to for one project, in this home, on this machine. A manifest
//! asks; only a binding, signed by the vault, says which reference means which secret and which
//! targets may run as they stand.
#![forbid(unsafe_code)]

mod binding;
mod body;
pub mod cli;
mod events;
mod name;
mod project;
mod proposal;
mod run;
mod shown;
mod store;
mod verb;

pub use binding::{Binding, Consented};
pub use name::is_everywhere;
pub use project::Project;
