//! The files that a log is cut into: numbered from 1 without a gap, closed for good when they have
//! 16 MiB.

pub(crate) mod index;
pub(crate) mod lock;
pub(crate) mod missing;
pub(crate) mod pack;
pub(crate) mod replay;
pub(crate) mod state;
#[cfg(test)]
mod theft;
pub(crate) mod torn;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use hasp_core::files::Guard;

use hasp_core::text::printable_path;
use hasp_core::{Error, Kind, Result, files};

use crate::code;
use crate::record::line::MAX_LINE;

/// A segment that has this many bytes or more is closed, unless [`crate::Log::with_segment_size`]
/// says otherwise: the next append begins the next one.
pub const FULL: u64 = 16 << 20;

/// The path of a segment as it is written.
pub fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.jsonl"))
}

/// Opens a segment for writing; `None` if there is no such file.
pub fn open(dir: &Path, number: u32) -> Result<Option<File>> {
    match files::open_existing(&path(dir, number)) {
        Err(e) if e.code() == code::NOT_FOUND => Ok(None),
        other => other.map(Some),
    }
}

/// Makes an empty segment whose name survives a crash.
pub fn create(dir: &Path, number: u32) -> Result<File> {
    let path = path(dir, number);
    let file = files::open_or_create(&path)?;
    files::sync_parent(&path)?;
    Ok(file)
}

/// A packed segment does not unpack: what it held cannot be told.
pub fn damaged(dir: &Path, number: u32) -> Error {
    let shown = printable_path(&packed_path(dir, number));
    Error::new(Kind::Data, code::TAMPERED, format!("{shown} is damaged: it does not unpack"))
        .hint("see from which record on: hasp-audit verify")
}

/// The number of bytes in an open segment.
pub fn size(file: &File, path: &Path) -> Result<u64> {
    file.metadata().map(|m| m.len()).map_err(|e| Error::io("read", path, e))
}

/// The path of a closed segment that was packed: zstd frames (RFC 8878), each of whole lines, which
/// `zstd -dc` reads as one.
pub fn packed_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.jsonl.zst"))
}

/// How a segment is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As it was written.
    Plain,
    /// Packed after it was closed.
    Packed,
}

/// The segments that are there, by number. One that is there in both forms counts as plain: packing
/// was not finished.
pub fn list(dir: &Path) -> Result<BTreeMap<u32, Form>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(|e| Error::io("read", dir, e))? {
        let name = entry.map_err(|e| Error::io("read", dir, e))?.file_name();
        let Some((number, form)) = name.to_str().and_then(parse_name) else {
            continue;
        };
        let known = found.entry(number).or_insert(form);
        if form == Form::Plain {
            *known = Form::Plain;
        }
    }
    Ok(found)
}

fn parse_name(name: &str) -> Option<(u32, Form)> {
    let (digits, form) = match name.strip_suffix(".zst") {
        Some(packed) => (packed.strip_suffix(".jsonl")?, Form::Packed),
        None => (name.strip_suffix(".jsonl")?, Form::Plain),
    };
    let plain = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?.map(|number| (number, form))
}

/// The lines of one segment, from its beginning.
pub struct Lines {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
}

/// What [`Lines::next_into`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A line, its newline cut off.
    Line,
    /// Bytes without a newline at the end of the segment.
    Rest,
    /// The beginning of a line that is longer than a record can be.
    Long,
    /// A packed segment that does not unpack from here on.
    Damaged,
    /// Nothing more.
    End,
}

impl Lines {
    /// Opens a segment in whatever form it is; of a plain one at most `limit` bytes are read.
    pub fn open(dir: &Path, number: u32, limit: u64) -> Result<Lines> {
        let (plain, packed) = (path(dir, number), packed_path(dir, number));
        match files::open(&plain, Guard::Private) {
            Ok(file) => Ok(Lines {
                reader: Box::new(BufReader::with_capacity(128 << 10, file.take(limit))),
                path: plain,
            }),
            // Looked for second: packing makes the packed one before it removes the plain one.
            Err(e) if e.code() == code::NOT_FOUND && packed.exists() => {
                let file = files::open(&packed, Guard::Private)?;
                let decoder =
                    zstd::Decoder::new(file).map_err(|e| Error::io("read", &packed, e))?;
                Ok(Lines {
                    reader: Box::new(BufReader::with_capacity(128 << 10, decoder)),
                    path: packed,
                })
            }
            Err(e) => Err(e),
        }
    }

    /// Reads the next line into `line`, which is emptied first; never more than a record can have.
    pub fn next_into(&mut self, line: &mut Vec<u8>) -> Result<Found> {
        line.clear();
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                // What the disk says has a number; what zstd says has none.
                Err(e) if e.raw_os_error().is_none() => return Ok(Found::Damaged),
                Err(e) => return Err(Error::io("read", &self.path, e)),
            };
            if available.is_empty() {
                return Ok(if line.is_empty() { Found::End } else { Found::Rest });
            }
            let end = memchr::memchr(b'\n', available);
            let taken = end.unwrap_or(available.len());
            if line.len() + taken >= MAX_LINE {
                return Ok(Found::Long);
            }
            line.extend_from_slice(&available[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(Found::Line);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_segments_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "00000001.jsonl.zst",
            "00000002.jsonl",
            "00000002.jsonl.zst",
            "key",
            "1.jsonl",
            "0000000x.jsonl",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let found: Vec<_> = list(dir.path()).unwrap().into_iter().collect();
        assert_eq!(found, [(1, Form::Packed), (2, Form::Plain)]);
    }

    #[test]
    fn lines_are_cut_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let content = format!("a\n\n{}\nrest", "b".repeat(5000));
        hasp_core::files::replace(&path(dir.path(), 1), content.as_bytes()).unwrap();
        let mut lines = Lines::open(dir.path(), 1, u64::MAX).unwrap();
        let mut line = Vec::new();
        assert_eq!(
            (lines.next_into(&mut line).unwrap(), line.as_slice()),
            (Found::Line, &b"a"[..])
        );
        assert_eq!((lines.next_into(&mut line).unwrap(), line.len()), (Found::Line, 0));
        assert_eq!(lines.next_into(&mut line).unwrap(), Found::Long);
        let mut cut = Lines::open(dir.path(), 1, 1).unwrap();
        assert_eq!((cut.next_into(&mut line).unwrap(), line.as_slice()), (Found::Rest, &b"a"[..]));
        assert_eq!(cut.next_into(&mut line).unwrap(), Found::End);
    }
}
