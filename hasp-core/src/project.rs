//! What makes a directory a project, by name alone.

use std::path::{Path, PathBuf};

/// The file that makes a directory a project.
pub const MANIFEST: &str = "hasp.toml";
/// What makes a directory the root of a git repository.
pub const GIT: &str = ".git";

/// The nearest project that a path lies in, which need not exist. Whatever is there is committed
/// one day, or cleaned away.
pub fn around(path: &Path) -> Option<PathBuf> {
    let existing = path.ancestors().skip(1).find_map(|dir| dir.canonicalize().ok())?;
    let is_root =
        |dir: &&Path| [MANIFEST, GIT].iter().any(|name| dir.join(name).symlink_metadata().is_ok());
    existing.ancestors().find(is_root).map(Path::to_owned)
}
