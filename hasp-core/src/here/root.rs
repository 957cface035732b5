//! Where a project begins: looked for upwards, as far as directories are ours.

use std::path::{Path, PathBuf};

use super::binding::{binding_id, binding_path, is_shared};
use crate::error::Result;
use crate::home::Home;
use crate::project::{GIT, MANIFEST};
use crate::tree;
use crate::trust;

/// The root of the project that `start`, a real path, belongs to: the nearest directory upwards
/// with a manifest, else the nearest bound one, else the git root. The search does not leave the
/// directories that are ours, root's, or of whom `start` belongs to, but for a root that is bound
/// as shared.
///
/// # Errors
/// `Kind::Io` where it cannot be seen what is there.
pub fn root(home: &Home, start: &Path) -> Result<Option<PathBuf>> {
    let frontier = trust::frontier(start);
    let within = |dir: &&Path| frontier.as_ref().is_none_or(|f| !f.path.starts_with(dir));
    let ways: Vec<&Path> = start.ancestors().take_while(within).collect();
    let ours: [&dyn Fn(&Path) -> PathBuf; 3] =
        [&|dir| dir.join(MANIFEST), &|dir| binding_path(home, &binding_id(dir)), &|dir| {
            dir.join(GIT)
        }];
    for sign in ours {
        if let Some(root) = nearest(&ways, |dir| tree::is_there(&sign(dir)))? {
            return Ok(Some(root));
        }
    }
    match frontier {
        Some(_) => nearest(&start.ancestors().collect::<Vec<_>>(), |dir| is_shared(home, dir)),
        None => Ok(None),
    }
}

/// The first of these directories that is so.
fn nearest(dirs: &[&Path], so: impl Fn(&Path) -> Result<bool>) -> Result<Option<PathBuf>> {
    for dir in dirs {
        if so(dir)? {
            return Ok(Some((*dir).to_owned()));
        }
    }
    Ok(None)
}
