//! Which records answer a question: all given terms, within a time. The filter decides; the index
//! only says where to look.

use hasp_core::Timestamp;

#[cfg(test)]
use crate::record::term;
use crate::record::{Record, line};

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

    /// Whether a line is of a time that is asked for, before anything else of it is read.
    pub fn is_in_time(&self, line: &[u8]) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let time = line::time(line).and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        time.is_none_or(|time| self.overlaps(time, time))
    }

    /// Whether records between these moments could.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.since.is_none_or(|s| last >= s) && self.until.is_none_or(|u| first <= u)
    }

    /// Bytes that every line that answers holds, to pass over the others without parsing them;
    /// empty if there are none.
    pub fn needle(&self) -> Vec<u8> {
        let needles = self.terms.iter().filter_map(|term| needle(term));
        needles.max_by_key(String::len).unwrap_or_default().into_bytes()
    }
}

/// What stands in the line of each record that has a term.
fn needle(term: &str) -> Option<String> {
    let (kind, text) = term.split_once(':')?;
    let said = match kind {
        "v" => text.split('@').next()?.to_owned(),
        "s" | "f" | "g" | "p" | "c" | "x" => text.to_owned(),
        "a" => text.strip_prefix("exe:").or(text.strip_prefix("pid:")).unwrap_or(text).to_owned(),
        "e" if text.contains('.') => format!("\"{text}\""),
        "e" => format!("\"{text}."),
        "d" => ".deny\"".to_owned(),
        "n" => "\"failed\":".to_owned(),
        _ => return None,
    };
    // What is not plain is written otherwise in a line; the quotes here are the line's own.
    let plain =
        |text: &str| text.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\');
    (!said.is_empty() && plain(text)).then_some(said)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A needle that a line with the term does not hold would hide it.
    #[test]
    fn every_line_holds_the_needles_of_its_terms() {
        let lines = [
            r#"{"v":1,"n":3,"t":"2026-01-01T00:00:00Z","event":"exec.start","grant":"g1",
                "project":"/p","consumer":"session:7","asker":[{"pid":7,"start":1,
                "exe":"/usr/bin/python3.11","comm":"x"}],"secrets":[{"name":"a/b","version":2,
                "fp":"ff","parts":["aa"]}]}"#,
            r#"{"v":1,"n":4,"t":"2026-01-01T00:00:00Z","event":"exec.end","start":3,
                "failed":"not-executable"}"#,
            r#"{"v":1,"n":5,"t":"2026-01-01T00:00:00Z","event":"exec.deny","code":"spent"}"#,
            r#"{"v":1,"n":6,"t":"2026-01-01T00:00:00Z","event":"exec.item",
                "secrets":[{"name":"c"}],"for":"exec.start","of":7}"#,
            r#"{"v":1,"n":7,"t":"2026-01-01T00:00:00Z","event":"x.y","project":"/\u00e4\"b",
                "secrets_items":1}"#,
        ];
        for line in lines {
            for term in Record::parse(line.as_bytes()).unwrap().terms() {
                let needle = Filter::term(term.clone()).needle();
                let found = memchr::memmem::find(line.as_bytes(), &needle);
                assert!(found.is_some(), "{term}: {}", String::from_utf8_lossy(&needle));
            }
        }
        assert_eq!(Filter::term(term::denied()).needle(), b".deny\"");
        assert_eq!(Filter::term(term::project("/\u{e4}")).needle(), b"");
    }

    #[test]
    fn a_time_is_looked_at_before_the_rest() {
        let line = br#"{"v":1,"n":12,"t":"2026-01-01T00:00:07Z","event":"x.y"}"#;
        let since = |text: &str| Filter { since: text.parse().ok(), ..Filter::default() };
        assert!(since("2026-01-01T00:00:07Z").is_in_time(line));
        assert!(!since("2026-01-01T00:00:08Z").is_in_time(line));
        assert!(since("2026-01-01T00:00:08Z").is_in_time(b"no record"));
    }
}
