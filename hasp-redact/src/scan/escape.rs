//! Where a text may be escaped, and escapes that follow each other at once, as where an encoder changed every character.

use crate::decode::ansi::ESCAPE;
use crate::decode::text::nibble;
use crate::decode::unit::introduces;

/// Where something may be escaped.
pub(crate) fn places(text: &[u8], fragile: bool) -> Box<dyn Iterator<Item = usize> + '_> {
    if fragile {
        return Box::new((0..text.len()).filter(|at| introduces(text[*at])));
    }
    Box::new(memchr::memchr3_iter(b'%', b'\\', b'&', text).chain(memchr::memchr_iter(ESCAPE, text)))
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
    let digits =
        |from: usize, count: usize| rest.get(from..from + count).is_some_and(|d| d.iter().all(|b| nibble(*b) < 16));
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
        b'&' if rest.get(1) == Some(&b'#') => Some(1 + rest.iter().take(10).position(|b| *b == b';')?),
        _ => None,
    }
}
