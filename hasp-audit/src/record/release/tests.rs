//! Releases: read from whole records and from parts of them.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn what_was_let_out_is_read() {
    let line = br#"{"v":1,"n":9,"t":"x","event":"exec.item","secrets":[{"name":"a\u0062",
        "version":2,"var":"V"},{"name":"c"}],"for":"exec.start","of":11,"prev":"","mac":""}"#;
    let read = Naming::read(line).unwrap();
    assert_eq!((read.whole(), read.release()), (11, Some(EventKind::ExecStart)));
    assert!(read.is_split() && read.refusals() == 0);
    assert_eq!(read.uses().collect::<Vec<_>>(), [("ab", Some(2)), ("c", None)]);
    let deny = Naming::read(br#"{"n":1,"event":"grant.deny","count":7}"#).unwrap();
    assert_eq!((deny.refusals(), deny.release(), deny.is_split()), (7, None, false));
    assert!(Naming::read(br#"{"n":1,"event":"exec.start","via":"append"}"#).is_none());
    assert!(Naming::read(br#"{"n":1,"event":"vault.backup","secrets":7}"#).is_none());
}

#[test]
fn versions_are_sorted_and_stand_once() {
    let mut versions = Versions::default();
    for (name, version) in [("b", Some(10)), ("a", None), ("b", Some(9)), ("b", Some(10))] {
        versions.insert(name, version);
    }
    let mut other = Versions::default();
    other.insert("a", Some(1));
    versions.extend(other);
    let shown: Vec<String> = versions.into_uses().map(|u| u.to_string()).collect();
    assert_eq!(shown, ["a", "a@1", "b@9", "b@10"]);
}
