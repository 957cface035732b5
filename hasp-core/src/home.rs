//! Where hasp keeps its state: a home that only its owner can open, and a runtime directory in
//! memory that dies with the boot.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::code;
use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::files;
use crate::lead;
use crate::platform::{self, in_memory};
use crate::project;
use crate::text::{printable_path, shell_word};
use crate::tree;
use crate::var::Var;

/// The home directory of hasp, `$HASP_HOME` or `${XDG_DATA_HOME:-~/.local/share}/hasp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
}

impl Home {
    /// Finds out where the home is, without looking at the disk.
    ///
    /// # Errors
    /// `[home-relative]` for a relative path, `[home-unset]` if nothing names one.
    pub fn locate(env: &Environ) -> Result<Home> {
        if let Some(named) = env.var(Var::Home) {
            return Ok(Home { root: absolute(Var::Home.as_str(), named)? });
        }
        if let Some(data) = env.get("XDG_DATA_HOME").filter(|d| Path::new(d).is_absolute()) {
            return Ok(Home { root: Path::new(data).join("hasp") });
        }
        let user = env.get("HOME").ok_or_else(|| {
            Error::new(Kind::Usage, code::HOME_UNSET, "neither HASP_HOME nor HOME is set")
                .hint("say where the vault is: export HASP_HOME=/absolute/path")
        })?;
        Ok(Home { root: absolute("HOME", user)?.join(".local/share/hasp") })
    }

    /// A home at this absolute path.
    pub fn at(root: impl Into<PathBuf>) -> Home {
        Home { root: root.into() }
    }

    /// The home's own path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the home.
    pub fn join(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// Whether there is a home.
    ///
    /// # Errors
    /// Where that may not or cannot be seen.
    pub fn exists(&self) -> Result<bool> {
        tree::is_there(&self.root)
    }

    /// Refuses a home that others could read or replace, or that lies on a network file system.
    ///
    /// # Errors
    /// `[no-home]` if there is none; `[symlink]`, `[foreign-owner]`, `[open-mode]`,
    /// `[open-parent]`, `[network-home]`.
    pub fn check(&self) -> Result<()> {
        if !self.exists()? {
            let error = Error::new(
                Kind::Missing,
                code::NO_HOME,
                format!("there is no {}", printable_path(&self.root)),
            );
            return Err(lead::to_a_vault(error, &self.root));
        }
        files::check_dir(&self.root).map_err(|e| of_another(e, Var::Home))?;
        check_ancestors(&self.root, Var::Home)?;
        refuse_network(&self.root)
    }

    /// Makes the home (parents as the umask says, the home itself 0700) and checks it.
    ///
    /// # Errors
    /// Those of [`Home::check`]; `[in-project]` where git would take it, unless it is told not to.
    pub fn create(&self) -> Result<()> {
        refuse_project(&self.root, Var::Home)?;
        if let Some(parent) = self.root.parent() {
            std::fs::create_dir_all(parent).map_err(|e| tree::failed("create", parent, e))?;
        }
        files::ensure_dir(&self.root).map_err(|e| of_another(e, Var::Home))?;
        self.check()
    }
}

/// The runtime directory: ledger halves, kept tokens, delivered files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runtime {
    root: PathBuf,
    on_disk: bool,
}

impl Runtime {
    /// `HASP_RUNTIME` if set, else `$XDG_RUNTIME_DIR/hasp` where that is a tmpfs, else
    /// what the system has in memory for every user; made 0700 if absent.
    ///
    /// # Errors
    /// `[no-runtime]` if none of them is in memory; `[open-parent]`, `[in-project]`; the file
    /// discipline's codes.
    pub fn locate(env: &Environ) -> Result<Runtime> {
        let runtime = Runtime::choose(env)?;
        if env.var(Var::Runtime).is_some() {
            refuse_project(&runtime.root, Var::Runtime)?;
        }
        // Before it is made: whoever can move it away, and back, ends what revokes a grant.
        check_ancestors(&runtime.root, Var::Runtime)?;
        files::ensure_dir(&runtime.root).map_err(|e| of_another(e, Var::Runtime))?;
        Ok(runtime)
    }

    /// A runtime directory at this path, for tests and tools that were told one.
    pub fn at(root: impl Into<PathBuf>) -> Runtime {
        let root = root.into();
        let on_disk = !in_memory(&root);
        Runtime { root, on_disk }
    }

    /// Every runtime directory that exists and belongs to this user (another user's of that name is
    /// left alone), for `revoke`, which must reach the grants of each.
    pub fn all(env: &Environ) -> Vec<Runtime> {
        let mut roots: Vec<PathBuf> =
            env.var(Var::Runtime).map(PathBuf::from).into_iter().collect();
        roots.extend(env.get("XDG_RUNTIME_DIR").map(|d| Path::new(d).join("hasp")));
        roots.extend(platform::memory_places());
        let mut seen = Vec::new();
        roots.retain(|r| {
            is_ours(r) && !seen.contains(r) && {
                seen.push(r.clone());
                true
            }
        });
        roots.into_iter().map(Runtime::at).collect()
    }

