//! Which remote-tracking references say what the remote has: those that git itself wrote when it
//! fetched or pushed, as their logs tell. One that somebody set by hand is no word of the remote's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use hasp_core::Result;

use crate::git::Git;

/// What the last line of the log of such a reference begins with, behind the tab.
const OF_REMOTE: [&[u8]; 5] = [b"update by push", b"fetch", b"pull", b"clone", b"remote"];
/// How much of the end of a log is read.
const TAIL: u64 = 4096;

/// Words for git by which it leaves out what the references of this remote reach.
pub(super) fn known(remote: &OsStr, git: &Git) -> Result<Vec<OsString>> {
    let logs = logs(git)?;
    let mut pattern = b"refs/remotes/".to_vec();
    pattern.extend_from_slice(remote.as_bytes());
    let words = [OsStr::new("for-each-ref"), OsStr::new("--format=%(refname)")];
    let listed = git.read(&[&words[..], &[OsStr::from_bytes(&pattern)]].concat())?;
    let mut known = Vec::new();
    for name in listed.split(|b| *b == b'\n').filter(|name| !name.is_empty()) {
        let log = logs.join(OsStr::from_bytes(name));
        if last_line(&log).is_some_and(|line| !is_of_remote(&line)) {
            let below = name.strip_prefix(b"refs/remotes/").unwrap_or(name);
            known.push(OsString::from_vec([b"--exclude=", below].concat()));
        }
    }
    let mut all = OsString::from("--remotes=");
    all.push(remote);
    known.push(all);
    Ok(known)
}

fn logs(git: &Git) -> Result<PathBuf> {
    let words = ["rev-parse", "--path-format=absolute", "--git-path", "logs"];
    let path = git.read(&words)?;
    Ok(PathBuf::from(OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path))))
}

/// The last line of a log; `None` where there is none, as after a clone.
fn last_line(log: &std::path::Path) -> Option<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut end = Vec::new();
    file.take(TAIL).read_to_end(&mut end).ok()?;
    let end = end.strip_suffix(b"\n").unwrap_or(&end);
    let last = end.rsplit(|b| *b == b'\n').next()?;
    (!last.is_empty()).then(|| last.to_vec())
}

fn is_of_remote(line: &[u8]) -> bool {
    let Some(tab) = memchr::memchr(b'\t', line) else { return false };
    let said = &line[tab + 1..];
    // A fetch from here is none from there.
    let own = said.split(|b| *b == b' ').any(|word| word == b".");
    !own && OF_REMOTE.iter().any(|begin| said.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_git_heard_of_the_remote_counts() {
        let line =
            |said: &str| format!("{} {} n <n@x> 1 +0000{said}", "0".repeat(40), "1".repeat(40));
        for said in ["update by push", "fetch origin: fast-forward", "pull: x", "clone: from x"] {
            assert!(is_of_remote(line(&format!("\t{said}")).as_bytes()), "{said}");
        }
        for said in
            ["", "\t", "\tfetch -q . main:refs/remotes/origin/x: storing head", "\tbranch: x"]
        {
            assert!(!is_of_remote(line(said).as_bytes()), "{said}");
        }
    }
}
