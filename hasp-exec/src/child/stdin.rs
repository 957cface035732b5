//! What the command gets of our standard input where that is a file with a token in it: the rest
//! through a pipe, since in the file itself it could seek back. In a pipe or on a terminal what was
//! read is gone, and the rest is the command's as it is.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::fd::OwnedFd;

use hasp_core::descriptors::Sources;
use hasp_core::tool::Context;
use hasp_core::{Error, Result, platform};

/// A standard input in place of ours; `None` where the command may have ours.
pub(crate) fn instead(
    token: Option<&std::ffi::OsStr>,
    context: &mut Context,
) -> Result<Option<OwnedFd>> {
    if !hasp_core::source::can_be_read_again(0) {
        return Ok(None);
    }
    if context.env.has_read(0) {
        return rest().map(Some);
    }
    let mut sources = Sources::of(&context.env);
    token.iter().for_each(|word| sources.add_word(word));
    if !sources.hold_file(0) {
        return Ok(None);
    }
    context.out.warn(
        "standard input is a file that a source of hasp names: the command gets an empty one",
    );
    nothing().map(Some)
}

/// What is behind the token.
fn rest() -> Result<OwnedFd> {
    let failed = |e: std::io::Error| Error::system("read what follows the token", e);
    let mut file = File::from(platform::duplicate(0).map_err(failed)?);
    let at = file.stream_position().map_err(failed)?;
    let end = file.seek(SeekFrom::End(0)).map_err(failed)?;
    file.seek(SeekFrom::Start(at)).map_err(failed)?;
    if at >= end {
        return nothing();
    }
    let (reader, writer) = platform::pipe().map_err(failed)?;
    // It ends with the file, with the command that closes its end, or with us.
    let copied = move || drop(std::io::copy(&mut file, &mut File::from(writer)));
    std::thread::Builder::new().spawn(copied).map_err(|e| Error::system("start a thread", e))?;
    Ok(reader)
}

fn nothing() -> Result<OwnedFd> {
    File::open("/dev/null").map(OwnedFd::from).map_err(|e| Error::system("open /dev/null", e))
}
