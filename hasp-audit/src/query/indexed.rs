//! The lines of a packed segment by its index: the terms are looked up, and only the frames that
//! hold lines with all of them are unpacked.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result};

use crate::query::filter::Filter;
use crate::segment;
use crate::segment::index::{Frame, Index};

/// No frame unpacks to more than this, in bytes.
const MAX_FRAME: usize = 256 << 20;

/// What an index was good for.
pub(super) enum Seen {
    /// Every line that may answer was handed on.
    Answered,
    /// The question names no term: the segment is to be read.
    Unselective,
    /// It cannot be used.
    Damaged,
}

/// Hands on the lines that have all terms of the question, in order.
pub(super) fn lines(
    dir: &Path,
    number: u32,
    index: &Index,
    filter: &Filter,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Seen> {
    let (first, last) = index.times();
    if !filter.overlaps(first, last) {
        return Ok(Seen::Answered);
    }
    if filter.terms.is_empty() {
        return Ok(Seen::Unselective);
    }
    let Some(wanted) = wanted(index, filter) else { return Ok(Seen::Damaged) };
    if wanted.is_empty() {
        return Ok(Seen::Answered);
    }
    let Some(frames) = index.frames() else { return Ok(Seen::Damaged) };
    let path = segment::packed_path(dir, number);
    let file = files::open(&path, Guard::Private)?;
    let mut unpacker = Unpacker::new().map_err(|e| Error::io("read", &path, e))?;
    for (frame, lines) in by_frame(&frames, &wanted) {
        let content = unpacker.unpack(&file, &frame).map_err(|_| segment::damaged(dir, number))?;
        pick(content, frame.first, lines, &mut |line| match filter.is_in_time(line) {
            true => each(line),
            false => Ok(()),
        })?;
    }
    Ok(Seen::Answered)
}

/// The numbers of the lines that have all terms; `None` if the index is damaged.
fn wanted(index: &Index, filter: &Filter) -> Option<Vec<u32>> {
    let mut found: Option<Vec<u32>> = None;
    for term in &filter.terms {
        let lines = index.lines(term)?;
        found = Some(match found {
            None => lines,
            Some(found) => both(&found, &lines),
        });
        if found.as_ref().is_some_and(Vec::is_empty) {
            break;
        }
    }
    found
}

/// What stands in both of two ascending lists.
fn both(one: &[u32], other: &[u32]) -> Vec<u32> {
    let (few, many) = if one.len() < other.len() { (one, other) } else { (other, one) };
    let mut rest = many;
    let mut found = Vec::with_capacity(few.len());
    for line in few {
        rest = &rest[rest.partition_point(|l| l < line)..];
        found.extend(rest.first().filter(|l| *l == line));
    }
    found
}

/// The frames that hold these lines, each with its own.
fn by_frame<'a>(frames: &[Frame], mut wanted: &'a [u32]) -> Vec<(Frame, &'a [u32])> {
    let mut groups = Vec::new();
    while let Some(line) = wanted.first() {
        let after = frames.partition_point(|f| f.first <= *line);
        let Some(frame) = after.checked_sub(1).map(|at| frames[at]) else {
            break;
        };
        let end = frames.get(after).map_or(u32::MAX, |f| f.first);
        let here = wanted.partition_point(|l| *l < end);
        groups.push((frame, &wanted[..here]));
        wanted = &wanted[here..];
    }
    groups
}

/// What frames are unpacked with, one after the other into the same memory.
struct Unpacker {
    zstd: zstd::bulk::Decompressor<'static>,
    packed: Vec<u8>,
    content: Vec<u8>,
}

impl Unpacker {
    fn new() -> std::io::Result<Unpacker> {
        let zstd = zstd::bulk::Decompressor::new()?;
        Ok(Unpacker { zstd, packed: Vec::new(), content: Vec::new() })
    }

    fn unpack(&mut self, file: &File, frame: &Frame) -> std::io::Result<&[u8]> {
        self.packed.resize((frame.len as usize).min(MAX_FRAME), 0);
        file.read_exact_at(&mut self.packed, frame.offset)?;
        // Packed in one go, a frame says how much it holds; one that somebody else made may not.
        let size = zstd::zstd_safe::get_frame_content_size(&self.packed);
        let size = size.map_err(|_| std::io::ErrorKind::InvalidData)?;
        match size.map(|size| usize::try_from(size).unwrap_or(usize::MAX)) {
            Some(size) if size > MAX_FRAME => return Err(std::io::ErrorKind::InvalidData.into()),
            Some(size) => {
                self.content.clear();
                self.content.reserve(size);
                self.zstd.decompress_to_buffer(&self.packed, &mut self.content)?;
            }
            None => self.content = zstd::decode_all(&self.packed[..])?,
        }
        Ok(&self.content)
    }
}

/// Hands on the wanted lines of a frame whose first line is number `first`.
fn pick(
    content: &[u8],
    first: u32,
    wanted: &[u32],
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut wanted = wanted.iter().map(|l| l - first).peekable();
    let mut start = 0;
    for (at, end) in memchr::memchr_iter(b'\n', content).chain([content.len()]).enumerate() {
        let Some(next) = wanted.peek() else { break };
        if at as u32 == *next {
            wanted.next();
            each(&content[start..end])?;
        }
        start = (end + 1).min(content.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
