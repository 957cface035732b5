//! What an append leaves behind: its number, its lines, and nothing that a name in it could break.
#![allow(clippy::unwrap_used)]

mod common;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::{Fixture, at, event, named};

/// The longest record with its newline, in bytes.
const MAX_LINE: usize = 4096;

#[test]
fn records_are_numbered_in_order() {
    let f = Fixture::new();
    assert_eq!(f.log.append(at(1), &[event(1)]).unwrap(), 1);
    assert_eq!(f.log.append(at(1), &[event(2), event(3)]).unwrap(), 3);
    assert_eq!(f.log.head().unwrap().count, 4);
    assert_eq!(f.lines().len(), 4);
}

#[test]
fn hostile_names_are_one_line_a_record() {
    let f = Fixture::new();
    let hostile = b"/a\nb\r\"c\\\x1b[2J\xe2\x80\xa8\xc2\x85\xff\xfe\x7f\t'\xe2\x80\xae";
    let event = named("exec.start")
        .os("project", OsStr::from_bytes(hostile))
        .argv(&[OsStr::from_bytes(hostile)]);
    f.log.append(at(1), &[event]).unwrap();
    let lines = f.lines();
    assert_eq!(lines.len(), 2);
    let plain = |line: &Vec<u8>| line[..line.len() - 1].iter().all(|b| (0x20..0x7f).contains(b));
    assert!(lines.iter().all(plain), "every byte is printable ASCII");
    assert_eq!(f.fault(), None);
}

#[test]
fn what_is_too_long_is_split_or_cut_and_never_longer_than_a_record() {
    let f = Fixture::new();
    let secrets: Vec<_> = (0..200)
        .map(|n| serde_json::json!({"name": format!("{}/{n}", "s".repeat(60)), "version": n}))
        .collect();
    let words = vec!["\u{1f600}".repeat(300); 1000];
    let event = named("exec.start").field("grant", "g").argv(&words).field("secrets", secrets);
    let event = event.os("project", "/deep/".repeat(700)).os("program", "\u{202e}".repeat(2000));
    let last = f.log.append(at(1), &[event]).unwrap();
    let lines = f.lines();
    assert_eq!(lines.len() as u64, last + 1);
    assert!(lines.len() > 4 && lines.iter().all(|l| l.len() <= MAX_LINE));
    let main: serde_json::Value = serde_json::from_slice(&lines[last as usize]).unwrap();
    assert_eq!(
        (main["event"].as_str(), main["secrets_items"].as_u64()),
        (Some("exec.start"), Some(200))
    );
    assert_eq!(f.fault(), None);
}

#[test]
fn an_event_that_cannot_be_recorded_writes_nothing() {
    let f = Fixture::new();
    let before = f.lines();
    assert_eq!(
        f.log
            .append(at(1), &[event(1), event(1).field("grant", "twice")])
            .unwrap_err()
            .code()
            .as_str(),
        "bad-event"
    );
    assert_eq!(f.lines(), before);
    assert_eq!(f.log.append(at(1), &[event(1)]).unwrap(), 1);
}

#[test]
fn a_log_is_made_once_and_is_private() {
    use std::os::unix::fs::MetadataExt;
    let f = Fixture::of(2);
    let again = hasp_audit::Log::create(&f.home, &f.id, &common::ROOT, "v", at(0), None);
    assert_eq!(again.unwrap_err().code().as_str(), "exists");
    assert_eq!(std::fs::metadata(f.log.path()).unwrap().mode() & 0o777, 0o700);
    for (path, _) in f.save() {
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
}
