//! Which files there are below a path: in a work tree those that git would commit or has, elsewhere
//! all. git itself is asked, so that its rules for what is ignored are its own, and a file that is
//! tracked is looked at even if a rule names it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::code;
use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result};

use crate::git::Git;

/// Adds the files below a path, in no order; links are not followed, and what is no file (a FIFO, a
/// device) is left out.
///
/// # Errors
/// `[no-such-file]`; git's, if there is a repository that it cannot read.
pub(crate) fn files(path: &Path, git: &Git, ignore: bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let meta = std::fs::symlink_metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            Kind::Missing,
            code::NO_SUCH_FILE,
            format!("there is no {}", printable_path(path)),
        )
        .hint("name files and directories that are there: hasp-redact scan PATH"),
        _ => Error::io("read", path, e),
    })?;
    if !meta.is_dir() {
        // What somebody names is followed.
        if std::fs::metadata(path).is_ok_and(|m| m.is_file()) {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    if ignore && inside_repository(path) {
        return listed(path, git, found);
    }
    walk(path, git, ignore, found)
}

/// Whether git would find a repository from here upwards.
fn inside_repository(path: &Path) -> bool {
    path.canonicalize().is_ok_and(|real| real.ancestors().any(|dir| dir.join(".git").exists()))
}

/// Those that git has or would add.
fn listed(dir: &Path, git: &Git, found: &mut Vec<PathBuf>) -> Result<()> {
    let here = git.elsewhere(git.dir().join(dir));
    let list = match here.read(&[
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]) {
        Err(e) if e.code() == code::NO_REPOSITORY => return walk(dir, git, true, found),
        other => other?,
    };
    for name in list.split(|b| *b == 0).filter(|n| !n.is_empty()) {
        let path = dir.join(OsStr::from_bytes(name));
        // What is tracked may be gone from the work tree; a directory is another repository.
        match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() => found.push(path),
            Ok(meta) if meta.is_dir() => listed(&path, git, found)?,
            _ => {}
        }
    }
    Ok(())
}

fn walk(dir: &Path, git: &Git, ignore: bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let failed = |e| Error::io("read", dir, e);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        let path = entry.path();
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir() && entry.file_name() != ".git" {
            if ignore && path.join(".git").exists() {
                listed(&path, git, found)?;
            } else {
                walk(&path, git, ignore, found)?;
            }
        }
    }
    Ok(())
}
