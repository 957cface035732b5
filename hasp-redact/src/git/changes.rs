//! Which objects there are: in the index, new in a range, in all of history; and which commit
//! brought one.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use crate::code;
use hasp_core::{Error, Kind, Result};

use super::{Git, failed, no_git, output};

/// The mode of a submodule, whose commits are another repository's.
const SUBMODULE: &[u8] = b"160000";

/// An object and a path that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its id, in hexadecimal.
    pub id: String,
    /// A path, as bytes.
    pub path: Vec<u8>,
}

/// The words that make git list changes for a program, as they are and with nothing of the
/// repository's own run.
const RAW: [&str; 6] =
    ["--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv"];

/// What would be committed and is not in HEAD: blobs of the index, whatever the files of the work
/// tree hold by now.
pub(crate) fn staged(git: &Git) -> Result<Vec<Entry>> {
    let diff =
        |against: &str| git.read(&[&["diff-index", "--cached"], &RAW[..], &[against]].concat());
    let raw = match diff("HEAD") {
        Err(e)
            if e.code() == code::GIT_FAILED
                && git.read(&["rev-parse", "--quiet", "--verify", "HEAD"]).is_err() =>
        {
            // Before the first commit everything is new.
            let empty = git.read(&["hash-object", "-t", "tree", "/dev/null"])?;
            diff(String::from_utf8_lossy(&empty).trim())?
        }
        other => other?,
    };
    let mut entries = Vec::new();
    each_change(&raw[..], |change| {
        if !change.submodule {
            entries.push(Entry { id: change.id, path: change.path });
        }
    })?;
    Ok(entries)
}

/// Every object that these revisions reach and the excluded ones do not: what files hold, names in
/// directories, commits, annotated tags.
///
/// # Errors
/// `[bad-range]` if git does not know one.
pub(crate) fn range<W: AsRef<OsStr>>(git: &Git, revisions: &[W]) -> Result<Vec<Entry>> {
    let words: Vec<&OsStr> = ["rev-list", "--objects"]
        .iter()
        .map(OsStr::new)
        .chain(revisions.iter().map(AsRef::as_ref))
        .chain([OsStr::new("--")])
        .collect();
    let listed = output(&mut git.command(&words)).map_err(|e| match e.code() {
        code::GIT_FAILED => Error::new(Kind::Usage, code::BAD_RANGE, e.message().to_owned())
            .hint("a range looks like: main..HEAD")
            .hint("a shallow clone may not reach so far: git fetch --unshallow"),
        _ => e,
    })?;
    Ok(listed.split(|b| *b == b'\n').filter_map(named).collect())
}

/// `ID PATH`.
fn named(line: &[u8]) -> Option<Entry> {
    let end = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    let id = std::str::from_utf8(&line[..end]).ok().filter(|i| i.len() >= 40)?;
    Some(Entry { id: id.to_owned(), path: line.get(end + 1..).unwrap_or_default().to_vec() })
}

