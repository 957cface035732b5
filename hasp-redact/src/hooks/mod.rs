//! The hooks of a repository: where they are, what is written there, and how what was there before
//! is kept.

mod dir;
mod husky;
pub(crate) mod kept;
mod memory;
pub(crate) mod message;
pub(crate) mod pushed;
mod script;
mod tracked;

pub(crate) use dir::{HookDir, HookManager};
pub(crate) use memory::Memory;

use std::path::{Path, PathBuf};

use crate::code;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Error, Kind, Result};

use crate::cli::Hook;

/// What a kept hook is called besides.
const KEPT: &str = ".before-hasp";

/// What stands where a hook belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Absent,
    /// Somebody else's hook.
    Foreign,
    /// Ours.
    Ours,
    /// Ours, which calls another one first.
    Chained,
    /// Ours, of another version or for another program.
    Outdated,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Absent => "not installed",
            State::Foreign => "another hook",
            State::Ours => "installed",
            State::Chained => "installed, behind the hook that was there",
            State::Outdated => "installed by another version",
        }
    }

    /// Whether it scans.
    pub fn scans(self) -> bool {
        matches!(self, State::Ours | State::Chained | State::Outdated)
    }
}

impl Hook {
    /// All that there are.
    pub(crate) const ALL: [Hook; 3] = [Hook::PreCommit, Hook::CommitMsg, Hook::PrePush];

    /// Its file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Hook::PreCommit => "pre-commit",
            Hook::CommitMsg => "commit-msg",
            Hook::PrePush => "pre-push",
        }
    }

    /// What it is a hook of.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Hook::PreCommit | Hook::CommitMsg => "git commit",
            Hook::PrePush => "git push",
        }
    }
}

impl HookDir {
    /// What stands there for this hook.
    pub fn state(&self, hook: Hook) -> State {
        let Ok(text) = std::fs::read_to_string(self.file(hook)) else {
            return if self.file(hook).symlink_metadata().is_ok() {
                State::Foreign
            } else {
                State::Absent
            };
        };
        match self.manager {
            HookManager::Husky if husky::has(&text, hook) => State::Ours,
            HookManager::Husky => State::Foreign,
            HookManager::Plain if !script::is_ours(&text) => State::Foreign,
            HookManager::Plain if text != self.text(hook, &script::memory(&text)) => {
                State::Outdated
            }
            HookManager::Plain if self.kept(hook).exists() => State::Chained,
            HookManager::Plain => State::Ours,
        }
    }

    /// Writes the hook; one that is there is kept and will be called first.
    ///
    /// # Errors
    /// `[exists]` if a kept one would be lost.
    pub fn install(&self, hook: Hook, memory: &Memory) -> Result<()> {
        std::fs::create_dir_all(&self.dir).map_err(|e| Error::io("create", &self.dir, e))?;
        let path = self.file(hook);
        if self.manager == HookManager::Husky {
            let before = read_if_present(&path)?;
            return write(&path, &husky::added(&before, hook));
        }
        if self.state(hook) == State::Foreign {
            let kept = self.kept(hook);
            if kept.symlink_metadata().is_ok() {
                let (shown, typed) = (printable_path(&kept), shell_word(kept.as_os_str()));
                return Err(Error::new(
                    Kind::Create,
                    code::EXISTS,
                    format!("{shown} is there already"),
                )
                .hint(format!("look at it, then move it away: mv {typed} {typed}.old")));
            }
            std::fs::rename(&path, &kept).map_err(|e| Error::io("rename", &path, e))?;
        }
        write(&path, &self.text(hook, memory))
    }

    /// What the hook remembers.
    pub fn memory(&self, hook: Hook) -> Memory {
        script::memory(&std::fs::read_to_string(self.file(hook)).unwrap_or_default())
    }

    fn text(&self, hook: Hook, memory: &Memory) -> String {
        script::text(hook, &self.program, memory)
    }

    /// Takes the hook away and puts back what was there; whether it was there.
    pub fn remove(&self, hook: Hook) -> Result<bool> {
        let path = self.file(hook);
        if !self.state(hook).scans() {
            return Ok(false);
        }
        if self.manager == HookManager::Husky {
            let rest = husky::removed(&read_if_present(&path)?, hook);
            return if rest.trim().is_empty() { delete(&path) } else { write(&path, &rest) }
                .map(|()| true);
        }
        let kept = self.kept(hook);
        if kept.symlink_metadata().is_ok() {
            std::fs::rename(&kept, &path).map_err(|e| Error::io("rename", &kept, e))?;
        } else {
            delete(&path)?;
        }
        Ok(true)
    }

    fn file(&self, hook: Hook) -> PathBuf {
        self.dir.join(hook.name())
    }

    fn kept(&self, hook: Hook) -> PathBuf {
        self.dir.join(format!("{}{KEPT}", hook.name()))
    }
}

fn read_if_present(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        other => other.map_err(|e| Error::io("read", path, e)),
    }
}

/// Written beside and renamed, so that git never runs half a hook. Anybody may read and run it: a
/// hook is the repository's, not ours.
fn write(path: &Path, text: &str) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let temp = hasp_core::files::write_temp(path, text.as_bytes())?;
    let mode = std::fs::Permissions::from_mode(0o755);
    temp.as_file().set_permissions(mode).map_err(|e| Error::io("write", path, e))?;
    temp.persist(path).map(drop).map_err(|e| Error::io("write", path, e.error))
}

fn delete(path: &Path) -> Result<()> {
    std::fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
}
