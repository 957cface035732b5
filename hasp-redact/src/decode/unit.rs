//! One escaped character, decoded: every escape that the forms of a value know, tried at one
//! position of the text.
//!
//! The decoder does not know the value. It lists all readings, since `%2541` is both `%41` escaped
//! twice and a percent sign before `2541`, and the matcher keeps those that fit.

use super::ansi;
use super::cost;
use super::entity;
use super::text::{Answer, Text, nibble, pair};
pub(crate) use super::units::Units;

/// How many times an escape may be escaped again: JSON in JSON in a shell word has seven
/// backslashes.
const MAX_BACKSLASHES: usize = 8;

/// The longest distance between the first and the last byte of a unit, skipped control sequences
/// aside.
pub(crate) const MAX_UNIT: usize = 40;

/// The longest unit that begins with a percent sign, and with an equals sign.
pub(crate) const MAX_PERCENT: usize = 9;
pub(crate) const MAX_QUOTED: usize = 3;

/// Whether a byte can begin a unit. All other bytes stand for themselves only.
#[inline]
pub(crate) fn introduces(byte: u8) -> bool {
    KINDS[usize::from(byte)] == INTRODUCES
}

/// Whether a byte can only be read as itself: it introduces nothing, and is neither a blank nor
/// part of a line break.
#[inline]
pub(crate) fn stands_for_itself(byte: u8) -> bool {
    KINDS[usize::from(byte)] == 0
}

/// How many of the first bytes can only be read as themselves, eight at a time.
#[inline]
pub(crate) fn lone(bytes: &[u8]) -> usize {
    let kinds =
        |bytes: &[u8]| bytes.iter().fold(0, |kinds, byte| kinds | KINDS[usize::from(*byte)]);
    let words = bytes.as_chunks::<8>().0.iter().take_while(|word| kinds(*word) == 0).count();
    let rest = bytes[8 * words..].iter().take_while(|byte| stands_for_itself(**byte)).count();
    cost::run(8 * words + rest)
}

/// What bytes may be besides themselves; a table, because this is asked of every byte that is
/// compared.
const KINDS: [u8; 256] = kinds();
const INTRODUCES: u8 = 1;
const BREAKS: u8 = 2;

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut i = 0;
    while i < 256 {
        kinds[i] = match i as u8 {
            b'%' | b'\\' | b'&' | b'=' | b'\'' | b'"' | b'$' | b'+' | ansi::ESCAPE => INTRODUCES,
            b'\r' | b'\n' | b' ' | b'\t' => BREAKS,
            _ => 0,
        };
        i += 1;
    }
    kinds
}

/// Whether a unit that `first` introduces, `length` bytes long, can end with `last`: asked going
/// backwards, where most of what is nearby ends elsewhere.
pub(crate) fn may_end(first: u8, length: usize, last: u8) -> bool {
    match first {
        b'%' => matches!(length, 3 | 5 | 6 | 7 | 9),
        b'&' => last == b';',
        b'=' => length <= MAX_QUOTED,
        b'+' => length == 1,
        b'$' | b'"' => length == 2,
        b'\'' => last == b'\'',
        _ => true,
    }
}

/// Adds every reading of the text at `at`, other than the byte itself.
pub(crate) fn decode(text: Text<'_>, at: usize, units: &mut Units) {
    match text.get(at) {
        Some(b'%') => percent(text, at, units),
        Some(b'\\') => backslash(text, at, units),
        Some(b'&') => ampersand(text, at, units),
        Some(b'=') => quoted_printable(text, at, units),
        Some(b'+') => units.byte(b' ', at + 1),
        Some(b'$') => units.word(text, at, b"$$", b'$'),
        Some(b'"') => units.word(text, at, b"\"\"", b'"'),
        Some(b'\'') => apostrophe(text, at, units),
        Some(ansi::ESCAPE) => match ansi::skip(text, at) {
            Some(end) => units.skip(end),
            None => units.more |= ansi::unfinished(text, at),
        },
        _ => {}
    }
}

