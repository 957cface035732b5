//! The locked scan: every form of a watched value in a file, what the scan cannot see, and what must not be taken for a value.
#![allow(clippy::unwrap_used)]

mod encoders;
mod place;

use encoders::ENCODERS;
use hasp_redact::watch::judge;
use place::Place;

const VALUES: [(&str, &[u8]); 5] = [
    ("letters and digits", b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV"),
    ("16 bytes", b"Zk3vQ9xL7mW2pT5c"),
    ("hexadecimal digits", b"e8690359052ecf4f9a37294b57983a46"),
    ("signs and a blank", b"p@ss w0rd/'q\"&<+>$=%!\\z"),
    ("bytes", b"\x9b\x02\xe7\x51\xc4\x88\x1d\xf6\x3a\x90\x07\xbd\x62\xd9\x2e\x75\xa1\x4c"),
];

/// Forms that are promised for every value of 16 bytes or more: those of a fixed alphabet.
const FIXED: [&str; 24] = [
    "raw",
    "base64",
    "base64 unpadded",
    "base64 url",
    "base64 wrapped at 76",
    "base64 wrapped at 64, CRLF",
    "base64 wrapped and indented",
    "base64 in a JSON string",
    "base32",
    "base32 lower",
    "hex",
    "hex upper",
    "hex apart",
    "hex with colons",
    "hex with dashes",
    "hex with commas",
    "hex with commas, no blank",
    "hex in twos",
    "hex escapes",
    "percent, all",
    "percent, all, lower",
    "json, all",
    "utf-16 le",
    "utf-16 be",
];

/// What of each form is found when it stands in a line of its own, in the middle of others, and at each place of a group.
fn seen(value: &[u8]) -> Vec<(&'static str, bool)> {
    let place = Place::new();
    place.store("s", value);
    for (name, encode) in ENCODERS {
        let wide = name.starts_with("utf-16");
        let text = if wide { [&encode(b"x="), &encode(value)[..], &encode(b"; done\n")].concat() } else { [b"x = ", &encode(value)[..], b" ; done\n"].concat() };
        place.file(name, &text);
    }
    let found = place.found(&["--no-ignore"]);
    ENCODERS.iter().map(|(name, _)| (*name, found.iter().any(|f| f["file"] == *name))).collect()
}

#[test]
fn every_form_of_a_fixed_alphabet_is_found() {
    for (what, value) in VALUES {
        assert_eq!(judge(value), Ok(()), "{what}");
        let unseen: Vec<&str> = seen(value).into_iter().filter(|(n, ok)| !ok && FIXED.contains(n)).map(|(n, _)| n).collect();
        assert_eq!(unseen, [""; 0], "{what}");
    }
}

/// The shared vectors as files, both ways: with the values given, all that the filter catches; locked, all of values that can be
/// watched but for the named ones.
#[test]
fn the_shared_vectors_as_files() {
    let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let mut unseen = Vec::new();
    for row in include_str!("vectors.tsv").lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (name, value, input, yes) = (cells[0], unhex(cells[1]), unhex(cells[2]), cells[3] == "yes");
        let place = Place::new();
        place.file("input", &input);
        std::fs::write(place.tree().join("../value"), &value).unwrap();
        assert_eq!(!place.found(&["--file", "s=../value", "input"]).is_empty(), yes, "{name}, given");
        if value.is_empty() {
            continue;
        }
        place.store("s", &value);
        let found = !place.found(&["input"]).is_empty();
        assert!(yes || !found, "{name}: found where it is not");
        if yes && !found && judge(&value).is_ok() {
            unseen.push(name);
        }
    }
    assert_eq!(unseen, UNSEEN);
}

/// Vectors that the locked scan does not see.
const UNSEEN: [&str; 0] = [];

#[test]
fn at_every_place_of_a_group_and_of_a_file() {
    let (place, value) = (Place::new(), b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV");
    place.store("s", value);
    for before in 0..9 {
        let text = [&b"user:abcdef"[..before], value, b"tail"].concat();
        place.file(&format!("base64-{before}"), data_encoding::BASE64.encode(&text).as_bytes());
        place.file(&format!("base32-{before}"), data_encoding::BASE32.encode(&text).as_bytes());
        place.file(&format!("inside-{before}"), format!("/a/b{}", data_encoding::BASE64URL.encode(&text)).as_bytes());
        place.file(&format!("hex-{before}"), data_encoding::HEXLOWER.encode(&text).as_bytes());
    }
    assert_eq!(place.found(&["."]).len(), 36);
    // Around the places where one part that is read ends and the next begins.
    let place = Place::new();
    place.store("s", value);
    let mut text = vec![b'.'; 3 << 20];
    let places = [0, (1 << 20) - 40, (1 << 20) - 3, 1 << 20, (2 << 20) - 700, (3 << 20) - 32];
    places.iter().for_each(|at| text[*at..*at + 32].copy_from_slice(value));
    place.file("large", &text);
    let columns: Vec<u64> = place.found(&["."]).iter().map(|f| f["column"].as_u64().unwrap() - 1).collect();
    assert_eq!(columns, places);
    assert_eq!(place.found(&["--file", "s=/dev/null", "large"]).len(), 6);
}
