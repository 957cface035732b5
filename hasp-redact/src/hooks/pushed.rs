//! What a push would send and the remote has not: what git writes to the hook, or what the
//! pre-commit framework makes of it.
//!
//! What the remote has is known from what it told git for this push and from the references that
//! git keeps of it, those that nobody set by hand; it is not asked again, since a hook that reaches
//! for the network would run what the repository's settings name.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;

use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result};

use super::tracked;
use crate::cli::Hook;
use crate::code;
use crate::git::Git;

/// What a hook is given by git must be short.
const MAX_REFS: u64 = 16 << 20;

/// What would be sent.
#[derive(Debug, Default)]
pub(crate) struct Push {
    /// Revisions, and behind `--not` those that the remote has.
    pub revisions: Vec<OsString>,
    /// Names of references, here and there.
    pub references: Vec<Vec<u8>>,
    /// What the server is told besides.
    pub options: Vec<Vec<u8>>,
}

/// What git writes to the hook.
pub(crate) fn input(hook: Hook) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if hook == Hook::PrePush {
        std::io::stdin()
            .take(MAX_REFS)
            .read_to_end(&mut text)
            .map_err(|e| Error::system("read what is pushed", e))?;
    }
    Ok(text)
}

/// What this push would send.
pub(crate) fn push(words: &[OsString], text: &[u8], git: &Git, cx: &Context) -> Result<Push> {
    let (mut push, mut known) = lines(text)?;
    push.references.sort();
    push.references.dedup();
    if text.is_empty()
        && let (Some(from), Some(to)) =
            (cx.env.get("PRE_COMMIT_FROM_REF"), cx.env.get("PRE_COMMIT_TO_REF"))
    {
        let branches = ["PRE_COMMIT_LOCAL_BRANCH", "PRE_COMMIT_REMOTE_BRANCH"];
        let names = branches.iter().filter_map(|name| cx.env.get(name));
        push.references = names.map(|name| name.as_bytes().to_vec()).collect();
        push.revisions = vec![to.to_owned(), "--not".into(), from.to_owned()];
        return Ok(push);
    }
    let options = git.read(&["config", "-z", "--get-all", "push.pushOption"]).unwrap_or_default();
    push.options = options.split(|b| *b == 0).map(<[u8]>::to_vec).collect();
    if push.revisions.is_empty() {
        return Ok(push);
    }
    // What the remote has may not be here, after somebody else's forced push.
    known.retain(|id| git.read(&[OsStr::new("cat-file"), OsStr::new("-e"), id]).is_ok());
    let remote = words.first().filter(|w| !w.as_bytes().is_empty() && is_remote(w, git));
    let tracked = remote.map(|remote| tracked::known(remote, git)).transpose()?;
    push.revisions.push("--not".into());
    push.revisions.extend(known);
    push.revisions.extend(tracked.unwrap_or_default());
    Ok(push)
}

/// What git wrote, and which of it the remote has.
fn lines(text: &[u8]) -> Result<(Push, Vec<OsString>)> {
    let (mut push, mut known) = (Push::default(), Vec::new());
    for line in text.split(|b| *b == b'\n').filter(|l| !l.trim_ascii().is_empty()) {
        let cells: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        let [local, id, remote, had] = cells[..] else {
            return Err(Error::new(
                Kind::Data,
                code::BAD_REFS,
                "git did not say what is pushed as it does for a hook pre-push",
            ));
        };
        // A branch or tag that is removed brings nothing, not even its name.
        if !zeros(id) {
            push.references.extend([local, remote].map(<[u8]>::to_vec));
            push.revisions.push(OsStr::from_bytes(id).to_owned());
            known.extend((!zeros(had)).then(|| OsStr::from_bytes(had).to_owned()));
        }
    }
    Ok((push, known))
}

/// Whether this is the name of a remote, not an address, of which nothing is known here.
fn is_remote(word: &OsStr, git: &Git) -> bool {
    let remotes = git.read(&["remote"]).unwrap_or_default();
    remotes.split(|b| *b == b'\n').any(|r| r == word.as_bytes())
}

fn zeros(id: &[u8]) -> bool {
    id.iter().all(|b| *b == b'0')
}
