//! Appending: what is on disk afterwards, byte by byte.
#![allow(clippy::unwrap_used)]

use hasp_audit::{Event, Log, LogId};
use hasp_core::{Home, Timestamp};

fn log() -> (tempfile::TempDir, Log) {
    let dir = tempfile::tempdir().unwrap();
    let id = LogId::random().unwrap();
    let log = Log::create(&Home::at(dir.path()), &id, &[1; 32], "v", Timestamp::from_second(0), None).unwrap();
    (dir, log)
}

#[test]
fn records_are_numbered_and_durable_in_order() {
    let (_dir, log) = log();
    let event = Event::new("x.y").field("a", 1);
    assert_eq!(log.append(Timestamp::from_second(1), &[event.clone()]).unwrap(), 1);
    assert_eq!(log.append(Timestamp::from_second(1), &[event.clone(), event]).unwrap(), 3);
    assert_eq!(log.head().unwrap().count, 4);
    let text = std::fs::read_to_string(log.path().join("00000001.jsonl")).unwrap();
    assert_eq!(text.lines().count(), 4);
}
