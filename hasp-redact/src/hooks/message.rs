//! The message of a commit as git gives it to a hook, without what git itself wrote into it.

use std::ffi::OsString;
use std::path::Path;

use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::git::Git;

/// A longer message is refused.
const MAX: u64 = 16 << 20;

/// What stands below this line is a diff, of which nothing is committed.
const SCISSORS: &[u8] = b"------------------------ >8 ------------------------";

/// The lines of the message that may be kept. Which lines are comments depends on how git was
/// called; those that name files, with a tab behind the comment's sign, are git's own.
pub(crate) fn kept(words: &[OsString], git: &Git) -> Result<Vec<u8>> {
    let Some(path) = words.first() else {
        return Err(Error::new(Kind::Usage, code::USAGE, "git names no file of the message")
            .hint("hasp-redact hooks run commit-msg -- FILE"));
    };
    let path = git.dir().join(path);
    let text = read(&path).map_err(|e| Error::io("read", &path, e))?;
    let mut kept = Vec::new();
    for line in text.split_inclusive(|b| *b == b'\n') {
        if line.len() < SCISSORS.len() + 8 && memchr::memmem::find(line, SCISSORS).is_some() {
            break;
        }
        let sign = line.iter().take_while(|b| b.is_ascii_punctuation()).count();
        if (1..=2).contains(&sign) && line.get(sign) == Some(&b'\t') {
            kept.push(b'\n');
        } else {
            kept.extend_from_slice(line);
        }
    }
    Ok(kept)
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX).read_to_end(&mut text)?;
    Ok(text)
}