/// The byte that the escape at `at` stands for, and its length, where these few bytes are enough to
/// tell that it can be read in no other way: most escapes of a dump are of one kind, and a text
/// full of them is read at the speed of this. Backslashes before it may still be read as such.
#[inline]
pub(crate) fn only(text: Text<'_>, at: usize) -> Option<(u8, usize)> {
    let rest = &text.bytes[at..];
    match *rest.first()? {
        b'%' => {
            let byte = pair(rest.get(1..3)?)?;
            // `%25` may be the first of several escapes of one byte.
            let ends = byte != b'%' || rest.get(3).is_some_and(|b| nibble(*b) > 15);
            ends.then_some((byte, 3))
        }
        b'\\' => {
            let run = rest.iter().take(MAX_BACKSLASHES).take_while(|b| **b == b'\\').count();
            let (digits, length) = match rest.get(run)? {
                b'x' => (rest.get(run + 1..run + 3)?, run + 3),
                b'u' if rest.get(run + 1..run + 3)? == b"00" => {
                    (rest.get(run + 3..run + 5)?, run + 5)
                }
                _ => return None,
            };
            // A byte to some and a character to others from here on.
            pair(digits).filter(|byte| *byte < 0x80).map(|byte| (byte, length))
        }
        _ => None,
    }
}

/// As [`only`], of the escape that ends before `at`: nothing but a control sequence could make
/// another one of it.
#[inline]
pub(crate) fn only_before(text: Text<'_>, at: usize) -> Option<(u8, usize)> {
    let before = &text.bytes[..at];
    let byte = pair(before.get(at.checked_sub(2)?..)?)?;
    if before.len() > 2 && before[at - 3] == b'%' {
        return (byte != b'%').then_some((byte, 3));
    }
    let length = match before {
        [.., b'\\', b'x', _, _] => 4,
        [.., b'\\', b'u', b'0', b'0', _, _] => 6,
        _ => return None,
    };
    // Of several backslashes each may be the first.
    let alone = before.get(at.checked_sub(length + 1)?) != Some(&b'\\');
    (alone && byte < 0x80).then_some((byte, length))
}

/// RFC 3986 `%XX`, escaped again any number of times (`%2541`), and the `%uXXXX` of old JavaScript.
fn percent(text: Text<'_>, at: usize, units: &mut Units) {
    let mut digits = at + 1;
    for _ in 0..4 {
        if let Some(byte) = units.hex(text, digits, 2) {
            units.byte(byte as u8, digits + 2);
        }
        match text.has(digits, b"25") {
            Answer::Yes => digits += 2,
            Answer::Unknown => {
                units.more = true;
                break;
            }
            Answer::No => break,
        }
    }
    if text.get(at + 1) == Some(b'u')
        && let Some(code) = units.hex(text, at + 2, 4)
    {
        units.char(code, at + 6);
    }
}

/// Everything that starts with a backslash: JSON, C, Python, Rust, Go, shell, and each of them
/// inside another.
fn backslash(text: Text<'_>, at: usize, units: &mut Units) {
    let run = text.bytes[at..].iter().take(MAX_BACKSLASHES).take_while(|b| **b == b'\\').count();
    for doubled in [2, 4, 8] {
        if doubled <= run {
            units.byte(b'\\', at + doubled);
        }
    }
    let Some(letter) = text.get(at + run) else {
        units.more |= !text.eof;
        return;
    };
    let after = at + run + 1;
    match letter {
        b'x' => hex_escape(text, after, units),
        b'u' => unicode_escape(text, after, run, units),
        b'U' => {
            if let Some(code) = units.hex(text, after, 8) {
                units.char(code, after + 8);
            }
        }
        b'0'..=b'7' => octal_escape(text, at + run, units),
        b'\n' => units.skip(after),
        b' '..=b'/' | b':'..=b'@' | b'[' | b']'..=b'`' | b'{'..=b'~' => units.byte(letter, after),
        _ => {
            if let Some(byte) = control(letter) {
                units.byte(byte, after);
            }
        }
    }
}

fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        b'v' => 11,
        b'a' => 7,
        b'e' | b'E' => 27,
        _ => return None,
    })
}

/// `\xNN`: a byte to C, a character to Python and JavaScript.
fn hex_escape(text: Text<'_>, digits: usize, units: &mut Units) {
    if let Some(number) = units.hex(text, digits, 2) {
        units.byte(number as u8, digits + 2);
        if number >= 0x80 {
            units.char(number, digits + 2);
        }
    }
}

