//! Files whose content git does not have: a pointer stands in its place, and another program keeps
//! and uploads the content.

use std::path::{Path, PathBuf};

use crate::git::Git;

/// A longer file is no pointer.
const MAX: usize = 64 << 10;

/// Who keeps the content, and under which name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pointer {
    /// git-lfs, by SHA-256.
    Lfs(String),
    /// git-annex, by key.
    Annex(String),
    /// DVC, by MD5; a directory's ends in `.dir`.
    Dvc(String),
}

/// Where contents are kept on this machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stores {
    lfs: PathBuf,
    annex: PathBuf,
    dvc: PathBuf,
}

/// What a file points to.
pub(crate) fn pointers(path: &[u8], content: &[u8]) -> Vec<Pointer> {
    if content.len() >= MAX {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(content) else { return Vec::new() };
    if let Some(id) = lfs(text) {
        return vec![Pointer::Lfs(id.to_owned())];
    }
    if let Some(key) = annex(text) {
        return vec![Pointer::Annex(key.to_owned())];
    }
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    if name.ends_with(b".dvc") || name == b"dvc.lock" { dvc(text) } else { Vec::new() }
}

/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>.
fn lfs(text: &str) -> Option<&str> {
    let mut lines = text.lines();
    let version = lines.next()?.strip_prefix("version ")?;
    let known = ["git-lfs.github.com/spec", "hawser.github.com/spec", "git-media.io/v"];
    known.iter().find(|k| version.contains(**k))?;
    let id = lines.find_map(|l| l.strip_prefix("oid sha256:"))?.trim();
    (id.len() == 64 && is_hex(id)).then_some(id)
}

/// <https://git-annex.branchable.com/internals/pointer_file/>, and the target of a link.
fn annex(text: &str) -> Option<&str> {
    let line = text.lines().next()?;
    let key = match line.split_once("annex/objects/") {
        Some((before, rest)) if before == "/" || before.ends_with(".git/") => {
            rest.rsplit('/').next()?
        }
        _ => return None,
    };
    (!key.is_empty() && key != "." && key != "..").then_some(key)
}

/// The files that DVC tracks by such a line each.
fn dvc(text: &str) -> Vec<Pointer> {
    let id = |line: &str| {
        let id = line.trim().trim_start_matches("- ").strip_prefix("md5:")?.trim();
        is_md5(id).then(|| Pointer::Dvc(id.to_owned()))
    };
    text.lines().filter_map(id).collect()
}

/// The contents of a directory that DVC tracks, from its list.
pub(crate) fn dvc_directory(list: &[u8]) -> Vec<Pointer> {
    let files: Vec<serde_json::Value> = serde_json::from_slice(list).unwrap_or_default();
    let ids = files.iter().filter_map(|f| f["md5"].as_str()).filter(|id| is_md5(id));
    ids.map(|id| Pointer::Dvc(id.to_owned())).collect()
}

fn is_md5(id: &str) -> bool {
    let hex = id.strip_suffix(".dir").unwrap_or(id);
    hex.len() == 32 && is_hex(hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl Pointer {
    /// Whose it is.
    pub fn keeper(&self) -> &'static str {
        match self {
            Pointer::Lfs(_) => "git-lfs",
            Pointer::Annex(_) => "git-annex",
            Pointer::Dvc(_) => "DVC",
        }
    }

    /// The file that has the content, if it is here.
    pub fn file(&self, stores: &Stores) -> Option<PathBuf> {
        let file = |path: PathBuf| path.is_file().then_some(path);
        match self {
            Pointer::Lfs(id) => file(stores.lfs.join(&id[..2]).join(&id[2..4]).join(id)),
            Pointer::Dvc(id) => {
                let (first, rest) = id.split_at(2);
                let now = stores.dvc.join("files/md5").join(first).join(rest);
                file(now).or_else(|| file(stores.dvc.join(first).join(rest)))
            }
            // The two directories are digits of a hash that only git-annex needs to know.
            Pointer::Annex(key) => each_directory(&stores.annex)
                .flat_map(|first| each_directory(&first).collect::<Vec<_>>())
                .find_map(|second| file(second.join(key).join(key))),
        }
    }
}

fn each_directory(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    entries.filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path())
}

impl Stores {
    /// Those of a repository.
    pub fn of(git: &Git) -> Stores {
        let common = git.path(&["rev-parse", "--path-format=absolute", "--git-common-dir"]);
        let common = common.unwrap_or_default();
        let storage = git.path(&["config", "--type=path", "lfs.storage"]);
        let lfs = storage.map_or_else(|_| common.join("lfs"), |s| common.join(s));
        let top = git.path(&["rev-parse", "--path-format=absolute", "--show-toplevel"]);
        let dvc = top.map(|top| top.join(".dvc/cache")).unwrap_or_default();
        Stores { lfs: lfs.join("objects"), annex: common.join("annex/objects"), dvc }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_told_from_other_files() {
        let id = "ab".repeat(32);
        let text = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 3\n");
        assert_eq!(pointers(b"a", text.as_bytes()), [Pointer::Lfs(id)]);
        let key = "SHA256E-s3--00.txt";
        for text in
            [format!("/annex/objects/{key}\n"), format!("../.git/annex/objects/Xx/0K/{key}/{key}")]
        {
            assert_eq!(pointers(b"a", text.as_bytes()), [Pointer::Annex(key.to_owned())]);
        }
        let md5 = "0123456789abcdef".repeat(2);
        let text = format!("outs:\n- md5: {md5}.dir\n  path: data\n");
        assert_eq!(pointers(b"d/x.dvc", text.as_bytes()), [Pointer::Dvc(format!("{md5}.dir"))]);
        assert_eq!(pointers(b"d/x.txt", text.as_bytes()), []);
        for none in [&b"see annex/objects/x"[..], b"version 2\noid sha256:..", b"\xff"] {
            assert_eq!(pointers(b"a", none), []);
        }
    }
}
