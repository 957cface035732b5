//! Where in a packed segment a term occurs, so that a question reads a few pages of each segment
//! and no more. An index is a help, not evidence: it is derived from the records, holds no record,
//! and `log --verify` answers without it.
//!
//! It names the packed file that it was made from, and everything that is read from it has a check
//! of its own, so that one that is damaged, stale or of another segment is made again rather than
//! believed. The checks are no MACs: somebody who writes into this home can make an index that
//! hides a record, and only `--verify` sees that.
//!
//! | bytes | content (integers little-endian; a check is the first 4 bytes of SHA-256) |
//! |---|---|
//! | 0..8 | `haspidx4`: another number where records have other terms |
//! | 8..16, 16..24 | earliest and latest time, seconds since 1970 |
//! | 24..28, 28..32 | number of frames, number of terms |
//! | 32..40 | number of the first record |
//! | 40..48, 48..64 | length of the packed file, first 16 bytes of SHA-256 of its last 64 bytes |
//! | 64..1088 | 256 times the number of terms whose hash begins with this byte or a smaller one |
//! | 1088..2112 | 256 times the check of the terms whose hash begins with this byte |
//! | 2112..2116, 2116..2120 | check of all frames, check of bytes 0..2116 |
//! | ... | frames: offset (8) and length (4) in the packed file, number of the first line in it
//! (4), from 0 |
//! | ... | terms, by hash: first 8 bytes of SHA-256 of the term (big-endian), offset (4), length
//! (4) and check (4) of its postings |
//! | ... | postings: numbers of lines, ascending, each as LEB128 difference to the one before |

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hasp_core::files::{self, Guard};
use hasp_core::{Result, Timestamp};
use sha2::{Digest, Sha256};

use crate::code;

const MAGIC: &[u8; 8] = b"haspidx4";
const SOURCE: usize = 40;
const FANOUT: usize = 64;
const CHECKS: usize = FANOUT + 256 * 4;
const FRAMES_CHECK: usize = CHECKS + 256 * 4;
const HEADER_CHECK: usize = FRAMES_CHECK + 4;
const HEADER: usize = HEADER_CHECK + 4;
const FRAME: usize = 16;
const ENTRY: usize = 20;
/// How many bytes at the end of the packed file name it: a frame ends with a checksum of what it
/// holds.
const TAIL: usize = 64;

/// The path of a segment's index.
pub fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.idx"))
}

/// Where a frame lies and which lines it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Offset in the packed file.
    pub offset: u64,
    /// Length there.
    pub len: u32,
    /// Number of its first line in the segment, from 0.
    pub first: u32,
}

/// Collects the terms of a segment.
#[derive(Default)]
pub struct Builder {
    terms: BTreeMap<u64, Postings>,
    record: Option<u64>,
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Default)]
struct Postings {
    bytes: Vec<u8>,
    next: u32,
}

impl Builder {
    /// Adds record `n`, which is line number `line` of the segment; lines come in order.
    pub fn add(&mut self, line: u32, n: u64, time: Timestamp, terms: &[String]) {
        let second = time.as_second();
        self.record.get_or_insert(n);
        self.first = Some(self.first.map_or(second, |f| f.min(second)));
        self.last = Some(self.last.map_or(second, |l| l.max(second)));
        for term in terms {
            let postings = self.terms.entry(hash(term)).or_default();
            // `next` is one behind the last posting, so that the same line is not posted twice.
            if line >= postings.next {
                leb128(&mut postings.bytes, line - postings.next);
                postings.next = line + 1;
            }
        }
    }

    /// The bytes of the index of this packed file.
    pub fn finish(self, frames: &[Frame], packed: &[u8]) -> Vec<u8> {
        let mut index =
            Vec::with_capacity(HEADER + frames.len() * FRAME + self.terms.len() * (ENTRY + 8));
        index.extend_from_slice(MAGIC);
        index.extend_from_slice(&self.first.unwrap_or(0).to_le_bytes());
        index.extend_from_slice(&self.last.unwrap_or(0).to_le_bytes());
        index.extend_from_slice(&(frames.len() as u32).to_le_bytes());
        index.extend_from_slice(&(self.terms.len() as u32).to_le_bytes());
        index.extend_from_slice(&self.record.unwrap_or(u64::MAX).to_le_bytes());
        index.extend_from_slice(&source(
            packed.len() as u64,
            &packed[packed.len().saturating_sub(TAIL)..],
        ));
        let (frames, buckets) = (frame_table(frames), self.buckets());
        let mut sum = 0;
        for bucket in &buckets {
            sum += (bucket.len() / ENTRY) as u32;
            index.extend_from_slice(&sum.to_le_bytes());
        }
        buckets.iter().for_each(|bucket| index.extend_from_slice(&check(bucket)));
        index.extend_from_slice(&check(&frames));
        let header = check(&index);
        index.extend_from_slice(&header);
        index.extend_from_slice(&frames);
        buckets.iter().for_each(|bucket| index.extend_from_slice(bucket));
        self.terms.values().for_each(|p| index.extend_from_slice(&p.bytes));
        index
    }

    /// The entries of all terms, by the first byte of their hash.
    fn buckets(&self) -> Vec<Vec<u8>> {
        let mut buckets = vec![Vec::new(); 256];
        let mut at = 0u32;
        for (hash, postings) in &self.terms {
            let bucket = &mut buckets[(hash >> 56) as usize];
            bucket.extend_from_slice(&hash.to_be_bytes());
            bucket.extend_from_slice(&at.to_le_bytes());
            bucket.extend_from_slice(&(postings.bytes.len() as u32).to_le_bytes());
            bucket.extend_from_slice(&check(&postings.bytes));
            at += postings.bytes.len() as u32;
        }
        buckets
    }
}

