//! Where a text may be escaped, and escapes that follow each other at once, as where an encoder
//! changed every character.

use super::words::Stretch;
use crate::decode::ansi::ESCAPE;
use crate::decode::text::nibble;
use crate::decode::unit::introduces;

/// What of a text is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Within {
    /// Only what changes every character.
    Dense,
    /// What may stand for a printable character, in words.
    Words,
    /// Everything.
    All,
}

/// Where something may be escaped, in order.
pub(crate) fn places<'a>(
    text: &'a [u8],
    words: &[Stretch],
    within: Within,
) -> Box<dyn Iterator<Item = usize> + 'a> {
    match within {
        Within::All => Box::new((0..text.len()).filter(|at| introduces(text[*at]))),
        Within::Words => Box::new(in_words(text, words).into_iter()),
        Within::Dense => Box::new(
            memchr::memchr3_iter(b'%', b'\\', b'&', text).chain(memchr::memchr_iter(ESCAPE, text)),
        ),
    }
}

/// What splits a word: a line that goes on behind its end.
const CONTINUED: [&[u8]; 3] = [b"=\n", b"=\r\n", b"\\\n"];

/// Sixteen printable characters of which some are escaped are a word of at least sixteen bytes,
/// unless something splits them that stands for nothing.
fn in_words(text: &[u8], words: &[Stretch]) -> Vec<usize> {
    let inside = |&(start, end): &Stretch| (start..end).filter(|at| begins_printable(text, *at));
    let mut found: Vec<usize> = words.iter().flat_map(inside).collect();
    CONTINUED.iter().for_each(|between| found.extend(memchr::memmem::find_iter(text, between)));
    found.extend(memchr::memchr_iter(ESCAPE, text));
    found.sort_unstable();
    found
}

/// Whether an escape of a printable character may stand here: a cheaper question than
/// [`crate::decode::unit::decode`].
#[inline(always)]
fn begins_printable(text: &[u8], at: usize) -> bool {
    if !introduces(text[at]) {
        return false;
    }
    let Some(next) = text.get(at + 1) else { return false };
    match text[at] {
        b'%' => nibble(*next) < 16 || *next == b'u',
        b'\\' => matches!(next, b'x' | b'u' | b'U' | b'0'..=b'7') || next.is_ascii_punctuation(),
        b'&' => next.is_ascii_alphabetic() || *next == b'#',
        b'=' => *next == b'3',
        b'\'' => matches!(next, b'\'' | b'\\' | b'"'),
        quote @ (b'"' | b'$') => *next == quote,
        _ => false,
    }
}

/// Whether there is nothing that may change every character.
pub(crate) fn none(text: &[u8]) -> bool {
    memchr::memchr3(b'%', b'\\', b'&', text).is_none() && memchr::memchr(ESCAPE, text).is_none()
}

/// Whether an escape of a plain character stands here and another follows at once.
pub(crate) fn dense(text: &[u8], at: usize) -> bool {
    escape(&text[at..]).is_some_and(|length| escape(&text[at + length..]).is_some())
}

/// The length of the escape of any byte or character that stands here.
fn escape(rest: &[u8]) -> Option<usize> {
    let digits = |from: usize, count: usize| {
        rest.get(from..from + count).is_some_and(|d| d.iter().all(|b| nibble(*b) < 16))
    };
    match rest.first()? {
        b'%' if rest.get(1..3) == Some(b"25") && digits(3, 2) => Some(5),
        b'%' if digits(1, 2) => Some(3),
        b'%' if rest.get(1) == Some(&b'u') && digits(2, 4) => Some(6),
        b'\\' => {
            let run = rest.iter().take(8).take_while(|b| **b == b'\\').count();
            match rest.get(run)? {
                b'x' if digits(run + 1, 2) => Some(run + 3),
                b'u' if digits(run + 1, 4) => Some(run + 5),
                b'u' if rest.get(run + 1) == Some(&b'{') => {
                    Some(run + 3 + rest.iter().skip(run + 2).take(7).position(|b| *b == b'}')?)
                }
                b'U' if digits(run + 1, 8) => Some(run + 9),
                b'0'..=b'3' if digits(run, 3) => Some(run + 3),
                _ => None,
            }
        }
        b'&' if rest.get(1) == Some(&b'#') => {
            Some(1 + rest.iter().take(10).position(|b| *b == b';')?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::text::Text;
    use crate::decode::unit::{Units, decode};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_escape_of_a_printable_character_is_passed_over(
            text in "[%&=$'\"+#;a-f0-9xuUDnrt{}\\\\]{0,12}",
        ) {
            let text = text.as_bytes();
            for at in 0..text.len() {
                let mut units = Units::default();
                decode(Text { bytes: text, eof: true }, at, &mut units);
                let printable = |b: &[u8]| !b.is_empty() && b.iter().all(u8::is_ascii_graphic);
                let tells = units.found().iter().any(|u| printable(u.bytes()));
                prop_assert!(!tells || begins_printable(text, at), "{} at \
                    {at}", text.escape_ascii());
            }
        }
    }
}
