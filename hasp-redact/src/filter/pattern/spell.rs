//! How encoders write a value, as far as seeds need it: the first characters of an encoding from
//! some unit on. What the matcher accepts is far more; a seed only has to be part of it.

use zeroize::Zeroizing;

use crate::filter::form::radix::Radix;
use crate::filter::form::{Case, Form};

/// A way to write one unit of a value: appends its text and says how many bytes of the value it
/// took.
pub(crate) type Spelling = fn(&[u8], usize, &mut Vec<u8>) -> usize;

/// Spellings that leave nothing as it is. The matcher reads them as [`Form::Plain`] or
/// [`Form::Hex`].
pub(crate) const FULL: [(Spelling, Form); 20] = [
    (|v, i, out| each(out, v[i], "%", "", 16), PLAIN),
    (|v, i, out| each(out, v[i], "%25", "", 16), PLAIN),
    (|v, i, out| each(out, v[i], "\\x", "", 16), PLAIN),
    (|v, i, out| each(out, v[i], "\\\\x", "", 16), PLAIN),
    (|v, i, out| each(out, v[i], "\\u{", "}", 16), PLAIN),
    (|v, i, out| each(out, v[i], "&#x", ";", 16), PLAIN),
    (|v, i, out| each(out, v[i], "&#", ";", 10), PLAIN),
    (|v, i, out| each(out, v[i], "\\", "", 8), PLAIN),
    (|v, i, out| units16(v, i, "\\u", out), PLAIN),
    (|v, i, out| units16(v, i, "\\\\u", out), PLAIN),
    (|v, i, out| each(out, v[i], "", " ", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", ":", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", "-", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", ",", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", ", 0x", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", ",0x", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", " 0x", 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", ", ", 16), Form::Hex),
    // xxd writes the pairs in twos.
    (|v, i, out| each(out, v[i], "", if i % 2 == 1 { " " } else { "" }, 16), Form::Hex),
    (|v, i, out| each(out, v[i], "", if i % 2 == 0 { " " } else { "" }, 16), Form::Hex),
];

const PLAIN: Form = Form::Plain(Case::Exact);

/// Hexadecimal digits without anything between them.
pub(crate) const DIGITS: Spelling = |v, i, out| each(out, v[i], "", "", 16);

/// The spellings of hexadecimal dumps, whose lines break; the first is that of `xxd -i`.
pub(crate) const DUMPED: [Spelling; 4] = [
    |v, i, out| each(out, v[i], "", ", 0x", 16),
    |v, i, out| each(out, v[i], "", " ", 16),
    |v, i, out| each(out, v[i], "", if i % 2 == 1 { " " } else { "" }, 16),
    |v, i, out| each(out, v[i], "", if i % 2 == 0 { " " } else { "" }, 16),
];

/// Words of 16 bits, the first byte being the first of one.
pub(crate) const WORDS: Spelling =
    |v, i, out| each(out, v[i], "", if i % 2 == 1 { " " } else { "" }, 16);

/// Further spellings of pairs that may be broken into lines, as openssl does with colons.
pub(crate) const BROKEN: [Spelling; 6] = [
    |v, i, out| each(out, v[i], "", ":", 16),
    |v, i, out| each(out, v[i], "", "-", 16),
    |v, i, out| each(out, v[i], "", ",", 16),
    |v, i, out| each(out, v[i], "", ",0x", 16),
    |v, i, out| each(out, v[i], "", " 0x", 16),
    |v, i, out| each(out, v[i], "", ", ", 16),
];

/// Bytes in a line of `xxd -c4`, which is too short for a piece unless its text column is part of
/// that.
pub(crate) const SHORT_LINE: usize = 4;

/// A line of `xxd -c4`.
pub(crate) const SHORT_LINES: Spelling = |v, i, out| {
    let line = &v[i..v.len().min(i + SHORT_LINE)];
    for (at, byte) in line.iter().enumerate() {
        out.extend_from_slice(if at == 2 { b" " } else { b"" });
        out.extend(hex(*byte));
    }
    out.extend_from_slice(b"  ");
    out.extend(line.iter().map(|b| if (0x20..0x7f).contains(b) { *b } else { b'.' }));
    line.len()
};

/// Spellings that change some characters only; no two of them agree on which.
pub(crate) const MINIMAL: [Spelling; 34] = [
    |v, i, out| percent(out, v[i], b"-_.~", false),
    |v, i, out| percent(out, v[i], b"-_.~", true),
    |v, i, out| percent(out, v[i], b"-_.*", true),
    |v, i, out| percent(out, v[i], b"-_.~/", false),
    |v, i, out| percent(out, v[i], b"-_.~!'()*", false),
    |v, i, out| percent(out, v[i], b"-_.~!'()*;,/?:@&=+$#", false),
    |v, i, out| percent(out, v[i], b"-_.~!$&'()*+,;=:@/", false),
    |v, i, out| percent(out, v[i], b"-_.~!$&'()*+,;=:@/?", false),
    |v, i, out| twice(v, i, percent_byte, percent_byte, out),
    |v, i, out| json(v, i, b"", false, out),
    |v, i, out| json(v, i, b"/", false, out),
    |v, i, out| json(v, i, b"", true, out),
    |v, i, out| json(v, i, b"/", true, out),
    |v, i, out| json(v, i, b"<>&", false, out),
    |v, i, out| json(v, i, b"<>&'+`", true, out),
    |v, i, out| twice(v, i, json_byte, json_byte, out),
    |v, i, out| html(out, v[i], "&#x27;", "&quot;"),
    |v, i, out| html(out, v[i], "&#39;", "&#34;"),
    |v, i, out| html(out, v[i], "&#39;", "&quot;"),
    |v, i, out| html(out, v[i], "&apos;", "&quot;"),
    |v, i, out| html(out, v[i], "'", "\""),
    |v, i, out| double(out, v[i], b'\'', "'\\''"),
    |v, i, out| double(out, v[i], b'\'', "'\"'\"'"),
    |v, i, out| double(out, v[i], b'\'', "''"),
    |v, i, out| double(out, v[i], b'"', "\"\""),
    |v, i, out| double(out, v[i], b'$', "$$"),
    |v, i, out| backslashes(out, v[i], b"!\"#$&'()*,;<=>?[\\]^`{|}~ "),
    |v, i, out| backslashes(out, v[i], b"\"$`\\"),
    |v, i, out| backslashes(out, v[i], b"\"$`\\!"),
    |v, i, out| literal(out, v[i], b"'\\", "\\x"),
    |v, i, out| literal(out, v[i], b"\"\\", "\\"),
    |v, i, out| printable(out, v[i]),
    |v, i, out| by_character(v, i, ["\\x", "\\u", "\\U"], "", out),
    |v, i, out| by_character(v, i, ["\\u{"; 3], "}", out),
];

/// Spellings of a value's line breaks, for values whose lines are too short to be searched for
/// alone.
pub(crate) const LINES: [Spelling; 2] =
    [|v, i, out| double(out, v[i], b'\n', "\r\n"), |v, i, out| double(out, v[i], b'\n', " ")];

/// How the two characters of base64 that are neither letter nor digit are written: as they are, for
/// a URL, escaped for a URL in either case, in JSON, in HTML.
pub(crate) const SYMBOLS: [[&str; 2]; 6] =
    [["+", "/"], ["-", "_"], ["%2B", "%2F"], ["+", "\\/"], ["\\u002b", "/"], ["&#43;", "/"]];

/// RFC 4648, table 3.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// RFC 4648, table 1.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the own character of a base64 or base32 form at this index.
pub(crate) fn radix(form: Form, value: &[u8], index: usize, symbols: [&str; 2], out: &mut Vec<u8>) {
    let number = usize::from(Radix::of(form).symbol(value, index));
    match form {
        Form::Base32(_) => out.push(BASE32[number]),
        _ if number >= 62 => out.extend_from_slice(symbols[number - 62].as_bytes()),
        _ => out.push(BASE64[number]),
    }
}

/// Two lower-case hexadecimal digits.
pub(crate) fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// The value in UTF-16, little or big endian; bytes that are no UTF-8 become characters of their
/// own.
pub(crate) fn wide(value: &[u8], big: bool) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(2 * value.len()));
    let mut unit =
        |u: u16| out.extend_from_slice(&if big { u.to_be_bytes() } else { u.to_le_bytes() });
    match std::str::from_utf8(value) {
        Ok(text) => text.encode_utf16().for_each(&mut unit),
        Err(_) => value.iter().for_each(|b| unit(u16::from(*b))),
    }
    out
}

