//! The manual page against the program: every event with its fields, both ways.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hasp_audit::EventKind;

const PAGE: &str = include_str!("../../man/hasp-audit.1");

/// The items of the list of events: names, and the fields that the text behind them shows.
fn listed() -> Vec<(Vec<&'static str>, BTreeSet<&'static str>)> {
    let list = PAGE.split_once("Which events there are").unwrap().1.split_once("\n.El").unwrap().0;
    let items = list.split("\n.It Li ").skip(1).map(|item| {
        let (names, text) = item.split_once('\n').unwrap();
        let fields = text.lines().filter_map(|l| l.strip_prefix(".Ql ")?.split(' ').next());
        (names.split(" , ").collect(), fields.collect())
    });
    items.collect()
}

#[test]
fn the_page_lists_every_event_with_its_fields() {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for (names, fields) in listed() {
        let mut may = BTreeSet::new();
        for name in names {
            *found.entry(name).or_default() += 1;
            may.extend(EventKind::of(name).unwrap_or_else(|| panic!("no event {name}")).fields());
        }
        assert_eq!(fields, may.into_iter().copied().collect(), "fields of {found:?}");
    }
    let all: BTreeMap<&str, usize> = EventKind::ALL.iter().map(|k| (k.name(), 1)).collect();
    assert_eq!(found, all);
}

/// Every source of a tool, apart from the table itself.
fn sources(below: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("record/kind.rs") {
            found.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// A page that tells of what never happens is worse than none.
#[test]
fn every_event_is_recorded_by_some_tool() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crates = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path().join("src"));
    let ours = |path: &std::path::PathBuf| path.to_str().is_some_and(|p| p.contains("/hasp-"));
    let mut texts = Vec::new();
    crates.filter(|path| path.is_dir()).filter(ours).for_each(|path| sources(&path, &mut texts));
    // Tests beside the code make events too.
    let code: Vec<&str> = texts.iter().map(|t| t.split("#[cfg(test)]").next().unwrap()).collect();
    let made = |kind: &EventKind| {
        let by_kind = format!("EventKind::{kind:?}");
        let is_whole = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
        let named = format!("\"{}\"", kind.name());
        // Parts of a list that did not fit are named after their event's family.
        kind.name().ends_with(".item")
            || code.iter().any(|text| {
                let mut places = text.match_indices(&by_kind);
                places.any(|(at, _)| is_whole(&text[at + by_kind.len()..])) || text.contains(&named)
            })
    };
    let missing: Vec<&EventKind> = EventKind::ALL.iter().filter(|kind| !made(kind)).collect();
    assert!(code.len() > 300 && missing.is_empty(), "{} sources, {missing:?}", code.len());
}

#[test]
fn the_page_lists_every_exit_status() {
    let list = PAGE.split_once(".Sh EXIT STATUS").unwrap().1.split_once("\n.El").unwrap().0;
    let listed: Vec<u8> =
        list.lines().filter_map(|l| l.strip_prefix(".It ")?.parse().ok()).collect();
    assert_eq!(listed, [0, 1, 64, 65, 66, 69, 74, 75, 77, 78]);
}
