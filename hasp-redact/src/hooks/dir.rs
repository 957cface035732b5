//! Where the hooks of a repository are: its own directory, the common one of work trees, a
//! submodule's, `core.hooksPath`, or husky's.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::code;
use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, sibling};

use crate::cli::Hook;
use crate::git::{Git, output};

/// Who else looks after the hooks there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookManager {
    /// Nobody: each hook is a file of its own.
    Plain,
    /// husky, which calls the file of the same name in the repository.
    Husky,
}

/// Where hooks are written.
#[derive(Clone, Debug)]
pub(crate) struct HookDir {
    /// The directory.
    pub dir: PathBuf,
    /// Who else looks after it.
    pub manager: HookManager,
    /// The program that they call.
    pub program: PathBuf,
    /// Whether other repositories have the same directory.
    pub shared: bool,
    /// Whether there is no work tree, so that nothing is committed here.
    pub bare: bool,
}

impl HookDir {
    /// Where the hooks of the repository of this directory are.
    ///
    /// # Errors
    /// `[no-repository]`; `[hooks-off]` if `core.hooksPath` leads to no directory.
    pub fn find(git: &Git) -> Result<HookDir> {
        let ask = |words: &[&str]| output(&mut git.telling_hooks(words)).map(|text| path(&text));
        let mut dir =
            git.dir().join(ask(&["rev-parse", "--path-format=absolute", "--git-path", "hooks"])?);
        let common = ask(&["rev-parse", "--path-format=absolute", "--git-common-dir"])?;
        let bare = ask(&["rev-parse", "--is-bare-repository"])?.as_os_str() == "true";
        let top = if bare {
            common.clone()
        } else {
            ask(&["rev-parse", "--path-format=absolute", "--show-toplevel"])?
        };
        if dir.symlink_metadata().is_ok_and(|_| !dir.is_dir()) {
            let shown = printable_path(&dir);
            return Err(Error::new(
                Kind::Denied,
                code::HOOKS_OFF,
                format!("core.hooksPath is {shown}, which is no directory"),
            )
            .hint(
                "git runs no hooks here; if that is not meant: git config --unset core.hooksPath",
            ));
        }
        // husky 9 has its own files in .husky/_, which it writes again; what they call is one
        // directory above.
        let mut manager = HookManager::Plain;
        if dir.ends_with(".husky/_") {
            dir.pop();
            manager = HookManager::Husky;
        } else if dir.ends_with(".husky") {
            manager = HookManager::Husky;
        }
        let shared = !dir.starts_with(&common) && !dir.starts_with(&top);
        Ok(HookDir { dir, manager, program: sibling::path("hasp-redact")?, shared, bare })
    }

    /// The hooks that make sense here.
    pub fn hooks(&self) -> &'static [Hook] {
        if self.bare { &[Hook::PrePush] } else { &Hook::ALL }
    }
}

fn path(text: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(text.strip_suffix(b"\n").unwrap_or(text))).to_owned()
}