/// Appends the characters of the value's base64 or base32 that are made of the value alone, without
/// the last one if it is only part of one. Needs room for twice the value and 8 bytes.
pub(crate) fn own_characters(form: Form, value: &[u8], out: &mut Vec<u8>) {
    match form {
        Form::Base32(_) => characters::<5, 32>(BASE32, form, value, out),
        _ => characters::<6, 64>(BASE64, form, value, out),
    }
}

/// Eight characters of `BITS` bits at a time.
fn characters<const BITS: usize, const SYMBOLS: usize>(
    alphabet: &[u8; SYMBOLS],
    form: Form,
    value: &[u8],
    out: &mut Vec<u8>,
) {
    // The first bits belong to a character that the value shares with what precedes it.
    let shared = Radix::of(form).shared();
    let end = out.len() + (8 * value.len()).saturating_sub(shared) / BITS;
    for start in (0..value.len()).step_by(BITS) {
        let rest = &value[start..];
        let word = rest
            .first_chunk::<8>()
            .map_or_else(|| padded(rest), |bytes| u64::from_be_bytes(*bytes))
            << shared;
        let symbol = |i: usize| alphabet[(word >> (64 - BITS * (i + 1))) as usize & (SYMBOLS - 1)];
        out.extend_from_slice(&std::array::from_fn::<u8, 8, _>(symbol));
    }
    out.truncate(end);
}

