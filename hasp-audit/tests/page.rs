//! The manual page against the program: every event with its fields, both ways.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

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

#[test]
fn the_page_lists_every_exit_status() {
    let list = PAGE.split_once(".Sh EXIT STATUS").unwrap().1.split_once("\n.El").unwrap().0;
    let listed: Vec<u8> =
        list.lines().filter_map(|l| l.strip_prefix(".It ")?.parse().ok()).collect();
    assert_eq!(listed, [0, 1, 64, 65, 66, 69, 74, 75, 77, 78]);
}