/// Calls `look` with each change that a commit of these revisions brings, oldest first.
fn each_commit<W: AsRef<OsStr>>(
    git: &Git,
    revisions: &[W],
    merges: bool,
    look: impl FnMut(Change<'_>),
) -> Result<()> {
    let reversed = [OsStr::new("rev-list"), OsStr::new("--reverse")];
    let words: Vec<&OsStr> = reversed
        .into_iter()
        .chain(revisions.iter().map(AsRef::as_ref))
        .chain([OsStr::new("--")])
        .collect();
    let mut list = git.command(&words).spawn().map_err(|e| no_git(&e))?;
    let commits = list.stdout.take().ok_or_else(|| Error::bug("no pipe from git"))?;
    let each = if merges { &["-m"][..] } else { &[] };
    let diff = [&["diff-tree", "--stdin", "-r", "--root"], each, &RAW[..]].concat();
    let mut tree =
        git.command(&diff).stdin(Stdio::from(commits)).spawn().map_err(|e| no_git(&e))?;
    let changes = tree.stdout.take().ok_or_else(|| Error::bug("no pipe from git"))?;
    let outcome = each_change(BufReader::new(changes), look);
    let _ = list.wait();
    let ended = tree.wait_with_output().map_err(|e| Error::system("wait for git", e))?;
    if !ended.status.success() {
        return Err(failed(&ended.stderr));
    }
    outcome
}

/// The first commit that brought an object, with the path that it had there, and the first that
/// brought a path.
#[derive(Default)]
pub(crate) struct Brought {
    /// By the id of the object.
    pub objects: HashMap<String, (String, Vec<u8>)>,
    /// By the path of a file or of a directory.
    pub paths: HashMap<Vec<u8>, String>,
}

/// For each of these objects and paths the first commit that brought it.
pub(crate) fn first_commits<W: AsRef<OsStr>>(
    git: &Git,
    revisions: &[W],
    objects: &[&str],
    paths: &[&[u8]],
) -> Result<Brought> {
    let mut brought = Brought::default();
    each_commit(git, revisions, true, |change| {
        for path in paths.iter().filter(|path| is_below(&change.path, path)) {
            if !brought.paths.contains_key(*path) {
                brought.paths.insert(path.to_vec(), change.commit.to_owned());
            }
        }
        if objects.contains(&change.id.as_str()) {
            let first = (change.commit.to_owned(), change.path);
            brought.objects.entry(change.id).or_insert(first);
        }
    })?;
    Ok(brought)
}

/// Whether a path is this one, or that of a file below it.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// The commits of submodules that these revisions point to and did not before. Merges are left
/// out: what they bring was brought by a commit.
pub(crate) fn submodules<W: AsRef<OsStr>>(git: &Git, revisions: &[W]) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    each_commit(git, revisions, false, |change| {
        let entry = Entry { id: change.id, path: change.path };
        if change.submodule && !found.contains(&entry) {
            found.push(entry);
        }
    })?;
    Ok(found)
}

/// A file, link or submodule that a commit or the index has, and its base has not so.
struct Change<'a> {
    /// The commit; empty for the index.
    commit: &'a str,
    id: String,
    path: Vec<u8>,
    submodule: bool,
}

/// The raw format of git's diffs with `-z`: `:MODE MODE ID ID STATUS`, a path; between them the ids
/// of commits.
fn each_change(raw: impl Read, mut look: impl FnMut(Change<'_>)) -> Result<()> {
    let mut raw = BufReader::new(raw);
    let (mut word, mut commit) = (Vec::new(), String::new());
    let mut next = |word: &mut Vec<u8>| {
        word.clear();
        let read = raw.read_until(0, word).map_err(|e| Error::system("read from git", e));
        word.pop_if(|b| *b == 0);
        read
    };
    while next(&mut word)? > 0 {
        let Some(header) = word.strip_prefix(b":") else {
            commit = String::from_utf8_lossy(&word)
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned();
            continue;
        };
        let mut cells = header.split(|b| *b == b' ').skip(1);
        let (mode, id) =
            (cells.next().unwrap_or_default().to_owned(), cells.nth(1).unwrap_or_default());
        let id = String::from_utf8_lossy(id).into_owned();
        next(&mut word)?;
        // Only zeros: deleted, not merged, or only intended to be added.
        if !id.bytes().all(|b| b == b'0') {
            let (path, submodule) = (word.clone(), mode == SUBMODULE);
            look(Change { commit: &commit, id, path, submodule });
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn raw_changes_are_read_with_any_path() {
        let zero = "0".repeat(40);
        let one = "1".repeat(40);
        let raw = format!(
            "{one}\0:000000 100644 {zero} {one} A\0a\nb\0:100644 000000 {one} {zero} \
             D\0gone\0:000000 160000 {zero} {one} A\0sub\0"
        );
        let mut seen = Vec::new();
        each_change(raw.as_bytes(), |c| seen.push((c.commit.to_owned(), c.path, c.submodule)))
            .unwrap();
        let wanted = [(b"a\nb".to_vec(), false), (b"sub".to_vec(), true)];
        assert_eq!(seen, wanted.map(|(path, submodule)| (one.clone(), path, submodule)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_reason_to_panic(bytes: Vec<u8>, text in "[:0 A\\x00]{0,80}") {
            let _ = each_change(&bytes[..], |_| ());
            let _ = each_change(text.as_bytes(), |_| ());
        }
    }
}
