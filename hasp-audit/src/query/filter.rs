//! Which records answer a question: all given terms, within a time. The filter decides; the index
//! only says where to look.

use hasp_core::Timestamp;

use crate::record::Record;

/// A question. The default one asks for everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Terms that a record must all have.
    pub terms: Vec<String>,
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Not after this moment.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// A question for one term.
    pub fn term(term: String) -> Filter {
        Filter { terms: vec![term], ..Filter::default() }
    }

    /// Whether this record answers it.
    pub fn admits(&self, record: &Record) -> bool {
        if self.since.is_some() || self.until.is_some() {
            let time = record.time();
            if !self.overlaps(time, time) {
                return false;
            }
        }
        if self.terms.is_empty() {
            return true;
        }
        let has = record.terms();
        self.terms.iter().all(|t| has.contains(t))
    }

    /// Whether records between these moments could.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.since.is_none_or(|s| last >= s) && self.until.is_none_or(|u| first <= u)
    }

    /// Bytes that every line that answers holds, to pass over the others without parsing them;
    /// empty if there are none.
    pub fn needle(&self) -> Vec<u8> {
        let needles = self.terms.iter().filter_map(|t| {
            let (kind, text) = t.split_once(':')?;
            let text = if kind == "v" { text.split('@').next()? } else { text };
            let plain = !text.is_empty()
                && text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\');
            (plain && "svfgpx".contains(kind)).then(|| text.as_bytes().to_vec())
        });
        needles.max_by_key(Vec::len).unwrap_or_default()
    }
}
