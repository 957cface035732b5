//! Answering a question: only the segments and frames that can hold an answer are read, a few
//! segments at a time on several threads, and answers come in the order of the record.

pub(crate) mod checked;
pub(crate) mod filter;
pub(crate) mod runs;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, Timestamp};

use crate::log::Log;
use crate::query::filter::Filter;
use crate::record::Record;
use crate::record::kind::EventKind;
use crate::segment::index::{Frame, Index};
use crate::segment::pack;
use crate::segment::{self, Form, Found, Lines};

/// Threads that wait for the disk rather than compute.
const THREADS: usize = 8;
/// No frame unpacks to more than this, in bytes.
const MAX_FRAME: usize = 256 << 20;

/// How a question is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// With the index where there is one.
    Index,
    /// By reading every line.
    Scan,
}

impl Log {
    /// Hands every record to `each`, in order; nothing is verified.
    ///
    /// # Errors
    /// I/O errors, and what `each` returns.
    pub fn each(&self, each: &mut dyn FnMut(Record) -> Result<()>) -> Result<()> {
        run(self.path(), &Filter::default(), By::Scan, each)
    }

    /// Hands every record of these events since a moment to `each`, in order; nothing is verified.
    ///
    /// # Errors
    /// I/O errors, and what `each` returns.
    pub fn each_of(
        &self,
        kinds: &[EventKind],
        since: Option<Timestamp>,
        each: &mut dyn FnMut(Record) -> Result<()>,
    ) -> Result<()> {
        let filter = Filter { since, ..Filter::default() };
        run(self.path(), &filter, By::Index, &mut |record| {
            let wanted = kinds.iter().any(|kind| kind.name() == record.event());
            if wanted { each(record) } else { Ok(()) }
        })
    }
}

/// Hands every record that answers to `each`, in order.
///
/// # Errors
/// I/O errors, and what `each` returns.
pub fn run(
    dir: &Path,
    filter: &Filter,
    by: By,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let segments: Vec<(u32, Form)> = segment::list(dir)?.into_iter().collect();
    if filter.terms.is_empty() {
        return segments.iter().try_for_each(|(number, _)| stream(dir, *number, filter, each));
    }
    for some in segments.chunks(THREADS) {
        let answers = all(some, |(number, form)| segment_answers(dir, number, form, filter, by))?;
        answers.into_iter().flatten().try_for_each(&mut *each)?;
    }
    Ok(())
}

/// The last `count` records that answer, in order; only as many segments are read as it takes.
pub fn last(dir: &Path, filter: &Filter, by: By, count: usize) -> Result<Vec<Record>> {
    let segments: Vec<(u32, Form)> = segment::list(dir)?.into_iter().collect();
    let mut found: Vec<Record> = Vec::new();
    for some in segments.rchunks(THREADS) {
        let answers = all(some, |(number, form)| segment_answers(dir, number, form, filter, by))?;
        found.splice(0..0, answers.into_iter().flatten());
        if found.len() >= count {
            break;
        }
    }
    Ok(found.split_off(found.len().saturating_sub(count)))
}

/// The records of one segment that answer.
pub fn segment_answers(
    dir: &Path,
    number: u32,
    form: Form,
    filter: &Filter,
    by: By,
) -> Result<Vec<Record>> {
    let index =
        if form == Form::Packed && by == By::Index { pack::index(dir, number)? } else { None };
    if let Some(index) = index {
        let (first, last) = index.times();
        if !filter.overlaps(first, last) {
            return Ok(Vec::new());
        }
        if let Some(found) = by_index(dir, number, &index, filter)? {
            return Ok(found);
        }
        // Damaged where only this question looked: the next one finds a whole one, and this one
        // reads the records.
        let _ = pack::reindex(dir, number);
    }
    let mut found = Vec::new();
    stream(dir, number, filter, &mut |record| {
        found.push(record);
        Ok(())
    })?;
    Ok(found)
}

/// Reads a whole segment.
fn stream(
    dir: &Path,
    number: u32,
    filter: &Filter,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let needle = filter.needle();
    let finder = memchr::memmem::Finder::new(&needle);
    let mut lines = Lines::open(dir, number, u64::MAX)?;
    let mut line = Vec::new();
    loop {
        match lines.next_into(&mut line)? {
            Found::Line if finder.find(&line).is_none() => continue,
            Found::Line => {}
            Found::Damaged => return Err(segment::damaged(dir, number)),
            // A line that is cut off or too long is no record: `verify` names it.
            Found::Rest | Found::Long | Found::End => return Ok(()),
        }
        if let Some(record) = Record::parse(&line).filter(|r| filter.admits(r)) {
            each(record)?;
        }
    }
}

/// `None` if the index cannot be used.
fn by_index(
    dir: &Path,
    number: u32,
    index: &Index,
    filter: &Filter,
) -> Result<Option<Vec<Record>>> {
    let mut rarest: Option<Vec<u32>> = None;
    for term in &filter.terms {
        let Some(lines) = index.lines(term) else {
            return Ok(None);
        };
        if rarest.as_ref().is_none_or(|r| lines.len() < r.len()) {
            rarest = Some(lines);
        }
    }
    let Some(wanted) = rarest else {
        return Ok(None);
    };
    if wanted.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let Some(frames) = index.frames() else {
        return Ok(None);
    };
    let path = segment::packed_path(dir, number);
    let file = files::open(&path, Guard::Private)?;
    let mut decompressor =
        zstd::bulk::Decompressor::new().map_err(|e| Error::io("read", &path, e))?;
    let mut found = Vec::with_capacity(wanted.len());
    for (frame, lines) in by_frame(&frames, &wanted) {
        let content =
            unpack(&file, &frame, &mut decompressor).map_err(|_| segment::damaged(dir, number))?;
        pick(&content, frame.first, lines, filter, &mut found);
    }
    Ok(Some(found))
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

fn unpack(
    file: &File,
    frame: &Frame,
    with: &mut zstd::bulk::Decompressor,
) -> std::io::Result<Vec<u8>> {
    let mut packed = vec![0; (frame.len as usize).min(MAX_FRAME)];
    file.read_exact_at(&mut packed, frame.offset)?;
    let size = zstd::bulk::Decompressor::upper_bound(&packed).unwrap_or(MAX_FRAME).min(MAX_FRAME);
    with.decompress(&packed, size)
}

/// The wanted lines of a frame whose first line is number `first`.
fn pick(content: &[u8], first: u32, wanted: &[u32], filter: &Filter, found: &mut Vec<Record>) {
    let mut wanted = wanted.iter().map(|l| l - first).peekable();
    for (at, line) in content.split(|b| *b == b'\n').enumerate() {
        let Some(next) = wanted.peek() else { return };
        if at as u32 == *next {
            wanted.next();
            found.extend(Record::parse(line).filter(|r| filter.admits(r)));
        }
    }
}

/// Does the same with several things at once, keeping their order.
fn all<T: Copy + Send + Sync, R: Send>(
    things: &[T],
    work: impl Fn(T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    if let [one] = things {
        return work(*one).map(|r| vec![r]);
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = things.iter().map(|thing| scope.spawn(|| work(*thing))).collect();
        workers
            .into_iter()
            .map(|w| w.join().unwrap_or_else(|_| Err(Error::bug("reading panicked"))))
            .collect()
    })
}
