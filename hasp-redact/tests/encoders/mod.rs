//! Encoders written from the standards, not from the matcher, for tests: each turns a value into
//! one of its promised forms.
#![allow(dead_code)]

use data_encoding::{BASE32, BASE32_NOPAD, BASE64, BASE64_NOPAD, BASE64URL, HEXLOWER, HEXUPPER};

/// A form's name and its encoder.
pub type Encoder = (&'static str, fn(&[u8]) -> Vec<u8>);

/// All of a value's forms whose text begins and ends with the value.
pub const ENCODERS: [Encoder; 39] = [
    ("raw", |v| v.to_vec()),
    ("base64", |v| BASE64.encode(v).into_bytes()),
    ("base64 unpadded", |v| BASE64_NOPAD.encode(v).into_bytes()),
    ("base64 url", |v| BASE64URL.encode(v).into_bytes()),
    ("base64 wrapped at 76", |v| wrap(&BASE64.encode(v), 76, "\n")),
    ("base64 wrapped at 64, CRLF", |v| wrap(&BASE64.encode(v), 64, "\r\n")),
    ("base64 wrapped and indented", |v| wrap(&BASE64.encode(v), 60, "\n    ")),
    ("base64 in a JSON string", |v| wrap(&BASE64.encode(v), 64, "\\n")),
    ("base64 in a URL", |v| percent(BASE64.encode(v).as_bytes(), b"")),
    ("base32", |v| BASE32.encode(v).into_bytes()),
    ("base32 lower", |v| BASE32_NOPAD.encode(v).to_lowercase().into_bytes()),
    ("hex", |v| HEXLOWER.encode(v).into_bytes()),
    ("hex upper", |v| HEXUPPER.encode(v).into_bytes()),
    ("hex apart", |v| join(v, "", " ")),
    ("hex with colons", |v| join(v, "", ":")),
    ("hex with dashes", |v| join(v, "", "-")),
    ("hex with commas", |v| join(v, "", ", 0x")),
    ("hex with commas, no blank", |v| join(v, "", ",0x")),
    ("hex in twos", |v| {
        v.chunks(2).map(|c| HEXLOWER.encode(c)).collect::<Vec<_>>().join(" ").into_bytes()
    }),
    ("hex escapes", |v| each(v, |b| format!("\\x{b:02x}"))),
    ("percent", |v| percent(v, b"-_.~")),
    ("percent, slashes kept", |v| percent(v, b"-_.~/")),
    ("percent, all", |v| percent_all(v)),
    ("percent, all, lower", |v| each(v, |b| format!("%{b:02x}"))),
    ("percent, form", |v| {
        String::from_utf8_lossy(&percent(v, b"-_.* ")).replace(' ', "+").into_bytes()
    }),
    ("percent twice", |v| percent(&percent(v, b"-_.~"), b"-_.~")),
    ("json", |v| json(v)),
    ("json, all", |v| each(v, |b| format!("\\u{:04x}", u32::from(b)))),
    ("json in json", |v| json(&json(v))),
    ("html", |v| html(v)),
    ("html, all decimal", |v| each(v, |b| format!("&#{b};"))),
    ("html, all hex", |v| each(v, |b| format!("&#x{b:X};"))),
    ("octal", |v| each(v, |b| format!("\\{b:03o}"))),
    ("single-quoted in sh", |v| replace(v, b'\'', "'\\''")),
    ("sql", |v| replace(v, b'\'', "''")),
    ("csv", |v| replace(v, b'"', "\"\"")),
    ("make", |v| replace(v, b'$', "$$")),
    ("utf-16 le", |v| v.iter().flat_map(|b| [*b, 0]).collect()),
    ("utf-16 be", |v| v.iter().flat_map(|b| [0, *b]).collect()),
];

/// Breaks text into lines of `width` characters.
pub fn wrap(text: &str, width: usize, line_break: &str) -> Vec<u8> {
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|l| std::str::from_utf8(l).unwrap()).collect();
    lines.join(line_break).into_bytes()
}

fn each(value: &[u8], encode: impl Fn(u8) -> String) -> Vec<u8> {
    value.iter().flat_map(|b| encode(*b).into_bytes()).collect()
}

fn join(value: &[u8], before: &str, between: &str) -> Vec<u8> {
    value.iter().map(|b| format!("{before}{b:02x}")).collect::<Vec<_>>().join(between).into_bytes()
}

fn percent(value: &[u8], kept: &[u8]) -> Vec<u8> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || kept.contains(&b);
    value
        .iter()
        .flat_map(|b| if plain(*b) { vec![*b] } else { format!("%{b:02X}").into_bytes() })
        .collect()
}

fn percent_all(value: &[u8]) -> Vec<u8> {
    each(value, |b| format!("%{b:02X}"))
}

fn json(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in value {
        match byte {
            b'"' => text.extend(b"\\\""),
            b'\\' => text.extend(b"\\\\"),
            b'\n' => text.extend(b"\\n"),
            0..=0x1f => text.extend(format!("\\u{:04x}", u32::from(*byte)).bytes()),
            byte => text.push(*byte),
        }
    }
    text
}

fn html(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in value {
        match byte {
            b'&' => text.extend(b"&amp;"),
            b'<' => text.extend(b"&lt;"),
            b'>' => text.extend(b"&gt;"),
            b'"' => text.extend(b"&quot;"),
            b'\'' => text.extend(b"&#x27;"),
            byte => text.push(*byte),
        }
    }
    text
}

fn replace(value: &[u8], which: u8, with: &str) -> Vec<u8> {
    value
        .iter()
        .flat_map(|b| if *b == which { with.as_bytes().to_vec() } else { vec![*b] })
        .collect()
}
