//! Where a project begins: looked for upwards, as far as directories are ours.

use std::path::{Path, PathBuf};

use super::binding::{binding_id, binding_path, is_shared};
use crate::error::Result;
use crate::home::Home;
use crate::project::{GIT, MANIFEST};
use crate::tree;
use crate::trust::{self, Stranger};

/// The root of the project that `start`, a real path, belongs to: the nearest directory upwards
/// with a manifest, else the nearest bound one, else the git root. The search does not leave the
/// directories that are ours, root's, or of whom `start` belongs to, but for a root that is bound
/// as shared.
///
/// # Errors
/// `Kind::Io` where it cannot be seen what is there.
pub fn root(home: &Home, start: &Path) -> Result<Option<PathBuf>> {
    let frontier = trust::frontier(start);
    let ways = ways(start, frontier.as_ref());
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

/// The nearest manifest from `start`, a real path, upwards, as far as [`root`] searches: for
/// whoever wants to read it and needs no home for that.
///
/// # Errors
/// `Kind::Io` where it cannot be seen what is there.
pub fn manifest(start: &Path) -> Result<Option<PathBuf>> {
    let ways = ways(start, trust::frontier(start).as_ref());
    let dir = nearest(&ways, |dir| tree::is_there(&dir.join(MANIFEST)))?;
    Ok(dir.map(|dir| dir.join(MANIFEST)))
}

/// The directories upwards that are searched: those before the frontier.
fn ways<'a>(start: &'a Path, frontier: Option<&Stranger>) -> Vec<&'a Path> {
    let within = |dir: &&Path| frontier.is_none_or(|f| !f.path.starts_with(dir));
    start.ancestors().take_while(within).collect()
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
