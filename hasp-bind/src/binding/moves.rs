//! Where a project without consent may have had it before: a directory is bound by its path, so
//! that one that was moved, or is seen through another mount, is a new one. What is found here is
//! read unverified and only ever becomes a line to type; what is typed verifies it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use hasp_core::text::{printable, shell_word};
use hasp_target::Manifest;
use hasp_vault::Vault;

use crate::binding::body::Body;
use crate::binding::store;
use crate::project::Project;

/// A root that had consent and may be this project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Before {
    /// The root as text.
    root: String,
    /// Whether it is gone: moved here, then.
    gone: bool,
}

impl Before {
    /// What happened, in words.
    pub fn text(&self) -> String {
        let root = printable(self.root.as_bytes());
        match self.gone {
            true => format!("{root} was bound and is gone: this seems to be the same project"),
            false => format!("{root} is bound, and is this very directory under another path"),
        }
    }

    /// What to type if that is so.
    pub fn line(&self) -> String {
        match self.gone {
            true => format!("hasp-bind --moved-from {}", shell_word(self.root.as_ref())),
            false => format!("cd {}", shell_word(self.root.as_ref())),
        }
    }
}

/// Where this project, which has no binding of its own, may have been bound before.
pub(crate) fn before(vault: &Vault, project: &Project) -> Option<Before> {
    let own = store::id(&project.root);
    let others = store::all(vault.home()).ok()?.into_iter().filter(|id| *id != own);
    let mut bodies = others.filter_map(|id| {
        let body = Body::unverified(&store::read(vault.home(), &id).ok()??)?;
        // The file is named after the path, so a text that is not the path cannot be typed.
        let is_path = store::id(Path::new(&body.root)) == id;
        (is_path && body.vault == *vault.id()).then_some(body)
    });
    bodies.find_map(|body| {
        let root = Path::new(&body.root);
        if is_same(root, &project.root) {
            return Some(Before { root: body.root, gone: false });
        }
        (is_gone(root, &project.root) && resembles(&body, project))
            .then_some(Before { root: body.root, gone: true })
    })
}

/// Whether nothing is there any more, or a link that leads to where it went.
pub(crate) fn is_gone(old: &Path, new: &Path) -> bool {
    match old.symlink_metadata() {
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
        Ok(meta) => meta.is_symlink() && old.canonicalize().is_ok_and(|real| real == new),
    }
}

/// Two paths of one directory, neither a link: a bind mount.
fn is_same(old: &Path, new: &Path) -> bool {
    let id = |path: &Path| path.symlink_metadata().ok().map(|m| (m.is_dir(), m.dev(), m.ino()));
    matches!((id(old), id(new)), (Some(a), Some(b)) if a.0 && a == b)
}

/// By what was consented to as it stands, else by the name.
fn resembles(body: &Body, project: &Project) -> bool {
    let same = |manifest: &Manifest| {
        let targets = &manifest.targets;
        !targets.is_empty()
            && targets.len() == body.targets.len()
            && targets.iter().all(|(name, target)| {
                body.targets.get(name).is_some_and(|c| c.digest == target.digest())
            })
    };
    project.manifest.as_ref().is_some_and(same) || body.project == project.name
}
