//! Packing closed segments: compressed in small independent frames with an index beside them, by
//! whoever reads or unlocks, so that an append never waits for it. The bytes of the records do not
//! change.

use std::io::Write;
use std::path::Path;

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, lock};

use crate::record::Record;
use crate::segment::index::{self, Builder, Frame, Index};
use crate::segment::state::State;
use crate::segment::{self, Form};

/// A frame ends with the line that reaches this many bytes: what one hit costs to unpack.
const FRAME: usize = 8 << 10;
/// The file that is locked by whoever packs.
pub const LOCK: &str = "packing";
/// zstd's own default.
const LEVEL: i32 = 3;
/// A larger file is no segment that hasp wrote alone; it stays as it is.
const MAX_SEGMENT: usize = 256 << 20;

/// Packs at most `limit` closed segments of the log in `dir`, oldest first; returns how many.
/// Somebody else who packs is not waited for.
pub fn pack(dir: &Path, limit: usize) -> Result<usize> {
    let mut closed = pending(dir)?;
    closed.truncate(limit);
    if closed.is_empty() {
        return Ok(0);
    }
    let Some(_lock) = lock::try_lock(&dir.join(LOCK))? else {
        return Ok(0);
    };
    files::sweep_temps(dir)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    for some in closed.chunks(threads) {
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                some.iter().map(|number| scope.spawn(|| pack_one(dir, *number))).collect();
            let outcomes = workers
                .into_iter()
                .map(|w| w.join().unwrap_or_else(|_| Err(Error::bug("packing panicked"))));
            outcomes.collect::<Result<Vec<()>>>()
        })?;
    }
    Ok(closed.len())
}

/// The closed segments that are not packed, oldest first.
pub fn pending(dir: &Path) -> Result<Vec<u32>> {
    let active = State::read(dir)?.segment;
    let closed = segment::list(dir)?
        .into_iter()
        .filter(|(number, form)| *number < active && *form == Form::Plain);
    Ok(closed.map(|(number, _)| number).collect())
}

fn pack_one(dir: &Path, number: u32) -> Result<()> {
    let plain = segment::path(dir, number);
    let Some(content) = files::read_if_present(&plain, Guard::Private, MAX_SEGMENT)? else {
        return Ok(());
    };
    if content.is_empty() {
        return Ok(());
    }
    let packed_path = segment::packed_path(dir, number);
    let (packed, frames, builder) = compress(&content, &packed_path)?;
    files::replace(&packed_path, &packed)?;
    files::replace(&index::path(dir, number), &builder.finish(&frames, &packed))?;
    std::fs::remove_file(&plain).map_err(|e| Error::io("remove", &plain, e))?;
    files::sync_parent(&plain)
}

/// Frames of whole lines, each unpacked again and compared before the only other copy goes.
fn compress(content: &[u8], path: &Path) -> Result<(Vec<u8>, Vec<Frame>, Builder)> {
    let failed = |e| Error::io("pack", path, e);
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(failed)?;
    compressor.include_checksum(true).map_err(failed)?;
    let (mut packed, mut frames, mut builder, mut line) =
        (Vec::new(), Vec::new(), Builder::default(), 0u32);
    for chunk in chunks(content) {
        let frame = compressor.compress(chunk).map_err(failed)?;
        if zstd::bulk::decompress(&frame, chunk.len()).map_err(failed)? != chunk {
            return Err(Error::bug("a packed frame does not unpack to what it was"));
        }
        frames.push(Frame { offset: packed.len() as u64, len: frame.len() as u32, first: line });
        packed.write_all(&frame).map_err(failed)?;
        line = post(&mut builder, chunk, line);
    }
    Ok((packed, frames, builder))
}

/// Adds the lines of a frame, the first of which has number `line` in its segment; returns the
/// number of the next.
fn post(builder: &mut Builder, chunk: &[u8], mut line: u32) -> u32 {
    for text in chunk.split_inclusive(|b| *b == b'\n') {
        if let Some(record) = Record::parse(text) {
            builder.add(line, record.n(), record.time(), &record.terms());
        }
        line += 1;
    }
    line
}

/// The index of a packed segment; made again if it is missing, damaged or of another file. `None`
/// if it cannot be: then whoever asks reads the segment.
pub fn index(dir: &Path, number: u32) -> Result<Option<Index>> {
    let packed = files::open(&segment::packed_path(dir, number), Guard::Private)?;
    match Index::open(dir, number, &packed)? {
        Some(index) => Ok(Some(index)),
        // Where nothing can be written, or nothing unpacks, there is an answer without it.
        None => Ok(reindex(dir, number)
            .ok()
            .and_then(|()| Index::open(dir, number, &packed).ok())
            .flatten()),
    }
}

/// Makes the index of a packed segment from its records.
pub fn reindex(dir: &Path, number: u32) -> Result<()> {
    let path = segment::packed_path(dir, number);
    let packed = files::read(&path, Guard::Private, MAX_SEGMENT)?;
    let (mut frames, mut builder, mut at, mut line) = (Vec::new(), Builder::default(), 0, 0);
    while at < packed.len() {
        let len = zstd::zstd_safe::find_frame_compressed_size(&packed[at..]);
        let len = len.map_err(|_| segment::damaged(dir, number))?;
        let chunk =
            zstd::decode_all(&packed[at..at + len]).map_err(|_| segment::damaged(dir, number))?;
        frames.push(Frame { offset: at as u64, len: len as u32, first: line });
        line = post(&mut builder, &chunk, line);
        at += len;
    }
    files::replace(&index::path(dir, number), &builder.finish(&frames, &packed))
}

/// Cuts at the first newline behind every [`FRAME`] bytes.
fn chunks(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let from = FRAME.min(rest.len());
        let end = memchr::memchr(b'\n', &rest[from..]).map_or(rest.len(), |at| from + at + 1);
        let (chunk, later) = rest.split_at(end);
        rest = later;
        Some(chunk)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_content_unpacks_to_itself(
            lines in prop::collection::vec("[a-z{}\":]{0,3000}", 0..60),
            end in any::<bool>(),
        ) {
            let mut content = lines.join("\n").into_bytes();
            if end {
                content.push(b'\n');
            }
            prop_assume!(!content.is_empty());
            let (packed, frames, _) = compress(&content, Path::new("x")).unwrap();
            prop_assert_eq!(zstd::decode_all(&packed[..]).unwrap(), content.clone());
            let total: usize = frames.iter().map(|f| f.len as usize).sum();
            prop_assert_eq!(total, packed.len());
        }
    }
}
