//! The two lists of hasp-redact(1) are tables here: every form that the page names as replaced is
//! replaced, every form that it names as not replaced passes byte for byte, and neither list has an
//! item that nothing here is of.
#![allow(clippy::unwrap_used)]

mod written;

#[path = "../encoders/mod.rs"]
mod encoders;
#[path = "../judge/mod.rs"]
mod judge;

use data_encoding::{BASE32, BASE64, BASE64_NOPAD, HEXLOWER};
use encoders::{ENCODERS, wrap};
use judge::{MARKER, redact, rest, survives};
use written::*;

/// The item of the page, what this is of it, and how it is written.
type Form = (&'static str, &'static str, fn(&[u8]) -> Vec<u8>);

const VALUES: [&[u8]; 5] = [
    b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV",
    b"FiFrez9bamDfti-zxpju35fuK",
    b"p@ss w0rd/'q\"&<+>$=%!\\z~y#(9)",
    b"Zx8-Secret-Pw-77",
    "K\u{f6}nig-\u{20ac}uro-Stra\u{df}e-7731".as_bytes(),
];

/// Forms of the page beyond those of [`ENCODERS`].
const FURTHER: [Form; 19] = [
    ("base64", "twice", |v| base64(base64(v).as_bytes()).into_bytes()),
    ("base64", "Basic authorization", |v| base64(&[b"user:", v, b"x"].concat()).into_bytes()),
    ("base64 of an escape", "JSON", |v| {
        base64(&[b"{\"k\":\"", &json(v)[..], b"\"}"].concat()).into_bytes()
    }),
    ("base64 of an escape", "JSON in ASCII", |v| base64(&json_ascii(v)).into_bytes()),
    ("base64 of an escape", "URL", |v| {
        base64(&[b"k=", &percent(v)[..], b"&x"].concat()).into_bytes()
    }),
    ("UTF-16", "in base64", |v| base64(&utf16(v, false)).into_bytes()),
    ("UTF-16", "in base64, within more", |v| {
        base64(&[&utf16(b"echo ", false), &utf16(v, false)[..], &utf16(b" x", false)].concat())
            .into_bytes()
    }),
    ("UTF-16", "big endian in base64", |v| base64(&utf16(v, true)).into_bytes()),
    ("UTF-16", "in hex", |v| HEXLOWER.encode(&utf16(v, false)).into_bytes()),
    ("UTF-32", "little endian", |v| {
        text(v).chars().flat_map(|c| u32::from(c).to_le_bytes()).collect()
    }),
    ("UTF-32", "big endian", |v| {
        text(v).chars().flat_map(|c| u32::from(c).to_be_bytes()).collect()
    }),
    ("decimal", "Python and Rust", |v| numbers(v, ", ")),
    ("decimal", "JSON", |v| numbers(v, ",")),
    ("decimal", "Go", |v| numbers(v, " ")),
    ("hex", "colons in lines of 15", |v| {
        lines(&v.iter().map(|b| format!("{b:02x}:")).collect::<Vec<_>>(), 15, "\n  ")
    }),
    ("case", "upper", |v| text(v).to_ascii_uppercase().into_bytes()),
    ("several lines", "joined", |v| [b"first line 1 ", v].concat()),
    ("coloured or linked", "at its first character", |v| {
        [&v[..1], b"\x1b[31m", &v[1..], b"\x1b[0m"].concat()
    }),
    ("coloured or linked", "wrapped by a terminal", |v| {
        [&v[..v.len() - 4], b"\r\n", &v[v.len() - 4..]].concat()
    }),
];

/// The dumps of a text with the value in it: at every place of a line.
const DUMPS: [Form; 9] = [
    ("hex", "xxd", |v| dump(v, 16, 2, true, true)),
    ("hex", "xxd -g1", |v| dump(v, 16, 1, true, true)),
    ("hex", "xxd -c4", |v| dump(v, 4, 2, true, true)),
    ("hex", "xxd -c8", |v| dump(v, 8, 2, true, true)),
    ("hex", "xxd -i", |v| c_array(v)),
    ("hex", "xxd -p", |v| wrap(&HEXLOWER.encode(v), 60, "\n")),
    ("hex", "od -t x1", |v| dump(v, 16, 1, false, false)),
    ("words", "od -t x2", |v| words(v, 8)),
    ("words", "hexdump", |v| words(v, 8)),
];

