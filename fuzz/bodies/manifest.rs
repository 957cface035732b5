//! A manifest from a project that nobody has looked at: read or refused, with a message that can
//! be printed.

use std::path::Path;

use hasp_target::Manifest;

/// The text of a `hasp.toml`, in a directory without templates.
pub fn manifest(data: &[u8]) {
    if let Err(error) = Manifest::parse(data, Path::new("/nonexistent/hasp.toml")) {
        assert!(!error.to_string().is_empty());
    }
}
