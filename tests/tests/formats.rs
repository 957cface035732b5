//! Promise: docs/formats.md is enough to write another implementation. `data/reader.py` is one,
//! made by that page alone.
#![allow(clippy::unwrap_used)]

use hasp_tests::{API_KEY, DB_URL, Outcome, PASSPHRASE, World, command, python, skip};

/// The reader's answer; the passphrase is on its standard input.
fn read(world: &World, words: &str) -> Outcome {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/reader.py");
    world.feed(&format!("{} {reader} {words}", python()), format!("{PASSPHRASE}\n"))
}

fn has_cryptography() -> bool {
    let found = command(&python(), &["-c", "import cryptography, tomllib"]).output();
    found.is_ok_and(|o| o.status.success()) || skip("the package cryptography is not installed")
}

#[test]
fn a_secret_is_read_by_the_page_alone() {
    if !has_cryptography() {
        return;
    }
    let world = World::with_project();
    world.feed("hasp-vault set db/url", "the second value 4711").ok();
    // More than one chunk of an age file, and bytes that are no text.
    let long: Vec<u8> = (0..200_000u32).map(|n| (n % 251) as u8).collect();
    world.feed("hasp-vault set long", &long).ok();
    assert!(read(&world, "secret ../home api/key").ok() == API_KEY);
    assert!(read(&world, "secret ../home db/url").ok() == "the second value 4711");
    assert!(read(&world, "secret ../home db/url 1").ok() == DB_URL);
    let reader = read(&world, "secret ../home long | sha256sum");
    let own = world.sh("hasp-vault reveal --force long | sha256sum");
    assert_eq!(reader.ok(), own.ok());
}

#[test]
fn a_passphrase_identity_is_read_by_the_page_alone() {
    if !has_cryptography() {
        return;
    }
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set api/key 3<../passphrase", API_KEY).ok();
    assert!(read(&world, "secret ../home api/key").ok() == API_KEY);
}

#[test]
fn what_is_changed_is_refused_by_the_page_alone() {
    if !has_cryptography() {
        return;
    }
    let world = World::with_project();
    for (file, from, to) in [
        ("vault/vault.toml", "format = 1", "format = 2"),
        ("vault/items/api/key/meta.toml", "class = \"medium\"", "class = \"low\""),
    ] {
        let path = world.home().join(file);
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(whole.contains(from), "{file}");
        std::fs::write(&path, whole.replace(from, to)).unwrap();
        let refused = read(&world, "secret ../home api/key");
        assert!(refused.status != 0 && refused.stdout.is_empty(), "{file}");
        std::fs::write(&path, whole).unwrap();
    }
    read(&world, "secret ../home api/key").ok();
}

#[test]
fn a_record_is_verified_by_the_page_alone() {
    if !has_cryptography() {
        return;
    }
    let world = World::with_project();
    world.sh("hasp-grant -q -x -t test").ok();
    let (count, last) = head(&read(&world, "record ../home"));
    let own = world.sh("hasp-audit head");
    let own: Vec<&str> = own.ok().split_whitespace().collect();
    let mac = data_encoding::BASE64.decode(own[2].as_bytes()).unwrap();
    // `head` itself is not on record.
    assert_eq!((count.as_str(), last), (own[1], data_encoding::HEXLOWER.encode(&mac)));
    let log = std::fs::read_dir(world.home().join("audit")).unwrap().next().unwrap().unwrap();
    let segment = log.path().join("00000001.jsonl");
    let whole = std::fs::read_to_string(&segment).unwrap();
    for changed in [
        whole.replacen("\"api/key\"", "\"api/kez\"", 1),
        whole.split_inclusive('\n').skip(1).collect::<String>(),
    ] {
        assert_ne!(changed, whole);
        std::fs::write(&segment, changed).unwrap();
        assert!(read(&world, "record ../home").status != 0);
    }
}

/// Count and last mac.
fn head(outcome: &Outcome) -> (String, String) {
    let (count, mac) = outcome.ok().trim().split_once(' ').unwrap();
    (count.to_owned(), mac.to_owned())
}