/// Forms that the page says pass.
const PASSED: [Form; 25] = [
    ("reversed", "", |v| v.iter().rev().copied().collect()),
    ("one character a line", "", |v| v.iter().flat_map(|b| [*b, b'\n']).collect()),
    ("one character a line", "with blanks", |v| v.iter().flat_map(|b| [*b, b' ']).collect()),
    ("other bases", "base58", |v| base58(v)),
    ("other bases", "ascii85", |v| ascii85(v)),
    ("other dumps", "od", |v| octal_words(v)),
    ("other dumps", "od -c", |v| characters(v)),
    ("other dumps", "od -t x4", |v| {
        v.chunks_exact(4)
            .map(|w| format!(" {:08x}", u32::from_le_bytes(w.try_into().unwrap())))
            .collect::<String>()
            .into_bytes()
    }),
    ("other dumps", "xxd -b", |v| {
        v.iter().map(|b| format!("{b:08b} ")).collect::<String>().into_bytes()
    }),
    ("other dumps", "od -t x1 -w2", |v| dump(v, 2, 1, false, false)),
    ("other dumps", "decimal over lines", |v| {
        lines(&v.iter().map(|b| format!("{b}, ")).collect::<Vec<_>>(), 3, "\n  ")
    }),
    ("other dumps", "pairs in lines that are indented", |v| {
        lines(&v.iter().map(|b| format!("{b:02x}:")).collect::<Vec<_>>(), 15, "\n        ")
    }),
    ("other layers", "hex of base64", |v| HEXLOWER.encode(base64(v).as_bytes()).into_bytes()),
    ("other layers", "base64 of hex", |v| base64(HEXLOWER.encode(v).as_bytes()).into_bytes()),
    ("other layers", "base64 three times", |v| {
        base64(base64(base64(v).as_bytes()).as_bytes()).into_bytes()
    }),
    ("other layers", "a dump of UTF-16", |v| dump(&utf16(v, false), 16, 1, false, false)),
    ("other layers", "base32 of base64", |v| BASE32.encode(base64(v).as_bytes()).into_bytes()),
    ("narrow lines", "base64 in lines of 8", |v| wrap(&base64(v), 8, "\n")),
    ("narrow lines", "folded at 10", |v| wrap(&text(v), 10, "\n")),
    ("other escapes", "CSS", |v| {
        v.iter().map(|b| format!("\\{b:x} ")).collect::<String>().into_bytes()
    }),
    ("other escapes", "cmd", |v| v.iter().flat_map(|b| [b'^', *b]).collect()),
    ("other escapes", "PowerShell", |v| v.iter().flat_map(|b| [b'`', *b]).collect()),
    ("other escapes", "overstrike", |v| v.iter().flat_map(|b| [*b, 8, *b]).collect()),
    ("cut", "a beginning", |v| v[..v.len() - 1].to_vec()),
    ("cut", "an end", |v| v[1..].to_vec()),
];

/// Forms that pass only for some values: with the value.
const PASSED_OF: [(&str, &str, &[u8], &[u8]); 6] = [
    (
        "other layers",
        "percent three times",
        b"a/b/c/d/e/f/g/h/i",
        b"a%25252Fb%25252Fc%25252Fd%25252Fe%25252Ff%25252Fg%25252Fh%25252Fi",
    ),
    ("coloured when short", "in the middle", b"Zx8-Secret-Pw-77", b"Zx8-Secr\x1b[31met-Pw-77"),
    ("two lines", "", b"correct horse", b"correct\nhorse"),
    ("needless escapes", "percent", b"S3cr3t-Value-XyZ-90210", b"S3cr3t%2DValue%2DXyZ%2D90210"),
    (
        "needless escapes",
        "of JSON",
        b"S3cr3t-Value-XyZ-90210",
        b"S3cr3t\\u002dValue\\u002dXyZ\\u002d90210",
    ),
    (
        "base64 of other escapes",
        "HTML",
        b"a&b<c>d'e\"f&g<h>i",
        b"YSZhbXA7YiZsdDtjJmd0O2QmIzM5O2UmcXVvdDtmJmFtcDtnJmx0O2gmZ3Q7aQ==",
    ),
];

