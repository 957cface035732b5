//! Layers: one way each to read a text as the encoding of another one. A layer knows no value; a
//! form that is nested is read by one layer after the other.
//!
//! Each is a function that appends what it reads and stops at a length, and gives back how much of
//! the text that took: so the place of a match is found by reading the same text once more, and
//! nothing is kept about each byte.

use super::alphabet::{base32, base64, is_symbol};
use super::ansi::ESCAPE;
use super::join;
use super::text::{Text, nibble};
use super::unit::{Units, decode};

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layer {
    /// Base64 of either alphabet, this many characters left out.
    Base64(u8),
    /// Base32 of either case, this many characters left out.
    Base32(u8),
    /// Pairs of hexadecimal digits, this many left out; between two pairs up to four other
    /// characters.
    Hex(u8),
    /// UTF-16, big endian or not.
    Wide(bool),
    /// Characters that are bytes of a value which is no text.
    Latin,
    /// What was wrapped: line breaks in it are skipped, and the blanks behind them.
    Joined,
    /// A line break and blanks behind it become nothing, as a terminal wraps.
    Wrapped,
    /// `%41`, and `+` for a blank or for itself.
    Percent(bool),
    /// String literals; where an escape can be read in two ways, the shorter or the longer.
    Backslash(bool),
    /// `&amp;`, `&#65;`.
    Entity,
    /// `=41`.
    Quoted,
    /// Doubled quotes and dollars, and a shell's way to write an apostrophe.
    Doubled,
    /// Colours and links.
    Coloured,
    /// A line break and the blanks around it become one blank, as YAML folds.
    Folded,
    /// String literals that are put together.
    Literals,
    /// Decimal numbers, each of which is a byte.
    Decimal,
}

/// The layers in which some characters stand for themselves.
pub(crate) const SPARSE: [Layer; 11] = [
    Layer::Percent(false),
    Layer::Percent(true),
    Layer::Backslash(false),
    Layer::Backslash(true),
    Layer::Entity,
    Layer::Coloured,
    Layer::Quoted,
    Layer::Doubled,
    Layer::Wrapped,
    Layer::Folded,
    Layer::Literals,
];

/// The first of them, in which escapes stand for characters.
pub(crate) const ESCAPED: usize = 8;

/// The first of them, which may change every character.
pub(crate) const DENSE: usize = 6;

impl Layer {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Layer::Base64(_) => "base64",
            Layer::Base32(_) => "base32",
            Layer::Hex(_) => "hex",
            Layer::Wide(_) => "utf-16",
            Layer::Latin => "latin-1",
            Layer::Joined | Layer::Wrapped => "wrapped",
            Layer::Percent(_) => "percent",
            Layer::Backslash(_) => "escaped",
            Layer::Entity => "html",
            Layer::Quoted => "quoted-printable",
            Layer::Doubled => "quoted",
            Layer::Coloured => "coloured",
            Layer::Folded => "folded",
            Layer::Literals => "joined literals",
            Layer::Decimal => "decimal",
        }
    }

    /// Reads until `out` has `stop` bytes; how much of the text was read.
    pub fn read(self, text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
        match self {
            Layer::Base64(skip) => base64(text, skip, out, stop),
            Layer::Base32(skip) => base32(text, skip, out, stop),
            Layer::Hex(skip) => hex(text, skip.into(), out, stop),
            Layer::Wide(big) => wide(text, big, out, stop),
            Layer::Latin => latin(text, out, stop),
            Layer::Joined => joined(text, out, stop),
            Layer::Wrapped => wrapped(text, out, stop),
            Layer::Folded => join::folded(text, out, stop),
            Layer::Literals => join::literals(text, out, stop),
            Layer::Decimal => join::decimal(text, out, stop),
            _ => self.units(text, out, stop),
        }
    }

    /// Whether what it reads is characters, in UTF-8.
    pub fn makes_characters(self) -> bool {
        matches!(self, Layer::Wide(_) | Layer::Backslash(_) | Layer::Entity | Layer::Percent(_))
    }

    /// Whether a unit that begins with this byte is one that the layer reads.
    pub fn decodes(self, byte: u8) -> bool {
        match self {
            Layer::Percent(true) => byte == b'%',
            layer => layer.begins(byte),
        }
    }

    /// Whether a byte may begin something that the layer reads.
    fn begins(self, byte: u8) -> bool {
        match self {
            Layer::Percent(plus) => byte == b'%' || plus && byte == b'+',
            Layer::Backslash(_) => byte == b'\\',
            Layer::Entity => byte == b'&',
            Layer::Quoted => byte == b'=',
            Layer::Doubled => matches!(byte, b'\'' | b'"' | b'$'),
            Layer::Coloured => byte == ESCAPE,
            Layer::Wrapped | Layer::Folded => byte == b'\n',
            Layer::Literals => matches!(byte, b'"' | b'\'' | b'`'),
            _ => false,
        }
    }

    /// Whether the layer may change the text.
    pub fn applies(self, text: &[u8]) -> bool {
        text.iter().any(|b| self.begins(*b))
    }

    fn units(self, text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
        let whole = Text { bytes: text, eof: true };
        let (mut at, mut units) = (0, Units::default());
        while at < text.len() && out.len() < stop {
            let byte = text[at];
            if self.begins(byte) {
                units.clear();
                decode(whole, at, &mut units);
                let longer = matches!(self, Layer::Backslash(true));
                let unit = if longer { units.found().last() } else { units.found().first() };
                if let Some(unit) = unit {
                    out.extend_from_slice(unit.bytes());
                    at = unit.end;
                    continue;
                }
            }
            out.push(byte);
            at += 1;
        }
        at
    }
}

