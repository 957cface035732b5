//! Strings made of a value for forms that are rare, each in the one way in which programs write it.
//! They are searched for where there are few values: a value more or less costs little there.

use zeroize::Zeroizing;

use super::needle::Origin;
use super::spell::{self, Spelling};
use crate::decode::parts::danger::MIN_VALUE;

/// The longest value of which rare forms are looked for that are much longer than itself.
const SMALL: usize = 4096;

/// The shortest string of swapped bytes; a shorter one would change how all others are looked for.
const SHORTEST: usize = 12;

/// What encoders of JSON and of URLs make of a value: only those that change something are looked
/// for.
const ESCAPES: [Spelling; 7] = [
    |v, i, out| spell::json(v, i, b"", false, out),
    |v, i, out| spell::json(v, i, b"", true, out),
    |v, i, out| spell::json(v, i, b"<>&", false, out),
    |v, i, out| percent(out, v[i], b"-_.~"),
    |v, i, out| percent(out, v[i], b"-_.~/"),
    |v, i, out| percent(out, v[i], b"-_.~!'()*"),
    |v, i, out| percent(out, v[i], b"-_.* "),
];

/// How lists of numbers are written: by Python, Rust and Go's `%#v`, as JSON, and by Go.
const BETWEEN: [&[u8]; 3] = [b", ", b",", b" "];

/// At least as many bytes as [`each`] gives for this value.
pub(crate) fn room(value: &[u8]) -> usize {
    let mut room = 0;
    each(value, |_, text| room += text.len());
    room
}

/// Gives every string, and what it was made for.
pub(crate) fn each(value: &[u8], mut give: impl FnMut(Origin, &[u8])) {
    let (little, big) = (spell::wide(value, false), spell::wide(value, true));
    let mut inner = |text: &[u8]| {
        // Two or three characters may be fewer bytes than they were, too few to look for.
        if text.len() >= MIN_VALUE {
            give(Origin::Inner, text);
        }
    };
    inner(little.strip_suffix(&[0]).unwrap_or(&little));
    // Up to U+00FF the one byte order is the other, a byte further on.
    if big.chunks(2).any(|unit| unit[0] > 0) {
        inner(big.strip_prefix(&[0]).unwrap_or(&big));
    }
    escaped(value, &mut give);
    if value.len() > SMALL {
        return;
    }
    for big in [false, true] {
        give(Origin::Wider, &wider(value, big));
    }
    for between in BETWEEN {
        give(Origin::Decimal, &decimal(value, between));
    }
    for first in [0, 1] {
        let words = value.get(first..).unwrap_or_default().as_chunks::<2>().0;
        if 2 * words.len() >= SHORTEST {
            let mut swapped = Zeroizing::new(Vec::with_capacity(value.len()));
            words.iter().for_each(|[one, other]| swapped.extend_from_slice(&[*other, *one]));
            give(Origin::Swapped, &swapped);
        }
    }
}

/// What is no text is not escaped in this way.
fn escaped(value: &[u8], give: &mut impl FnMut(Origin, &[u8])) {
    if std::str::from_utf8(value).is_err() {
        return;
    }
    let mut given: Vec<Zeroizing<Vec<u8>>> = Vec::with_capacity(ESCAPES.len());
    for escape in ESCAPES {
        // The longest escape is that of a control character in JSON.
        let mut text = Zeroizing::new(Vec::with_capacity(6 * value.len()));
        let mut at = 0;
        while at < value.len() {
            at += escape(value, at, &mut text);
        }
        if text.as_slice() != value && !given.contains(&text) {
            give(Origin::Escaped, &text);
            given.push(text);
        }
    }
}

/// RFC 3986, with upper-case digits; a blank that is kept becomes `+`, as in a form.
fn percent(out: &mut Vec<u8>, byte: u8, kept: &[u8]) -> usize {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    match byte {
        b' ' if kept.contains(&byte) => out.push(b'+'),
        byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => out.push(byte),
        _ => out.extend_from_slice(&[
            b'%',
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]),
    }
    1
}

/// The value in UTF-32; bytes that are no UTF-8 become characters of their own.
fn wider(value: &[u8], big: bool) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(4 * value.len()));
    let mut unit =
        |u: u32| out.extend_from_slice(&if big { u.to_be_bytes() } else { u.to_le_bytes() });
    match std::str::from_utf8(value) {
        Ok(text) => text.chars().for_each(|c| unit(u32::from(c))),
        Err(_) => value.iter().for_each(|b| unit(u32::from(*b))),
    }
    out
}

fn decimal(value: &[u8], between: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(5 * value.len()));
    for (at, byte) in value.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { between });
        let digits = [byte / 100, byte / 10 % 10, byte % 10];
        let first = digits[..2].iter().position(|d| *d > 0).unwrap_or(2);
        out.extend(digits[first..].iter().map(|d| b'0' + d));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(origin: Origin, value: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        each(value, |o, text| found.extend((o == origin).then(|| text.to_vec())));
        found
    }

    #[test]
    fn each_string_is_what_its_program_writes() {
        assert_eq!(
            of(Origin::Decimal, b"h\x07\xff"),
            [&b"104, 7, 255"[..], b"104,7,255", b"104 7 255"]
        );
        assert_eq!(
            of(Origin::Swapped, b"abcdefghijklmn"),
            [&b"badcfehgjilknm"[..], b"cbedgfihkjml"]
        );
        assert_eq!(of(Origin::Swapped, b"abcdefghijk"), [[0; 0]; 0]);
        assert_eq!(of(Origin::Inner, b"abcd"), [b"a\0b\0c\0d"]);
        assert_eq!(of(Origin::Inner, "\u{e9}\u{e9}\u{e9}".as_bytes()), [[0; 0]; 0]);
        assert_eq!(of(Origin::Escaped, b"plain-value_1.2~"), [b"plain-value_1.2%7E"]);
        assert_eq!(of(Origin::Escaped, b"letters0"), [[0; 0]; 0]);
        let escaped = of(Origin::Escaped, "a\"/ \u{e4}<".as_bytes());
        for wanted in [
            "a\\\"/ \u{e4}<",
            "a\\\"/ \\u00e4<",
            "a\\\"/ \u{e4}\\u003c",
            "a%22%2F%20%C3%A4%3C",
            "a%22/%20%C3%A4%3C",
        ] {
            assert!(escaped.iter().any(|e| e == wanted.as_bytes()), "{wanted}");
        }
    }
}
