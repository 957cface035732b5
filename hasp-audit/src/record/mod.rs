//! A record as a question sees it: its fields, and the terms that it can be found by.

pub(crate) mod asker;
pub(crate) mod chain;
pub(crate) mod event;
pub(crate) mod head;
pub(crate) mod kind;
pub(crate) mod line;
pub(crate) mod release;
pub(crate) mod split;

use hasp_core::Timestamp;
use serde_json::Value;

use crate::record::asker::Asker;

/// A parsed line. Nothing is verified: see [`crate::verify`](fn@crate::verify).
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The line without its newline.
    pub line: Vec<u8>,
    /// Its JSON object.
    pub object: Value,
}

/// One secret version that a record names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The secret.
    pub name: String,
    /// Its version, where the record says.
    pub version: Option<u64>,
}

impl std::fmt::Display for Use {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.version {
            Some(version) => write!(f, "{}@{version}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Record {
    /// Parses a line; `None` if it is no JSON object.
    pub fn parse(line: &[u8]) -> Option<Record> {
        let object: Value = serde_json::from_slice(line).ok()?;
        object.is_object().then(|| Record { line: line.to_vec(), object })
    }

    /// The record's number.
    pub fn n(&self) -> u64 {
        self.object["n"].as_u64().unwrap_or_default()
    }

    /// When it was made.
    pub fn time(&self) -> Timestamp {
        self.text("t").parse().unwrap_or(Timestamp::from_second(0))
    }

    /// The event's name.
    pub fn event(&self) -> &str {
        self.text("event")
    }

    /// A field that is text, or nothing.
    pub fn text(&self, field: &str) -> &str {
        self.object[field].as_str().unwrap_or_default()
    }

    /// Whether it came through the plumbing, which anybody can write to.
    pub fn is_plumbing(&self) -> bool {
        self.text("via") == "append"
    }

    /// Whether its event is one of this version, or of a program that is no part of hasp.
    pub fn is_known(&self) -> bool {
        let event = self.event();
        kind::EventKind::of(event).is_some() || self.is_plumbing() || event.ends_with(".item")
    }

    /// The secret versions that it names.
    pub fn uses(&self) -> Vec<Use> {
        objects(&self.object).filter_map(one_use).collect()
    }

    /// The secret versions that it says have this fingerprint.
    pub fn uses_of(&self, fp: &str) -> Vec<Use> {
        objects(&self.object).filter(|o| o["fp"] == fp).filter_map(one_use).collect()
    }

    /// The secret versions that it says have a part with this fingerprint.
    pub fn uses_of_part(&self, fp: &str) -> Vec<Use> {
        objects(&self.object)
            .filter(|o| parts(o).any(|part| part == fp))
            .filter_map(one_use)
            .collect()
    }

    /// Who asked: the caller first, then its ancestors.
    pub fn askers(&self) -> impl Iterator<Item = Asker<'_>> {
        self.object["asker"].as_array().into_iter().flatten().map(Asker::read)
    }

    /// The number of the record that this one is, or is a part of.
    pub fn whole(&self) -> u64 {
        self.object["of"].as_u64().unwrap_or(self.n())
    }

    /// Whether what it says stands in several records.
    fn is_split(&self) -> bool {
        let moved = |name: &String| name.ends_with("_items");
        self.object["of"].is_u64() || self.object.as_object().is_some_and(|o| o.keys().any(moved))
    }

