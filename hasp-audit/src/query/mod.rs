//! Answering a question: only the segments and frames that can hold an answer are read, a few
//! segments at a time on several threads, and answers come in the order of the record.

pub(crate) mod checked;
pub(crate) mod filter;
mod indexed;
pub(crate) mod runs;
#[cfg(test)]
mod tests;

use std::path::Path;

use hasp_core::{Error, Result, Timestamp};

use crate::code;
use crate::log::Log;
use crate::query::filter::Filter;
use crate::query::indexed::Seen;
use crate::record::Record;
use crate::record::kind::EventKind;
use crate::segment::pack;
use crate::segment::{self, Form, Found, Lines};

/// Threads that wait for the disk rather than compute.
const THREADS: usize = 8;

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
        return segments.iter().try_for_each(|segment| {
            let mut each = |line: &[u8]| admitted(line, filter).map_or(Ok(()), &mut *each);
            lines(dir, *segment, filter, by, &mut each)
        });
    }
    for some in segments.chunks(THREADS) {
        let answers = all(some, |segment| segment_answers(dir, segment, filter, by))?;
        answers.into_iter().flatten().try_for_each(&mut *each)?;
    }
    Ok(())
}

/// Reads the lines that may answer, and of each segment hands on what `step` made of them, in
/// order: of a record of any length no more is held than that. A line may be one that does not
/// answer: only its time and, from the index, its terms were looked at.
///
/// # Errors
/// I/O errors.
pub fn fold<S: Default + Send>(
    dir: &Path,
    filter: &Filter,
    step: impl Fn(&mut S, &[u8]) + Sync,
    mut each: impl FnMut(S),
) -> Result<()> {
    let segments: Vec<(u32, Form)> = segment::list(dir)?.into_iter().collect();
    for some in segments.chunks(THREADS) {
        let found = all(some, |segment| {
            let mut found = S::default();
            let mut step = |line: &[u8]| {
                step(&mut found, line);
                Ok(())
            };
            lines(dir, segment, filter, By::Index, &mut step)?;
            Ok(found)
        })?;
        found.into_iter().for_each(&mut each);
    }
    Ok(())
}

/// The last `count` records that answer, in order; only as many segments are read as it takes.
pub fn last(dir: &Path, filter: &Filter, by: By, count: usize) -> Result<Vec<Record>> {
    let segments: Vec<(u32, Form)> = segment::list(dir)?.into_iter().collect();
    let mut found: Vec<Record> = Vec::new();
    for some in segments.rchunks(THREADS) {
        let answers = all(some, |segment| segment_answers(dir, segment, filter, by))?;
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
    segment: (u32, Form),
    filter: &Filter,
    by: By,
) -> Result<Vec<Record>> {
    let mut found = Vec::new();
    lines(dir, segment, filter, by, &mut |line| {
        found.extend(admitted(line, filter));
        Ok(())
    })?;
    Ok(found)
}

fn admitted(line: &[u8], filter: &Filter) -> Option<Record> {
    Record::parse(line).filter(|record| filter.admits(record))
}

/// Hands on the lines of one segment that may answer. One that was pruned since it was listed has
/// none.
fn lines(
    dir: &Path,
    segment: (u32, Form),
    filter: &Filter,
    by: By,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    match read(dir, segment, filter, by, each) {
        Err(e) if e.code() == code::NOT_FOUND => match segment::list(dir)?.get(&segment.0) {
            None => Ok(()),
            Some(_) => Err(e),
        },
        other => other,
    }
}

fn read(
    dir: &Path,
    (number, form): (u32, Form),
    filter: &Filter,
    by: By,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let index =
        if form == Form::Packed && by == By::Index { pack::index(dir, number)? } else { None };
    if let Some(index) = index {
        match indexed::lines(dir, number, &index, filter, each)? {
            Seen::Answered => return Ok(()),
            Seen::Unselective => {}
            // Damaged where only this question looked: the next one finds a whole one, and this
            // one reads the records.
            Seen::Damaged => drop(pack::reindex(dir, number)),
        }
    }
    stream(dir, number, filter, each)
}

/// Reads a whole segment.
fn stream(
    dir: &Path,
    number: u32,
    filter: &Filter,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let needle = filter.needle();
    let finder = memchr::memmem::Finder::new(&needle);
    let mut lines = Lines::open(dir, number, u64::MAX)?;
    let mut line = Vec::new();
    loop {
        match lines.next_into(&mut line)? {
            Found::Line if !filter.is_in_time(&line) || finder.find(&line).is_none() => {}
            Found::Line => each(&line)?,
            Found::Damaged => return Err(segment::damaged(dir, number)),
            // A line that is cut off or too long is no record: `verify` names it.
            Found::Rest | Found::Long | Found::End => return Ok(()),
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
