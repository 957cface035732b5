//! Retention: the oldest go, and nothing that is needed.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::format::rotation::Retiring;
use crate::format::version::tests::version;
use hasp_core::{Class, Policy};
use proptest::prelude::*;

const DAY: i64 = 86400;

fn day(n: i64) -> Timestamp {
    Timestamp::from_second(n * DAY)
}

/// A secret with a version a day, the last of which is the current one.
fn item(versions: u32) -> Item {
    let mut item = Item::new("a/b".parse().unwrap());
    for number in 1..=versions {
        let mut one = version(number);
        one.created = day(i64::from(number));
        item.versions.push(one);
    }
    (item.current, item.next_file) = (versions, versions + 1);
    item
}

fn kept(text: &str) -> Retention {
    Policy::parse(format!("[retention]\n{text}\n").as_bytes(), std::path::Path::new("p"))
        .unwrap()
        .retention
}

#[test]
fn the_oldest_go_and_the_current_one_stays() {
    let five = kept("versions = 5");
    assert_eq!(Overdue::of(&item(5), &five, day(99)), Overdue::Nothing);
    assert_eq!(Overdue::of(&item(7), &five, day(99)), Overdue::Versions(vec![1, 2]));
    assert_eq!(
        Overdue::of(&item(3), &kept("versions = 1"), day(99)),
        Overdue::Versions(vec![1, 2])
    );
    // Version 2 was replaced on day 3.
    let month = kept("superseded = \"30d\"");
    assert_eq!(Overdue::of(&item(4), &month, day(33)), Overdue::Versions(vec![1, 2]));
    assert_eq!(Overdue::of(&item(1), &month, day(999)), Overdue::Nothing);
    assert_eq!(Overdue::of(&item(9), &Retention::default(), day(999)), Overdue::Nothing);
}

#[test]
fn what_a_rotation_needs_stays() {
    let one = kept("versions = 1");
    let mut retiring = item(3);
    retiring.versions[0].retiring = Some(Retiring { after: day(9), program: None });
    assert_eq!(Overdue::of(&retiring, &one, day(99)), Overdue::Versions(vec![2]));
}

#[test]
fn a_revoked_secret_goes_after_its_term() {
    let month = kept("revoked = \"30d\"");
    let mut revoked = item(2);
    revoked.state = State::Revoked { at: day(10), reason: String::new() };
    assert_eq!(Overdue::of(&revoked, &month, day(39)), Overdue::Nothing);
    assert_eq!(Overdue::of(&revoked, &month, day(40)), Overdue::All);
    revoked.state = State::Destroyed { at: day(10) };
    assert_eq!(Overdue::of(&revoked, &month, day(99)), Overdue::Nothing);
    assert_eq!(revoked.class, Class::default());
}

proptest! {
    #[test]
    fn the_current_version_is_never_overdue(
        versions in 1u32..40,
        current in 1u32..40,
        gone: Vec<u8>,
        keep in prop::option::of(1u32..8),
        superseded in prop::option::of(1u32..50),
        now in 0i64..2000,
    ) {
        let mut item = item(versions);
        item.current = current.min(versions);
        for n in gone {
            let at = usize::from(n) % item.versions.len();
            if item.versions[at].number != item.current {
                item.versions[at].destroyed = Some(day(1));
            }
        }
        let text = keep.map(|n| format!("versions = {n}\n")).unwrap_or_default()
            + &superseded.map(|n| format!("superseded = \"{n}d\"\n")).unwrap_or_default();
        if let Overdue::Versions(numbers) = Overdue::of(&item, &kept(&text), day(now)) {
            prop_assert!(numbers.iter().all(|n| *n < item.current));
            for number in &numbers {
                prop_assert!(item.version(*number).is_ok(), "it has a value");
            }
        }
        let old = item.versions.iter().filter(|v| v.number < item.current && v.destroyed.is_none());
        if let (Some(keep), None) = (keep, superseded) {
            let expected = old.count().saturating_sub(keep as usize - 1);
            let found = match Overdue::of(&item, &kept(&text), day(now)) {
                Overdue::Versions(numbers) => numbers.len(),
                _ => 0,
            };
            prop_assert_eq!(found, expected);
        }
    }
}
