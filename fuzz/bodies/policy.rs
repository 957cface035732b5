//! A policy as anybody may have written it: read or refused with its place, and never wider than
//! what holds without it.

use std::path::Path;

use hasp_core::{Class, Policy};

/// The text of a `policy.toml`.
pub fn policy(data: &[u8]) {
    match Policy::parse(data, Path::new("/nonexistent/policy.toml")) {
        Err(error) => assert!(error.message().starts_with("/nonexistent/policy.toml:")),
        Ok(policy) => {
            for class in Class::ALL {
                let (own, limits) = (Policy::default().limits(class), policy.limits(class));
                assert!(limits.window.value <= own.window.value);
                assert!(limits.deliver.value.is_subset(&own.deliver.value));
                assert!(limits.raw.value <= own.raw.value);
                assert!(limits.any_command.value <= own.any_command.value);
            }
        }
    }
}
