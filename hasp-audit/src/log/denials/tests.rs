//! Denials: none is left out, and a flood of them is a few records.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::common::{Fixture, at};

fn denial(kind: EventKind, code: &str) -> Event {
    Event::new(kind).field("code", code)
}

/// How many records of denials there are, and for how many they stand.
fn told(f: &Fixture) -> (u64, u64) {
    let (mut records, mut count) = (0, 0);
    let mut each = |r: crate::Record| {
        if crate::record::kind::is_denial(r.event()) {
            (records, count) = (records + 1, count + r.object["count"].as_u64().unwrap_or(1));
        }
        Ok(())
    };
    f.log.each(&mut each).unwrap();
    (records, count)
}

#[test]
fn a_thousand_wrong_passphrases_in_a_minute_are_a_few_records_and_all_counted() {
    let f = Fixture::new();
    for n in 0..1_000 {
        f.log.deny(at(n * 59 / 1_000), denial(EventKind::VaultDeny, "wrong")).unwrap();
    }
    let (records, count) = told(&f);
    assert!(records < 20 && count < 1_000, "{records} {count}");
    f.log.settle(at(60)).unwrap();
    let (records, count) = told(&f);
    assert!(records <= 20 && count == 1_000, "{records} {count}");
    f.log.settle(at(61)).unwrap();
    assert_eq!(told(&f), (records, count), "there is nothing left to say");
    assert_eq!(f.fault(), None);
}

#[test]
fn each_kind_has_a_burst_of_its_own() {
    let f = Fixture::new();
    for n in 0..25 {
        f.log.deny(at(n), denial(EventKind::VaultDeny, "wrong")).unwrap();
        f.log.deny(at(n), denial(EventKind::GrantDeny, "over")).unwrap();
    }
    f.log.deny(at(26), denial(EventKind::GrantDeny, "other")).unwrap();
    f.log.settle(at(30)).unwrap();
    let mut last: Vec<(String, u64)> = Vec::new();
    let mut each = |r: crate::Record| {
        last.push((r.text("code").to_owned(), r.object["count"].as_u64().unwrap_or(1)));
        Ok(())
    };
    f.log.each(&mut each).unwrap();
    assert!(last.ends_with(&[("other".into(), 1), ("over".into(), 5), ("wrong".into(), 5)]));
}

#[test]
fn a_slow_burst_is_told_of_in_time_and_the_next_one_tells_of_the_last() {
    let f = Fixture::new();
    for n in 0..40 {
        f.log.deny(at(n * 50), denial(EventKind::VaultDeny, "wrong")).unwrap();
    }
    let (records, _) = told(&f);
    assert!((12..=16).contains(&records), "{records}");
    f.log.deny(at(40 * 50 + 100), denial(EventKind::VaultDeny, "wrong")).unwrap();
    assert_eq!(told(&f).1, 41);
}

#[test]
fn what_cannot_be_recorded_stays_counted() {
    let f = Fixture::new();
    let key = f.path("key");
    std::fs::rename(&key, f.path("aside")).unwrap();
    assert!(f.log.deny(at(1), denial(EventKind::GrantDeny, "over")).is_err());
    std::fs::rename(f.path("aside"), &key).unwrap();
    assert_eq!(told(&f), (0, 0));
    f.log.settle(at(2)).unwrap();
    assert_eq!(told(&f), (1, 1));
}

#[test]
fn a_damaged_count_and_a_clock_set_back_begin_again() {
    for text in ["", "x", "1 2", "-5 -5 -5 -5 x", "1 2 3 4 \"event\":\"\"", "\u{0}"] {
        assert_eq!(read(text.as_bytes()), Bursts::new(), "{text}");
    }
    let key = alike(&denial(EventKind::VaultDeny, "wrong")).body();
    let mut burst = Burst { last: 9_999, told_at: 9_999, told: 50, missed: 7 };
    assert_eq!(burst.next(1_000, 10), Some(8));
    let bursts = Bursts::from([(key, Burst { missed: 3, ..burst })]);
    assert_eq!(read(write(&bursts).as_bytes()), bursts);
}
