//! What a crash left of an append that nobody was told had succeeded: moved beside the log and
//! recorded, never thrown away.

use std::fs::File;
use std::path::Path;

use data_encoding::HEXLOWER;
use hasp_core::{Error, Result, files};
use sha2::{Digest, Sha256};

use crate::record::event::Event;
use crate::record::kind::EventKind;
use crate::segment;
use crate::segment::state::State;

/// Moves the bytes of `file` behind the last good record into a file `torn-SEGMENT-OFFSET` and
/// returns the event that says so.
pub fn set_aside(dir: &Path, end: &State, file: &File, bytes: &[u8]) -> Result<Event> {
    let (segment, offset) = (end.segment, end.offset);
    let kept = cut(dir, segment, file, offset, bytes)?;
    let event = Event::new(EventKind::AuditTorn)
        .field("segment", segment)
        .field("offset", offset)
        .field("bytes", bytes.len());
    Ok(event.field("sha256", HEXLOWER.encode(&Sha256::digest(bytes))).field("kept", kept))
}

/// Copies `bytes`, which a segment holds from `offset` on, into a file of their own and cuts the
/// segment there.
pub fn cut(dir: &Path, number: u32, file: &File, offset: u64, bytes: &[u8]) -> Result<String> {
    let name = format!("torn-{number:08}-{offset}");
    files::replace(&dir.join(&name), bytes)?;
    let path = segment::path(dir, number);
    file.set_len(offset).and_then(|()| file.sync_all()).map_err(|e| Error::io("cut", &path, e))?;
    Ok(name)
}
