//! The contents of many objects, from one `git cat-file --batch`.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

use hasp_core::{Error, Kind, Result};

use super::{Entry, Git, failed, no_git};
use crate::code;

/// What sort of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    /// The content of a file.
    Blob,
    /// The names in a directory.
    Tree,
    /// Who, when and why.
    Commit,
    /// An annotated tag.
    Tag,
}

/// An object while it is read.
pub(crate) struct Object<'a> {
    /// Where it stands in the list that was asked for.
    pub index: usize,
    /// What it is.
    pub kind: ObjectKind,
    /// Its bytes.
    pub content: &'a mut dyn Read,
}

/// Gives each object of the list to `look`, in order. What the repository does not have (a shallow
/// or partial clone) is counted.
///
/// # Errors
/// `[git-failed]`; the first error of `look`.
pub(crate) fn each_object(
    git: &Git,
    list: &[Entry],
    mut look: impl FnMut(Object<'_>) -> Result<()>,
) -> Result<usize> {
    if list.is_empty() {
        return Ok(0);
    }
    let mut command = git.command(&["cat-file", "--batch", "--buffer"]);
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(|e| no_git(&e))?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::bug("no pipes to git"));
    };
    let ids: Vec<u8> = list.iter().flat_map(|e| [e.id.as_bytes(), b"\n"].concat()).collect();
    // A thread of its own: git's output would fill its pipe before all ids are written.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&ids)));
    let outcome = read_all(BufReader::with_capacity(256 * 1024, stdout), list.len(), &mut look);
    if outcome.is_err() {
        let _ = child.kill();
    }
    let ended = finish(child);
    let _ = writer.join();
    outcome.and_then(|missing| ended.map(|()| missing))
}

fn read_all(
    mut output: impl BufRead,
    count: usize,
    look: &mut impl FnMut(Object<'_>) -> Result<()>,
) -> Result<usize> {
    let (mut missing, mut line) = (0, Vec::new());
    for index in 0..count {
        line.clear();
        output.read_until(b'\n', &mut line).map_err(|e| Error::system("read from git", e))?;
        let text = String::from_utf8_lossy(&line);
        let mut words = text.split_whitespace().skip(1);
        let (kind, size) = (words.next(), words.next().and_then(|s| s.parse::<u64>().ok()));
        let (Some(kind), Some(size)) = (kind, size) else {
            if kind != Some("missing") {
                return Err(Error::new(Kind::Io, code::GIT_FAILED, "git cat-file ended early"));
            }
            missing += 1;
            continue;
        };
        // The newline that follows each content.
        let mut rest = (&mut output).take(size + 1);
        if let Some(kind) = object_kind(kind) {
            let mut content = (&mut rest).take(size);
            look(Object { index, kind, content: &mut content })?;
        }
        std::io::copy(&mut rest, &mut std::io::sink())
            .map_err(|e| Error::system("read from git", e))?;
    }
    Ok(missing)
}

fn object_kind(word: &str) -> Option<ObjectKind> {
    match word {
        "blob" => Some(ObjectKind::Blob),
        "tree" => Some(ObjectKind::Tree),
        "commit" => Some(ObjectKind::Commit),
        "tag" => Some(ObjectKind::Tag),
        _ => None,
    }
}

fn finish(child: Child) -> Result<()> {
    let output = child.wait_with_output().map_err(|e| Error::system("wait for git", e))?;
    if output.status.success() { Ok(()) } else { Err(failed(&output.stderr)) }
}
