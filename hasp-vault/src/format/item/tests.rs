//! Records read back, and what makes one unsound.

use super::*;
use crate::format::version::tests::version;
use proptest::prelude::*;

pub(crate) fn item() -> Item {
    Item {
        serial: 4,
        current: 2,
        next_file: 3,
        versions: vec![version(1), version(2)],
        ..Item::new("db/url".parse().unwrap())
    }
}

pub(crate) fn read(body: &str) -> Option<Item> {
    Item::parse(&"db/url".parse().unwrap(), body)
}

#[test]
fn read_back() {
    let full = Item {
        class: Class::Critical,
        expires: Some(Timestamp::from_second(1_800_000_000)),
        rotate_every: Some(Duration::from_secs(30 * 86400)),
        allow: vec!["api:test".parse().unwrap()],
        note: Some("line\n\"serial = 9\"\n'''\u{1b}".into()),
        state: State::Revoked { at: Timestamp::from_second(1), reason: "leaked".into() },
        ..item()
    };
    let gone =
        Item { state: State::Destroyed { at: Timestamp::from_second(1) }, current: 0, ..item() };
    for written in [item(), full, gone] {
        let body = written.render().unwrap();
        assert!(body.starts_with("serial = 4\n"));
        assert_eq!(read(&body), Some(written));
    }
}

#[test]
fn unsound_records_are_refused() {
    let good = item().render().unwrap();
    assert!(read(&good).is_some());
    for (from, to) in [
        ("2.age", "../2.age"),
        ("2.age", "02.age"),
        ("2.age", "3.age"),
        ("number = 2", "number = 1"),
        ("current = 2", "current = 3"),
        ("aaaa", "AAAA"),
        ("class = \"medium\"", "class = \"none\""),
        ("serial = 4", "serial = 4\nunknown = 1"),
        ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20+00:00"),
    ] {
        assert!(read(&good.replacen(from, to, 1)).is_none() || !good.contains(from), "{to}");
        assert!(good.contains(from), "{from}");
    }
}

#[test]
fn what_may_not_be_delivered_says_why() {
    let now = Timestamp::from_second(1_750_000_000);
    assert_eq!(item().deliverable(now).unwrap().number, 2);
    let expired = Item { expires: Some(now), ..item() };
    let revoked = Item { state: State::Revoked { at: now, reason: "leaked".into() }, ..item() };
    let gone = Item { state: State::Destroyed { at: now }, current: 0, ..item() };
    for (item, code) in [
        (expired, code::SECRET_EXPIRED),
        (revoked, code::SECRET_REVOKED),
        (gone, code::SECRET_DESTROYED),
    ] {
        let error = item.deliverable(now).unwrap_err();
        assert_eq!((error.code(), error.kind()), (code, Kind::Denied));
    }
    let later = Item { expires: Some(now.after(Duration::from_secs(1))), ..item() };
    assert!(later.deliverable(now).is_ok());
}

#[test]
fn due_counts_from_the_current_version() {
    let item = Item { rotate_every: Some(Duration::from_secs(60)), ..item() };
    assert_eq!(item.due(), Some(Timestamp::from_second(1_700_000_060)));
}

proptest! {
    #[test]
    fn foreign_text_never_panics(text in "\\PC{0,120}") {
        let _ = read(&text);
    }
}