/// An index on disk; only what a question needs is read.
pub struct Index {
    file: File,
    header: Box<[u8; HEADER]>,
}

impl Index {
    /// Opens the index of a packed segment; `None` if there is none that was made from this very
    /// file.
    pub fn open(dir: &Path, number: u32, packed: &File) -> Result<Option<Index>> {
        let file = match files::open(&path(dir, number), Guard::Private) {
            Err(e) if e.code() == code::NOT_FOUND => return Ok(None),
            other => other?,
        };
        let mut header = Box::new([0; HEADER]);
        let whole = file.read_exact_at(&mut *header, 0).is_ok()
            && header[..8] == *MAGIC
            && header[HEADER_CHECK..] == check(&header[..HEADER_CHECK]);
        let usable =
            whole && source_of(packed).is_some_and(|source| header[SOURCE..FANOUT] == source);
        Ok(usable.then_some(Index { file, header }))
    }

    /// The earliest and the latest time in the segment.
    pub fn times(&self) -> (Timestamp, Timestamp) {
        let second =
            |at: usize| Timestamp::from_second(i64::from_le_bytes(array(&self.header[at..at + 8])));
        (second(8), second(16))
    }

    /// The number of the first record in the segment.
    pub fn first(&self) -> u64 {
        u64::from_le_bytes(array(&self.header[32..]))
    }

    /// The numbers of the lines that have this term; `None` if the index is damaged.
    pub fn lines(&self, term: &str) -> Option<Vec<u32>> {
        let Some((at, len, expected)) = self.postings(hash(term))? else {
            return Some(Vec::new());
        };
        let start = self.terms_at() + u64::from(self.terms()) * ENTRY as u64 + u64::from(at);
        let bytes = self.read(start, len as usize)?;
        if check(&bytes) == expected { read_postings(&bytes) } else { None }
    }

    /// The frames of the packed segment.
    pub fn frames(&self) -> Option<Vec<Frame>> {
        let bytes = self.read(HEADER as u64, self.frame_count() as usize * FRAME)?;
        if check(&bytes) != self.header[FRAMES_CHECK..HEADER_CHECK] {
            return None;
        }
        let frame = |b: &[u8]| Frame {
            offset: u64::from_le_bytes(array(&b[..8])),
            len: number(&b[8..]),
            first: number(&b[12..]),
        };
        Some(bytes.chunks_exact(FRAME).map(frame).collect())
    }

    /// Offset, length and check of the postings of a hash: found among the few entries that begin
    /// with the same byte.
    fn postings(&self, hash: u64) -> Option<Option<(u32, u32, [u8; 4])>> {
        let bucket = (hash >> 56) as usize;
        let bound = |b: usize| number(&self.header[FANOUT + 4 * b..]);
        let (from, to) = (if bucket == 0 { 0 } else { bound(bucket - 1) }, bound(bucket));
        if from > to || to > self.terms() {
            return None;
        }
        let start = self.terms_at() + u64::from(from) * ENTRY as u64;
        let entries = self.read(start, (to - from) as usize * ENTRY)?;
        if check(&entries) != self.header[CHECKS + 4 * bucket..][..4] {
            return None;
        }
        let found = entries.chunks_exact(ENTRY).find(|e| e[..8] == hash.to_be_bytes());
        Some(found.map(|e| (number(&e[8..]), number(&e[12..]), array(&e[16..]))))
    }

    fn read(&self, at: u64, len: usize) -> Option<Vec<u8>> {
        // A damaged length must not make us allocate what is not there.
        let size = self.file.metadata().ok()?.len();
        if at.checked_add(len as u64).is_none_or(|end| end > size) {
            return None;
        }
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    fn frame_count(&self) -> u32 {
        number(&self.header[24..])
    }

    fn terms(&self) -> u32 {
        number(&self.header[28..])
    }

    fn terms_at(&self) -> u64 {
        HEADER as u64 + u64::from(self.frame_count()) * FRAME as u64
    }
}

fn frame_table(frames: &[Frame]) -> Vec<u8> {
    let mut table = Vec::with_capacity(frames.len() * FRAME);
    for frame in frames {
        table.extend_from_slice(&frame.offset.to_le_bytes());
        table.extend_from_slice(&frame.len.to_le_bytes());
        table.extend_from_slice(&frame.first.to_le_bytes());
    }
    table
}

/// What tells the packed file that an index was made from.
fn source(len: u64, tail: &[u8]) -> [u8; FANOUT - SOURCE] {
    let mut source = [0; FANOUT - SOURCE];
    source[..8].copy_from_slice(&len.to_le_bytes());
    source[8..].copy_from_slice(&Sha256::digest(tail)[..16]);
    source
}

fn source_of(packed: &File) -> Option<[u8; FANOUT - SOURCE]> {
    let len = packed.metadata().ok()?.len();
    let mut tail = vec![0; TAIL.min(usize::try_from(len).ok()?)];
    let at = len - tail.len() as u64;
    packed.read_exact_at(&mut tail, at).ok()?;
    Some(source(len, &tail))
}

fn check(bytes: &[u8]) -> [u8; 4] {
    array(&Sha256::digest(bytes)[..4])
}

fn hash(term: &str) -> u64 {
    u64::from_be_bytes(array(&Sha256::digest(term.as_bytes())[..8]))
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[..N]);
    array
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(array(bytes))
}

fn leb128(to: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

fn read_postings(bytes: &[u8]) -> Option<Vec<u32>> {
    let mut lines = Vec::new();
    let (mut next, mut value, mut shift) = (0u32, 0u32, 0);
    for byte in bytes {
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            let line = next.checked_add(value)?;
            lines.push(line);
            next = line.checked_add(1)?;
            (value, shift) = (0, 0);
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests;