fn padded(rest: &[u8]) -> u64 {
    (0..8).fold(0, |word, i| word << 8 | rest.get(i).map_or(0, |byte| u64::from(*byte)))
}

fn each(out: &mut Vec<u8>, byte: u8, before: &str, after: &str, radix: u32) -> usize {
    out.extend_from_slice(before.as_bytes());
    match radix {
        16 => out.extend_from_slice(&hex(byte)),
        8 => out.extend([6, 3, 0].map(|shift| b'0' + (byte >> shift & 7))),
        _ => {
            if byte >= 100 {
                out.push(b'0' + byte / 100);
            }
            if byte >= 10 {
                out.push(b'0' + byte / 10 % 10);
            }
            out.push(b'0' + byte % 10);
        }
    }
    out.extend_from_slice(after.as_bytes());
    1
}

/// The UTF-8 character at `i`, or the byte as a character, and its length.
fn char_at(value: &[u8], i: usize) -> (char, usize) {
    let length = match value[i] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let whole = value.get(i..i + length).and_then(|b| std::str::from_utf8(b).ok());
    whole.and_then(|s| s.chars().next()).map_or((char::from(value[i]), 1), |c| (c, length))
}

fn units16(value: &[u8], i: usize, before: &str, out: &mut Vec<u8>) -> usize {
    let (c, length) = char_at(value, i);
    for unit in c.encode_utf16(&mut [0; 2]) {
        out.extend_from_slice(before.as_bytes());
        let [high, low] = unit.to_be_bytes();
        out.extend(hex(high));
        out.extend(hex(low));
    }
    length
}

fn percent(out: &mut Vec<u8>, byte: u8, kept: &[u8], plus: bool) -> usize {
    if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
        out.push(byte);
    } else if plus && byte == b' ' {
        out.push(b'+');
    } else {
        each(out, byte, "%", "", 16);
    }
    1
}

