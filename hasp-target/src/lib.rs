//! Targets: the named workflows of a project's `hasp.toml`, what each one needs and how it is
//! delivered.
//!
//! The manifest belongs to the repository and may be written by anybody: it approves nothing, holds
//! no value, and is read as untrusted text. What a person consented to is compared by
//! [`Target::digest`].
#![forbid(unsafe_code)]

mod add;
mod braces;
mod changes;
mod check;
pub mod cli;
mod delivery;
mod dotenv;
mod edit;
mod examples;
mod excerpt;
mod explain;
mod fault;
mod fields;
pub mod loaders;
mod manifest;
mod run;
mod starter;
mod suspicion;
mod target;
mod template;
mod text;
mod variable;

pub use changes::{changes, lines};
pub use delivery::{Channel, Delivery, check_deliveries};
pub use explain::{MAKE, names_make};
pub use manifest::{FILE_NAME, MAX_SIZE, Manifest, RefSpec};
pub use suspicion::{Suspicion, suspicion};
pub use target::{MAX_TEMPLATES, Target};
pub use template::{Filter, MAX_TEMPLATE, Part, Template};
pub use variable::{check_kept, check_passed, check_variable, fate};
