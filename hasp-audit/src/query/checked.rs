//! Answering from a log that was verified a moment ago: each record is checked once more under its
//! own key as it is read, so that what is shown is what was verified, whoever writes to the files
//! meanwhile.

use std::path::Path;

use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::query::filter::Filter;
use crate::record::Record;
use crate::record::chain::Key;
use crate::record::line::Frame;
use crate::segment::{self, Found, Lines};
use crate::verify::Report;

/// Hands every record that answers to `each`, in order: those that `report`, which has no fault, is
/// about, and no later ones.
///
/// # Errors
/// `[tampered]` (`Kind::No`) if a record is not the one that was verified; I/O errors, and what
/// `each` returns.
pub fn run(
    dir: &Path,
    first: Key,
    report: &Report,
    filter: &Filter,
    each: &mut dyn FnMut(Record) -> Result<()>,
) -> Result<()> {
    let (mut n, mut prev, mut key, mut line) = (report.since, report.before, first, Vec::new());
    key.advance(n);
    for number in segment::list(dir)?.into_keys() {
        let mut lines = Lines::open(dir, number, u64::MAX)?;
        while n < report.records && lines.next_into(&mut line)? == Found::Line {
            let checked = Frame::split(&line).map(|frame| frame.check_and_next(n, &prev, &key));
            let Some(Ok((mac, next))) = checked else { return Err(changed(n)) };
            (n, prev, key) = (n + 1, mac, next);
            if let Some(record) = Record::parse(&line).filter(|record| filter.admits(record)) {
                each(record)?;
            }
        }
    }
    if n == report.records && prev == report.mac { Ok(()) } else { Err(changed(n)) }
}

fn changed(n: u64) -> Error {
    Error::new(
        Kind::No,
        code::TAMPERED,
        format!("record {n} changed while it was read: what was shown before it holds"),
    )
    .hint("look at the whole of it: hasp-audit verify")
}
