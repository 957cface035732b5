//! Markers that were written back: an agent that reads a redacted file and saves it again destroys
//! the credential in it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::code;
use hasp_core::output::Output;
use hasp_core::text::printable_path;
use hasp_core::tool::Exit;
use hasp_core::{Error, Kind, Result};
use serde_json::json;

/// What every marker begins with.
const OPENING: &[u8] = b"[hasp:";

/// Longer lines are read in parts of this size.
const MAX_LINE: usize = 1 << 20;

/// Prints every marker below `paths`; version control's own folders are left out.
pub(crate) fn markers(paths: &[PathBuf], out: &mut Output) -> Result<Exit> {
    let mut found = false;
    for path in paths {
        if std::fs::symlink_metadata(path).is_err() {
            return Err(Error::new(
                Kind::Missing,
                code::NO_SUCH_FILE,
                format!("there is no {}", printable_path(path)),
            ));
        }
        let mut files = vec![path.clone()];
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(entries(&path)?);
            } else {
                found |= search(&path, out)?;
            }
        }
    }
    Ok(if found { Exit::NO } else { Exit::OK })
}

/// What is in a directory, last first; links are not followed, so there are no cycles.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e| Error::io("read", directory, e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if (kind.is_dir() && entry.file_name() != ".git") || kind.is_file() {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable_by(|a, b| b.cmp(a));
    Ok(paths)
}

fn search(path: &Path, out: &mut Output) -> Result<bool> {
    let file = File::open(path).map_err(|e| Error::io("read", path, e))?;
    let mut reader = BufReader::new(file);
    let (mut line, mut number, mut found) = (Vec::new(), 1, false);
    loop {
        line.clear();
        let mut part = std::io::Read::take(&mut reader, MAX_LINE as u64);
        if part.read_until(b'\n', &mut line).map_err(|e| Error::io("read", path, e))? == 0 {
            return Ok(found);
        }
        for name in names(&line) {
            found = true;
            show(path, number, name, out)?;
        }
        number += u64::from(line.ends_with(b"\n"));
    }
}

fn show(path: &Path, line: u64, name: &str, out: &mut Output) -> Result<()> {
    let file = printable_path(path);
    if out.json {
        return out.object(&json!({"v": 1, "file": file, "line": line, "name": name}));
    }
    out.line(&format!("{file}:{line}: [hasp:{name}] stands where a value was"))
}

/// The names in the markers of a line.
fn names(line: &[u8]) -> impl Iterator<Item = &str> {
    memchr::memmem::find_iter(line, OPENING).filter_map(|at| {
        let rest = &line[at + OPENING.len()..];
        let name = &rest[..memchr::memchr(b']', rest)?];
        let fits = !name.is_empty()
            && name.len() <= hasp_core::name::MAX_NAME
            && name.iter().all(u8::is_ascii_graphic);
        if fits { std::str::from_utf8(name).ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_markers_count() {
        let line = b"a=[hasp:db/url] [hasp:] [hasp:x y] [hasp:B] [hasp:open";
        assert_eq!(names(line).collect::<Vec<_>>(), ["db/url", "B"]);
    }
}