    /// The terms that it can be found by.
    pub fn terms(&self) -> Vec<String> {
        let mut terms = Vec::with_capacity(12);
        let event = self.event();
        terms.push(term::event(event));
        terms.extend(event.split_once('.').map(|(family, _)| term::event(family)));
        terms.extend(self.object["for"].as_str().map(term::event));
        terms.extend(kind::is_denial(event).then(term::denied));
        for (field, make) in [
            ("grant", term::grant as fn(&str) -> String),
            ("project", term::project),
            ("consumer", term::consumer),
        ] {
            terms.extend(self.object[field].as_str().map(make));
        }
        terms.extend(self.text("consumer").split_once(':').map(|(kind, _)| term::consumer(kind)));
        terms.extend(self.object["start"].as_u64().map(term::end_of));
        terms.extend((!self.text("failed").is_empty()).then(term::failed));
        terms.extend(self.is_split().then(term::split));
        self.askers().for_each(|asker| terms.extend(asker.words().iter().map(|w| term::asker(w))));
        for object in objects(&self.object) {
            terms.extend(
                object["fp"].as_str().into_iter().chain(parts(object)).map(term::fingerprint),
            );
            let Some(found) = one_use(object) else { continue };
            terms.extend(found.version.map(|_| term::version(&found.to_string())));
            terms.push(term::secret(&found.name));
        }
        terms
    }
}

/// The record itself and the members of its list of secrets.
fn objects(record: &Value) -> impl Iterator<Item = &Value> {
    std::iter::once(record).chain(record["secrets"].as_array().into_iter().flatten())
}

/// The fingerprints of the parts of a secret version.
fn parts(object: &Value) -> impl Iterator<Item = &str> {
    object["parts"].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn one_use(object: &Value) -> Option<Use> {
    let name = object["secret"].as_str().or_else(|| object["name"].as_str())?;
    Some(Use { name: name.to_owned(), version: object["version"].as_u64() })
}

/// What a record can be found by, one spelling each.
pub(crate) mod term {
    /// A secret, whatever its version.
    pub fn secret(name: &str) -> String {
        format!("s:{name}")
    }

    /// A secret in one version, `NAME@N`.
    pub fn version(name_at_version: &str) -> String {
        format!("v:{name_at_version}")
    }

    /// A keyed fingerprint.
    pub fn fingerprint(fp: &str) -> String {
        format!("f:{fp}")
    }

    /// A grant's id.
    pub fn grant(id: &str) -> String {
        format!("g:{id}")
    }

    /// A consumer, or a kind of consumer.
    pub fn consumer(word: &str) -> String {
        format!("c:{word}")
    }

    /// A process that asked, or one of its ancestors: `exe:PATH`, `NAME` or `pid:N`.
    pub fn asker(word: &str) -> String {
        format!("a:{word}")
    }

    /// A project's root.
    pub fn project(root: &str) -> String {
        format!("p:{root}")
    }

    /// An event, or a family of events.
    pub fn event(name: &str) -> String {
        format!("e:{name}")
    }

    /// Every denial.
    pub fn denied() -> String {
        "d:".to_owned()
    }

    /// The ends of what never ran.
    pub fn failed() -> String {
        "n:".to_owned()
    }

    /// What did not fit into one record.
    pub fn split() -> String {
        "i:".to_owned()
    }

    /// The end of what record `start` began.
    pub fn end_of(start: u64) -> String {
        format!("x:{start}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_is_found_by_all_that_it_names() {
        let line = br#"{"n":3,"t":"2026-01-01T00:00:00Z","event":"exec.start","grant":"g1",
            "project":"/p","consumer":"session:7",
            "asker":[{"pid":7,"exe":"/usr/bin/hasp-exec"},{"pid":8,"exe":null}],
            "secrets":[{"name":"a/b","version":2,"fp":"ff","parts":["aa","bb"]},{"name":"c"}]}"#;
        let record = Record::parse(line).unwrap();
        let terms = record.terms();
        for term in [
            "e:exec.start",
            "e:exec",
            "g:g1",
            "p:/p",
            "c:session:7",
            "c:session",
            "s:a/b",
            "v:a/b@2",
            "f:ff",
            "f:bb",
            "s:c",
            "a:exe:/usr/bin/hasp-exec",
            "a:hasp-exec",
            "a:pid:8",
        ] {
            assert!(terms.iter().any(|t| t == term), "{term}");
        }
        assert!(!terms.contains(&term::denied()));
        let shown: Vec<String> = record.uses().iter().map(Use::to_string).collect();
        assert_eq!(shown, ["a/b@2", "c"]);
        assert_eq!((record.uses_of("aa").len(), record.uses_of_part("aa").len()), (0, 1));
        assert!(
            Record::parse(br#"{"event":"exec.deny"}"#).unwrap().terms().contains(&term::denied())
        );
    }

    proptest! {
        #[test]
        fn any_line_is_parsed_or_refused(line: Vec<u8>) {
            let _ = Record::parse(&line).map(|r| (r.terms(), r.uses(), r.time(), r.n()));
        }
    }
}