/// The item of the page that an encoder of the common table is of.
fn item(encoder: &str) -> &'static str {
    for (start, item) in [
        ("raw", "raw"),
        ("base64 wrapped", "wrapped base64"),
        ("base64 in a JSON string", "wrapped base64"),
        ("base64", "base64"),
        ("base32", "base32"),
        ("hex", "hex"),
        ("percent", "percent"),
        ("json", "JSON"),
        ("html", "HTML and XML"),
        ("octal", "literals"),
        ("single-quoted", "shell and others"),
        ("sql", "shell and others"),
        ("csv", "shell and others"),
        ("make", "shell and others"),
        ("utf-16", "UTF-16"),
    ] {
        if encoder.starts_with(start) {
            return item;
        }
    }
    panic!("{encoder} is of no item");
}

/// What is wrong with the output for a value in this form between other text.
fn fault(value: &[u8], before: &[u8], form: &[u8], behind: &[u8]) -> Option<&'static str> {
    let out = redact(value, &[before, form, behind].concat(), usize::MAX);
    if !out.windows(MARKER.len()).any(|w| w == MARKER) {
        return Some("is not found");
    }
    let pieces = rest(&out);
    if pieces.iter().any(|piece| survives(value, piece)) {
        return Some("is not gone");
    }
    (!out.starts_with(before) || !out.ends_with(behind)).then_some("took something with it")
}

/// Whether the page promises this form of this value.
fn applies(item: &str, name: &str, value: &[u8]) -> bool {
    let mixed =
        value.iter().any(u8::is_ascii_uppercase) && value.iter().any(u8::is_ascii_lowercase);
    match (item, name) {
        ("case", _) => mixed && value.is_ascii(),
        // Some encoders of the common table take each byte for a character.
        ("HTML and XML", _) | (_, "json, all" | "utf-16 le" | "utf-16 be") => value.is_ascii(),
        // Fourteen characters must stand in a row.
        (_, "wrapped by a terminal") => value.len() >= 24,
        _ => true,
    }
}

#[test]
fn every_form_that_is_named_as_replaced_is_replaced() {
    let common = ENCODERS.iter().map(|(name, encode)| (item(name), *name, *encode));
    for (item, name, encode) in common.chain(FURTHER) {
        for value in VALUES {
            if !applies(item, name, value) {
                continue;
            }
            let raw = ["UTF-16", "UTF-32"].contains(&item) && !name.contains("in ");
            let (before, behind): (&[u8], &[u8]) = if raw {
                (b"\x01\x02\x03\x04", b"\x01\x02\x03\x04")
            } else {
                (b"x = (", b") end\n")
            };
            let form = if item == "several lines" { value.to_vec() } else { encode(value) };
            assert_eq!(
                fault(value, before, &form, behind),
                None,
                "{item}, {name}: {}",
                value.escape_ascii()
            );
        }
    }
}

#[test]
fn a_dump_is_replaced_wherever_the_value_stands_in_its_lines() {
    for (item, name, encode) in DUMPS {
        for value in VALUES {
            for before in 0..17 {
                let text = [&b"0123456789 = abcdef"[..before], value, b"; more of it"].concat();
                let fault = fault(value, b"", &encode(&text), b"");
                let gone = fault.is_none_or(|f| f == "took something with it");
                assert!(
                    gone,
                    "{item}, {name}, behind {before}: {fault:?}: {}",
                    value.escape_ascii()
                );
            }
        }
    }
}

/// Every value of these lengths, cut by the lines of `xxd -i` and `xxd -c4` wherever that can be.
#[test]
fn values_that_lines_cut_everywhere_are_replaced() {
    let whole: &[u8] = b"FiFrez9bamDfti-zxpju35fuKw0Rd8Hn2LqX5tYc1GvBs7Ze";
    for length in 6..whole.len() {
        let value = &whole[..length];
        for before in 0..12 {
            let text = [&b"key is 00; ="[..before], value, b"; end"].concat();
            assert_eq!(
                dumped(value, &c_array(&text)),
                None,
                "xxd -i, {length} bytes behind {before}"
            );
            if length >= 2 * 4 - 1 {
                assert_eq!(
                    dumped(value, &dump(&text, 4, 2, true, true)),
                    None,
                    "xxd -c4, {length} bytes behind {before}"
                );
            }
        }
    }
}