/// The most bytes between two pairs of digits.
const BETWEEN: usize = 4;

/// Pairs of digits; it ends where something else follows.
fn hex(text: &[u8], skip: usize, out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = skip.min(text.len());
    while out.len() < stop {
        let Some([high, low]) =
            text.get(at..).and_then(|t| t.first_chunk::<2>()).map(|p| p.map(nibble))
        else {
            break;
        };
        if high > 15 || low > 15 {
            break;
        }
        out.push(high << 4 | low);
        at += 2;
        let next = between(&text[at..]);
        let Some(next) = next else { break };
        at += next;
    }
    at
}

/// How many bytes stand before the next pair: nothing, or up to four of those that separate, `0x`
/// and `\x` not counted.
fn between(rest: &[u8]) -> Option<usize> {
    let digit = |at: usize| rest.get(at).is_some_and(|b| nibble(*b) < 16);
    for at in 0..=BETWEEN {
        if rest.get(at) == Some(&b'0') && matches!(rest.get(at + 1), Some(b'x' | b'X')) {
            return Some(at + 2);
        }
        if digit(at) {
            return Some(at);
        }
        match rest.get(at)? {
            b'\\' if rest.get(at + 1) == Some(&b'x') => return Some(at + 2),
            b' ' | b'\t' | b'\r' | b'\n' | b':' | b',' | b'-' | b'_' | b'.' | b';' | b'%'
            | b'=' | b'|' => {}
            _ => return None,
        }
    }
    None
}

/// UTF-16, as UTF-8; it ends at a NUL or half a pair.
fn wide(text: &[u8], big: bool, out: &mut Vec<u8>, stop: usize) -> usize {
    let unit = |p: &[u8]| {
        if big { u16::from_be_bytes([p[0], p[1]]) } else { u16::from_le_bytes([p[0], p[1]]) }
    };
    let units = text.chunks_exact(2).map(unit).take_while(|u| *u != 0);
    let mut at = 0;
    for c in char::decode_utf16(units) {
        let Ok(c) = c else { break };
        if out.len() >= stop {
            break;
        }
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        at += 2 * c.len_utf16();
    }
    at
}

/// Each character up to U+00FF as one byte.
fn latin(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while at < text.len() && out.len() < stop {
        match text[at..] {
            [first @ (0xc2 | 0xc3), second @ 0x80..=0xbf, ..] => {
                out.push(first << 6 | second & 0x3f);
                at += 2;
            }
            [byte, ..] => {
                out.push(byte);
                at += 1;
            }
            [] => break,
        }
    }
    at
}

/// The deepest indentation that is skipped behind a line break.
const INDENT: usize = 64;