/// `\uXXXX`, a pair of surrogates behind the same number of backslashes, or `\u{X..}`.
fn unicode_escape(text: Text<'_>, digits: usize, backslashes: usize, units: &mut Units) {
    if text.get(digits) == Some(b'{') {
        return braced(text, digits + 1, units);
    }
    let Some(first) = units.hex(text, digits, 4) else { return };
    if !(0xd800..0xdc00).contains(&first) {
        return units.char(first, digits + 4);
    }
    let second = digits + 4 + backslashes + 1;
    let mut introducer = [b'\\'; MAX_BACKSLASHES + 1];
    introducer[backslashes] = b'u';
    match text.has(digits + 4, &introducer[..=backslashes]) {
        Answer::Yes => {
            if let Some(low) = units.hex(text, second, 4)
                && (0xdc00..0xe000).contains(&low)
            {
                units.char(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00), second + 4);
            }
        }
        Answer::Unknown => units.more = true,
        Answer::No => {}
    }
}

fn braced(text: Text<'_>, digits: usize, units: &mut Units) {
    let mut code = 0;
    for at in digits..digits + 7 {
        match text.get(at) {
            Some(b'}') if at > digits => return units.char(code, at + 1),
            Some(byte) if nibble(byte) < 16 => code = code << 4 | u32::from(nibble(byte)),
            Some(_) => return,
            None => {
                units.more |= !text.eof;
                return;
            }
        }
    }
}

/// `\N`, `\NN`, `\NNN`: where it ends depends on the language, so all three are readings.
fn octal_escape(text: Text<'_>, digits: usize, units: &mut Units) {
    let mut number = 0u32;
    for at in digits..digits + 3 {
        match text.get(at) {
            Some(byte @ b'0'..=b'7') => {
                number = number << 3 | u32::from(byte - b'0');
                if number < 256 {
                    units.byte(number as u8, at + 1);
                }
            }
            Some(_) => return,
            None => {
                units.more |= !text.eof;
                return;
            }
        }
    }
}

/// HTML and XML references, also behind an ampersand that was itself escaped.
fn ampersand(text: Text<'_>, at: usize, units: &mut Units) {
    let mut name = at + 1;
    for _ in 0..3 {
        reference(text, name, units);
        match text.has(name, b"amp;") {
            Answer::Yes => name += 4,
            Answer::Unknown => {
                units.more = true;
                return;
            }
            Answer::No => return,
        }
    }
}

fn reference(text: Text<'_>, name: usize, units: &mut Units) {
    let rest = text.bytes.get(name..).unwrap_or_default();
    let rest = &rest[..rest.len().min(entity::MAX_NAME + 1)];
    let Some(len) = rest.iter().position(|b| *b == b';') else {
        let plausible = rest.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'#');
        units.more |= !text.eof && plausible && rest.len() <= entity::MAX_NAME;
        return;
    };
    if let Some(code) = entity::code(&rest[..len]) {
        units.char(code, name + len + 1);
    }
}

/// Whether quoted-printable text must not have this byte as it is.
pub(crate) fn is_quoted(byte: u32) -> bool {
    byte <= 0x20 || byte == 0x3d || byte >= 0x7f
}

/// RFC 2045 `=XX` for bytes that must be written so, and the soft line break.
fn quoted_printable(text: Text<'_>, at: usize, units: &mut Units) {
    if let Some(number) = units.hex(text, at + 1, 2)
        && is_quoted(number)
    {
        units.byte(number as u8, at + 3);
    }
    for line_break in [&b"=\n"[..], b"=\r\n"] {
        match text.has(at, line_break) {
            Answer::Yes => units.skip(at + line_break.len()),
            Answer::Unknown => units.more = true,
            Answer::No => {}
        }
    }
}

/// The ways a shell or SQL writes an apostrophe inside apostrophes, and bash's trace, and the same
/// inside JSON.
fn apostrophe(text: Text<'_>, at: usize, units: &mut Units) {
    for spelling in [&b"''"[..], b"'\\''", b"'\"'\"'", b"'\\\\''", b"'\\\"'\\\"'"] {
        units.word(text, at, spelling, b'\'');
    }
}

#[cfg(test)]
mod tests;