    /// The directory's own path.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path below the directory.
    pub fn join(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.join(below)
    }

    /// Makes (0700) and returns a directory below.
    pub fn dir(&self, below: &str) -> Result<PathBuf> {
        files::ensure_dirs(&self.root, Path::new(below))
    }

    /// Whether it lies on a disk file system, which deserves a warning.
    pub fn on_disk(&self) -> bool {
        self.on_disk
    }

    fn choose(env: &Environ) -> Result<Runtime> {
        if let Some(named) = env.var(Var::Runtime) {
            let root = absolute(Var::Runtime.as_str(), named)?;
            let on_disk = !in_memory(&root);
            return Ok(Runtime { root, on_disk });
        }
        let user = env
            .get("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|d| d.is_absolute() && is_ours(d) && in_memory(d));
        if let Some(user) = user {
            return Ok(Runtime { root: user.join("hasp"), on_disk: false });
        }
        if let Some(root) = platform::memory_place() {
            return Ok(Runtime { root, on_disk: false });
        }
        Err(Error::new(
            Kind::Create,
            code::NO_RUNTIME,
            format!(
                "neither XDG_RUNTIME_DIR nor {} is a file system in memory",
                platform::SHARED_MEMORY
            ),
        )
        .hint("mount a tmpfs and name a directory on it: export HASP_RUNTIME=/absolute/path"))
    }
}

/// Whether this is a directory, no link to one, of this user.
fn is_ours(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|m| m.is_dir() && m.uid() == rustix::process::geteuid().as_raw())
}

fn absolute(variable: &str, value: &OsStr) -> Result<PathBuf> {
    let path = PathBuf::from(value);
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Error::new(Kind::Usage, code::HOME_RELATIVE, format!("{variable} is not an absolute path"))
        .hint(format!("export {variable}=\"$PWD/{}\"", printable_path(&path))))
}

/// Whoever can write a directory above the home can put another home in its place.
fn check_ancestors(root: &Path, variable: Var) -> Result<()> {
    let me = rustix::process::geteuid().as_raw();
    let Some(parent) = root.parent() else { return Ok(()) };
    let real = parent.canonicalize().map_err(|e| tree::failed("open", parent, e))?;
    for above in real.ancestors() {
        let meta = above.metadata().map_err(|e| Error::io("open", above, e))?;
        let owner_ok = meta.uid() == me || meta.uid() == 0;
        let open = meta.mode() & 0o022 != 0 && meta.mode() & 0o1000 == 0;
        if !owner_ok || open {
            let shown = printable_path(above);
            let word = shell_word(above.as_os_str());
            let look = match meta.uid() == me {
                true => format!("chmod go-w {word}"),
                false => format!("see whose it is: ls -ld {word}"),
            };
            return Err(Error::new(
                Kind::Denied,
                code::OPEN_PARENT,
                format!("other users can replace what is in {shown}"),
            )
            .hint(format!("{look}; or name another place: export {variable}=/a/private/path")));
        }
    }
    Ok(())
}

/// A file, a link or a directory of another user is in the place of ours: it stays his, and we go
/// elsewhere.
fn of_another(error: Error, variable: Var) -> Error {
    let taken = [code::FOREIGN_OWNER, code::SYMLINK, code::NOT_A_DIRECTORY];
    match taken.contains(&error.code()) {
        true => error.hint(format!("or name another place: export {variable}=/a/private/path")),
        false => error,
    }
}

/// What lies in a project is committed one day.
fn refuse_project(root: &Path, variable: Var) -> Result<()> {
    let Some(project) = project::around(root).filter(|_| !is_ignored(root)) else { return Ok(()) };
    let (shown, around) = (printable_path(root), printable_path(&project));
    let message = format!("{shown} is inside the project {around}: git would take what is in it");
    let word = shell_word(root.as_os_str());
    let error = Error::new(Kind::Denied, code::IN_PROJECT, message)
        .hint(format!("name another place: export {variable}=/a/private/path"));
    Err(match variable {
        Var::Home => error.hint(format!(
            "or, if it must be there, keep git off it: mkdir -m 700 {word}; echo '*' \
             >{word}/.gitignore"
        )),
        _ => error,
    })
}

/// Whether git ignores all that is in a directory.
fn is_ignored(root: &Path) -> bool {
    let text = std::fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    text.lines().any(|line| line.trim_end() == "*")
}

fn refuse_network(root: &Path) -> Result<()> {
    if !platform::on_network(root) {
        return Ok(());
    }
    Err(Error::new(
        Kind::Denied,
        code::NETWORK_HOME,
        format!("{} is on a network file system", printable_path(root)),
    )
    .hint("keep the home on a local disk: export HASP_HOME=/a/local/path"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
