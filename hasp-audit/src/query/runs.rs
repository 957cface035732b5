//! Which runs have ended: a start without an end was killed, or still runs, and is shown as such.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use hasp_core::Result;

use crate::query::filter::Filter;
use crate::query::{self, By};
use crate::record::term;
use crate::segment::index::Index;
use crate::segment::pack;
use crate::segment::{self, Form};

/// No more indexes than this are kept open: a process may as a rule have 1024 files.
const MAX_OPEN: usize = 500;

/// Looks up ends, by the number of their start.
pub struct Ends {
    dir: PathBuf,
    /// Packed segments with the number of their first record.
    packed: Vec<(u64, u32)>,
    /// The starts whose ends are in segments that have no index.
    plain: HashSet<u64>,
    /// Indexes that were used, by segment: a start that never ended asks all that follow it.
    opened: BTreeMap<u32, Option<Index>>,
}

impl Ends {
    /// Reads what is needed of the log in `dir`.
    pub fn read(dir: &Path) -> Result<Ends> {
        let mut ends = Ends {
            dir: dir.to_owned(),
            packed: Vec::new(),
            plain: HashSet::new(),
            opened: BTreeMap::new(),
        };
        for (number, form) in segment::list(dir)? {
            let index = if form == Form::Packed { pack::index(dir, number)? } else { None };
            match index {
                Some(index) => ends.packed.push((index.first(), number)),
                None => ends.scan(number, form)?,
            }
        }
        Ok(ends)
    }

    /// Reads the ends in a segment itself.
    fn scan(&mut self, number: u32, form: Form) -> Result<()> {
        let filter = Filter::term(term::event("exec.end"));
        let found = query::segment_answers(&self.dir, (number, form), &filter, By::Scan)?;
        self.plain.extend(found.iter().filter_map(|r| r.object["start"].as_u64()));
        Ok(())
    }

    /// Whether the run that record `start` began has ended.
    pub fn has(&mut self, start: u64) -> Result<bool> {
        if self.plain.contains(&start) {
            return Ok(true);
        }
        let from = self.packed.partition_point(|(first, _)| *first <= start).saturating_sub(1);
        let term = term::end_of(start);
        for at in from..self.packed.len() {
            let number = self.packed[at].1;
            match self.index(number)?.and_then(|i| i.lines(&term)) {
                Some(lines) if !lines.is_empty() => return Ok(true),
                Some(_) => {}
                // An index that cannot be read does not mean that there is no end.
                None => self.scan(number, Form::Packed)?,
            }
        }
        Ok(self.plain.contains(&start))
    }

    /// The index of a segment.
    fn index(&mut self, number: u32) -> Result<Option<&Index>> {
        if !self.opened.contains_key(&number) {
            if self.opened.len() == MAX_OPEN {
                self.opened.clear();
            }
            self.opened.insert(number, pack::index(&self.dir, number)?);
        }
        Ok(self.opened.get(&number).and_then(Option::as_ref))
    }
}
