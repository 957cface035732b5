//! What git knows by name: references, who commits, settings, and which filter a file goes through.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use hasp_core::{Error, Result};

use super::{Entry, Git, no_git};

impl Git {
    /// What a command prints, as a path.
    pub fn path(&self, words: &[&str]) -> Result<PathBuf> {
        let text = self.read(words)?;
        let text = text.strip_suffix(b"\n").unwrap_or(&text);
        Ok(Path::new(OsStr::from_bytes(text)).to_owned())
    }

    /// A setting, if it is set and not empty.
    pub fn setting(&self, name: &str) -> Option<PathBuf> {
        self.path(&["config", "--get", name]).ok().filter(|value| !value.as_os_str().is_empty())
    }
}

/// Full names of references: all, or those whose object is among these.
pub(crate) fn references(git: &Git, among: Option<&[Entry]>) -> Result<Vec<Vec<u8>>> {
    let format = "--format=%(objectname) %(*objectname) %(refname)";
    let listed = git.read(&["for-each-ref", format])?;
    let ids: Option<HashSet<&[u8]>> =
        among.map(|list| list.iter().map(|e| e.id.as_bytes()).collect());
    let lines = listed.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    let wanted = lines.filter_map(|line| {
        let mut cells = line.splitn(3, |b| *b == b' ');
        let (id, peeled, name) = (cells.next()?, cells.next()?, cells.next()?);
        let known = |ids: &HashSet<&[u8]>| ids.contains(id) || ids.contains(peeled);
        ids.as_ref().is_none_or(known).then(|| name.to_vec())
    });
    Ok(wanted.collect())
}

/// Who writes and who commits, as the next commit will say.
pub(crate) fn people(git: &Git) -> Vec<u8> {
    // Where git knows neither it refuses the commit itself.
    let person = |name: &str| git.read(&["var", name]).unwrap_or_default();
    [person("GIT_AUTHOR_IDENT"), person("GIT_COMMITTER_IDENT")].concat()
}

/// The entries that go through a filter of the user's on their way into git, with its name.
pub(crate) fn filtered(git: &Git, list: &[Entry]) -> Result<Vec<(Vec<u8>, String)>> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let words = ["check-attr", "-z", "--stdin", "filter"];
    let mut child = git.command(&words).stdin(Stdio::piped()).spawn().map_err(|e| no_git(&e))?;
    let mut stdin = child.stdin.take().ok_or_else(|| Error::bug("no pipe to git"))?;
    let paths: Vec<u8> = list.iter().flat_map(|e| [&e.path[..], b"\0"].concat()).collect();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&paths)));
    let output = child.wait_with_output().map_err(|e| Error::system("wait for git", e))?;
    let _ = writer.join();
    let cells: Vec<&[u8]> = output.stdout.split(|b| *b == 0).collect();
    let mut found = Vec::new();
    for cell in cells.chunks_exact(3) {
        let name = String::from_utf8_lossy(cell[2]).into_owned();
        let none = matches!(name.as_str(), "unspecified" | "unset" | "set" | "lfs" | "annex");
        if !none && git.setting(&format!("filter.{name}.clean")).is_some() {
            found.push((cell[0].to_vec(), name));
        }
    }
    Ok(found)
}
