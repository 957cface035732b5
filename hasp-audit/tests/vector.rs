//! The published audit line: made here again from its inputs, byte by byte, so that the format
//! cannot change unnoticed.
#![allow(clippy::unwrap_used)]

mod common;

use data_encoding::HEXLOWER;
use hasp_audit::{Event, EventKind, Head, Log, LogId};
use hasp_core::{Home, Timestamp};
use serde_json::Value;

fn vector() -> Value {
    serde_json::from_str(include_str!("vectors/audit.json")).unwrap()
}

#[test]
fn a_log_made_from_the_inputs_has_the_published_bytes() {
    let vector = vector();
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let id: LogId = vector["log"].as_str().unwrap().parse().unwrap();
    let root: [u8; 32] = HEXLOWER
        .decode(vector["audit_root"].as_str().unwrap().as_bytes())
        .unwrap()
        .try_into()
        .unwrap();
    let now: Timestamp = vector["time"].as_str().unwrap().parse().unwrap();
    let log = Log::create(&home, &id, &root, vector["vault"].as_str().unwrap(), now, None).unwrap();
    let event = Event::new(EventKind::ExecDeny)
        .field("code", "spent")
        .field("project", "/home/zo\u{eb}/a\nb");
    log.append(now, &[event]).unwrap();
    let text = std::fs::read_to_string(log.path().join("00000001.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let published: Vec<&str> =
        vector["lines"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    assert_eq!(lines, published);
    let state = std::fs::read(log.path().join("key")).unwrap();
    assert_eq!(HEXLOWER.encode(&state[..124]), vector["key_state"].as_str().unwrap());
    let head: Head = log.head().unwrap();
    assert_eq!(head.text(), vector["head"].as_str().unwrap());
}