/// How long the line break is that stands here, as it is or as in a string literal, with the
/// indentation behind it.
#[inline]
pub(crate) fn line_break(rest: &[u8]) -> usize {
    if !matches!(rest.first(), Some(b'\n' | b'\r' | b'\\')) {
        return 0;
    }
    let breaks = [&b"\n"[..], b"\r\n", b"\\n", b"\\r\\n", b"\\\\n"];
    let Some(length) = breaks.iter().find(|b| rest.starts_with(b)).map(|b| b.len()) else {
        return 0;
    };
    length + rest[length..].iter().take(INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// Symbols of base64 across line breaks; it ends where anything else follows.
fn joined(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while at < text.len() && out.len() < stop {
        if is_symbol(text[at]) {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let skipped = line_break(&text[at..]);
        if skipped == 0 || !text.get(at + skipped).is_some_and(|b| is_symbol(*b)) {
            break;
        }
        at += skipped;
    }
    at
}

fn wrapped(text: &[u8], out: &mut Vec<u8>, stop: usize) -> usize {
    let mut at = 0;
    while at < text.len() && out.len() < stop {
        let skipped = if matches!(text[at], b'\n' | b'\r') { line_break(&text[at..]) } else { 0 };
        if skipped == 0 {
            out.push(text[at]);
        }
        at += skipped.max(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Layer; 20] = [
        Layer::Latin,
        Layer::Base64(0),
        Layer::Base64(3),
        Layer::Base32(0),
        Layer::Base32(7),
        Layer::Hex(0),
        Layer::Hex(1),
        Layer::Wide(false),
        Layer::Wide(true),
        Layer::Joined,
        Layer::Wrapped,
        Layer::Percent(false),
        Layer::Backslash(false),
        Layer::Backslash(true),
        Layer::Entity,
        Layer::Doubled,
        Layer::Coloured,
        Layer::Folded,
        Layer::Literals,
        Layer::Decimal,
    ];

    fn read(layer: Layer, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        layer.read(text, &mut out, usize::MAX);
        out
    }

    #[test]
    fn each_layer_reads_its_encoding() {
        for (layer, text, wanted) in [
            (Layer::Base64(0), &b"aGVsbG8gd29ybGQ"[..], &b"hello world"[..]),
            (Layer::Base64(2), b"xxaGVsbG8gd29ybGQ", b"hello world"),
            (Layer::Base32(0), b"nbswy3dp", b"hello"),
            (Layer::Hex(0), b"68656C6c6f", b"hello"),
            (Layer::Hex(0), b"68:65:6c:6c:6f", b"hello"),
            (Layer::Hex(0), b"0x68, 0x65, 0x6c, 0x6c, 0x6f"[2..].as_ref(), b"hello"),
            (Layer::Hex(0), b"68\\x65\\x6c\\x6c\\x6f", b"hello"),
            (Layer::Wide(false), b"h\0i\0", b"hi"),
            (Layer::Wide(true), b"\0h\0i", b"hi"),
            (Layer::Latin, "a\u{9b}\u{e4}\u{20ac}".as_bytes(), b"a\x9b\xe4\xe2\x82\xac"),
            (Layer::Joined, b"aGVs\n  bG8g\\nd29y !", b"aGVsbG8gd29y"),
            (Layer::Wrapped, b"ab\r\ncd", b"abcd"),
            (Layer::Percent(false), b"a%2Fb+c", b"a/b+c"),
            (Layer::Percent(true), b"a%2Fb+c", b"a/b c"),
            (Layer::Backslash(false), b"a\\\"b\\u0041\\\\n", b"a\"bA\\n"),
            (Layer::Backslash(true), b"a\\\"b\\101\\\\n", b"a\"bA\n"),
            (Layer::Entity, b"a&amp;b&#65;&lt;", b"a&bA<"),
            (Layer::Quoted, b"a=3Db=\r\nc", b"a=bc"),
            (Layer::Doubled, b"it'\\''s \"\"x\"\" $$y", b"it's \"x\" $y"),
            (Layer::Coloured, b"a\x1b[31mb\x1b[0m", b"ab"),
        ] {
            assert_eq!(
                read(layer, text).escape_ascii().to_string(),
                wanted.escape_ascii().to_string(),
                "{layer:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_places_grow(
            text in proptest::collection::vec(
                prop_oneof![
                    Just(b'%'),
                    Just(b'\\'),
                    Just(b'u'),
                    Just(b'0'),
                    Just(b'\n'),
                    any::<u8>()
                ],
                0..80,
            ),
        ) {
            for layer in ALL {
                let whole = read(layer, &text);
                let mut last = 0;
                for stop in 0..=whole.len() {
                    let mut out = Vec::new();
                    let place = layer.read(&text, &mut out, stop);
                    prop_assert!(place >= last && place <= text.len() && whole.starts_with(&out));
                    last = place;
                }
            }
        }
    }
}