fn dumped(value: &[u8], text: &[u8]) -> Option<&'static str> {
    fault(value, b"", text, b"").filter(|f| *f != "took something with it")
}

#[test]
fn every_form_that_is_named_as_not_replaced_passes() {
    let value = VALUES[0];
    for (item, name, encode) in PASSED {
        let form = [b"x = ", &encode(value)[..], b" ;\n"].concat();
        assert!(
            redact(value, &form, usize::MAX) == form,
            "{item}, {name} is replaced: say so in the page"
        );
    }
    for (item, name, value, form) in PASSED_OF {
        assert!(
            redact(value, form, usize::MAX) == form,
            "{item}, {name} is replaced: say so in the page"
        );
    }
    let compressed = b"\x1f\x8b\x08\0 not a real one";
    assert!(redact(value, compressed, usize::MAX) == compressed);
}

/// The items of a list in a section of the page.
fn items(section: &str) -> Vec<String> {
    let page = include_str!("../../../man/hasp-redact.1");
    let rest = page.split(&format!(".Ss {section}\n")).nth(1).unwrap();
    let lines = rest.lines().take_while(|l| !l.starts_with(".S"));
    lines.filter_map(|l| l.strip_prefix(".It ")).map(str::to_owned).collect()
}

#[test]
fn the_page_names_what_is_tested_and_nothing_else() {
    let distinct =
        |items: Vec<String>| items.into_iter().collect::<std::collections::BTreeSet<_>>();
    let common = ENCODERS.iter().map(|(name, _)| item(name));
    let replaced = common.chain(FURTHER.iter().chain(&DUMPS).map(|f| f.0));
    assert_eq!(
        distinct(items("Forms that are replaced")),
        distinct(replaced.map(str::to_owned).collect())
    );
    let passed = PASSED
        .iter()
        .map(|f| f.0)
        .chain(PASSED_OF.iter().map(|f| f.0))
        .chain(["compressed or enciphered"]);
    assert_eq!(
        distinct(items("Forms that are not replaced")),
        distinct(passed.map(str::to_owned).collect())
    );
}

/// A colour change between every two characters but 14 in a row, wherever those are.
#[test]
fn fourteen_characters_in_a_row_suffice() {
    for value in [VALUES[0], VALUES[1]] {
        for first in 0..=value.len() - 14 {
            let broken = |(at, byte): (usize, &u8)| {
                let inside = (first..first + 13).contains(&at);
                if inside { vec![*byte] } else { [&[*byte][..], b"\x1b[m"].concat() }
            };
            let text: Vec<u8> = value.iter().enumerate().flat_map(broken).collect();
            assert_eq!(fault(value, b"x = (", &text, b") end\n"), None, "from {first} on");
        }
    }
}

#[test]
fn the_page_s_statement_on_cut_values_is_true() {
    let value = VALUES[0];
    for kept in 1..value.len() {
        for part in [&value[..kept], &value[kept..]] {
            let text = [b"token=", part, b"\n"].concat();
            assert!(redact(value, &text, usize::MAX) == text, "{kept} of {}", value.len());
        }
    }
    for width in 1..value.len() {
        let text = wrap(std::str::from_utf8(value).unwrap(), width, "\n");
        assert!(redact(value, &text, usize::MAX) == text, "folded at {width}");
    }
    // What is whole on both sides of a cut is found there.
    let text = [value, &value[..20], value].concat();
    assert_eq!(redact(value, &text, usize::MAX), [b"[hasp:S]", &value[..20], b"[hasp:S]"].concat());
    let base64 = BASE64_NOPAD.encode(value).into_bytes();
    let cut = &base64[..base64.len() - 4];
    assert!(redact(value, cut, usize::MAX) == cut);
}