fn percent_byte(byte: u8, out: &mut Vec<u8>) {
    percent(out, byte, b"-_.~", false);
}

pub(crate) fn json(value: &[u8], i: usize, also: &[u8], ascii: bool, out: &mut Vec<u8>) -> usize {
    let byte = value[i];
    if byte >= 0x80 && ascii {
        return units16(value, i, "\\u", out);
    }
    if byte == b'/' && also.contains(&byte) {
        out.extend_from_slice(b"\\/");
    } else if also.contains(&byte) {
        each(out, byte, "\\u00", "", 16);
    } else {
        json_byte(byte, out);
    }
    1
}

fn json_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        8 => out.extend_from_slice(b"\\b"),
        12 => out.extend_from_slice(b"\\f"),
        0..=0x1f => {
            each(out, byte, "\\u00", "", 16);
        }
        _ => out.push(byte),
    }
}

/// One encoder's output through another.
fn twice(
    value: &[u8],
    i: usize,
    inner: fn(u8, &mut Vec<u8>),
    outer: fn(u8, &mut Vec<u8>),
    out: &mut Vec<u8>,
) -> usize {
    let mut once = Zeroizing::new(Vec::with_capacity(16));
    inner(value[i], &mut once);
    once.iter().for_each(|b| outer(*b, out));
    1
}

fn html(out: &mut Vec<u8>, byte: u8, apostrophe: &str, quote: &str) -> usize {
    match byte {
        b'&' => out.extend_from_slice(b"&amp;"),
        b'<' => out.extend_from_slice(b"&lt;"),
        b'>' => out.extend_from_slice(b"&gt;"),
        b'\'' => out.extend_from_slice(apostrophe.as_bytes()),
        b'"' => out.extend_from_slice(quote.as_bytes()),
        _ => out.push(byte),
    }
    1
}

fn double(out: &mut Vec<u8>, byte: u8, which: u8, spelling: &str) -> usize {
    if byte == which {
        out.extend_from_slice(spelling.as_bytes());
    } else {
        out.push(byte);
    }
    1
}

/// bash's `printf %q` and double quotes.
fn backslashes(out: &mut Vec<u8>, byte: u8, which: &[u8]) -> usize {
    if which.contains(&byte) {
        out.push(b'\\');
    }
    out.push(byte);
    1
}

/// A string literal of C, Python, Rust or Go between one kind of quotes; other bytes in hexadecimal
/// or octal.
fn literal(out: &mut Vec<u8>, byte: u8, quoted: &[u8], before: &str) -> usize {
    match byte {
        0x20..=0x7e if quoted.contains(&byte) => out.extend([b'\\', byte]),
        0x20..=0x7e => out.push(byte),
        b'\n' | b'\r' | b'\t' => json_byte(byte, out),
        _ => return each(out, byte, before, "", if before == "\\" { 8 } else { 16 }),
    }
    1
}

/// A string literal that writes characters outside ASCII by number: Python's, then Rust's.
fn by_character(
    value: &[u8],
    i: usize,
    before: [&str; 3],
    after: &str,
    out: &mut Vec<u8>,
) -> usize {
    let (c, length) = char_at(value, i);
    let code = u32::from(c);
    if code < 0x80 {
        return literal(out, value[i], b"'\\", "\\x");
    }
    let size = usize::from(code > 0xff) + usize::from(code > 0xffff);
    out.extend_from_slice(before[size].as_bytes());
    let digits = if after.is_empty() { 2 << size } else { 8 - code.leading_zeros() as usize / 4 };
    out.extend((0..digits).rev().map(|d| hex((code >> (4 * d) & 15) as u8)[1]));
    out.extend_from_slice(after.as_bytes());
    length
}

/// RFC 2045 quoted-printable.
fn printable(out: &mut Vec<u8>, byte: u8) -> usize {
    match byte {
        b'=' | 0..=0x1f | 0x7f.. => each(out, byte, "=", "", 16),
        _ => {
            out.push(byte);
            1
        }
    }
}
