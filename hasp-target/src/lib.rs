//! Targets: the named workflows of a project's `hasp.toml`, what each one needs and how it is
//! delivered.
//!
//! The manifest belongs to the repository and may be written by anybody: it approves nothing, holds
//! no value, and is read as untrusted text. What a person consented to is compared by
//! [`Target::digest`].
#![forbid(unsafe_code)]

pub mod cli;
pub mod code;
mod edit;
mod manifest;
mod program;
pub mod route;
mod run;
mod verb;

pub use manifest::Manifest;
pub use manifest::changes::{changes, lines};
pub use manifest::delivery::{Channel, Delivery, check_deliveries};
pub use manifest::filter::Filter;
pub use manifest::loaders::{Fate, TABLE, make_flags};
pub use manifest::reference::RefSpec;
pub use manifest::suspicion::{Suspicion, suspicion};
pub use manifest::target::{MAX_TEMPLATES, Target};
pub use manifest::template::{MAX_TEMPLATE, Part, Template};
pub use manifest::text::{FILE_NAME, MAX_SIZE};
pub use manifest::variable::{check_kept, check_passed, check_variable, fate};
pub use program::files::named as named_files;
pub use program::runners::{any_code, runs_its_words};
pub use program::warnings::{Meant, Subject, loud, warnings};
pub use program::{
    check as check_program, find as find_program, foreign as foreign_file,
    stranger as file_stranger,
};
