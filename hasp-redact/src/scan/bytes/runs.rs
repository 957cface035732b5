//! What stands in a stretch, byte by byte: runs of one class, pairs of digits, characters of
//! UTF-16.

use super::masks::Words;
use super::words::Stretch;
use crate::decode::alphabet::is_symbol;
use crate::decode::text::nibble;

/// Runs of at least `least` bytes that pass the test, between `start` and `end`: one byte of each
/// such stretch is looked at first.
#[inline(always)]
pub(crate) fn runs(
    text: &[u8],
    start: usize,
    end: usize,
    least: usize,
    test: impl Fn(u8) -> bool,
) -> impl Iterator<Item = Stretch> {
    let (mut floor, mut at) = (start, start + least - 1);
    std::iter::from_fn(move || {
        while at < end {
            if !test(text[at]) {
                at += least;
                continue;
            }
            let before = text[floor..at].iter().rev().take_while(|b| test(**b)).count();
            let after = text[at..end].iter().take_while(|b| test(**b)).count();
            let run = (at - before, at + after);
            floor = at + after;
            at += after + least;
            if before + after >= least {
                return Some(run);
            }
        }
        None
    })
}

/// What is looked for in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Letters, digits and `-._`, as [`crate::scan::watch::mark::Alphabet::Plain`].
    Plain,
    /// Symbols of base64.
    Symbol,
}

impl Class {
    fn has(self, byte: u8) -> bool {
        match self {
            Class::Plain => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'),
            Class::Symbol => is_symbol(byte),
        }
    }

    /// Of eight bytes of a word of symbols those that are not of the class: the lowest bit that is
    /// set is the highest of the first.
    #[inline(always)]
    fn others(self, eight: u64) -> u64 {
        let each = |byte: u8| u64::from_le_bytes([byte; 8]);
        let zero = |x: u64| x.wrapping_sub(each(1)) & !x & each(0x80);
        match self {
            // `+` and `/` differ in one bit, as do `,` and `.`.
            Class::Plain => {
                zero(eight & !each(b'+' ^ b'/') ^ each(b'+')) | zero(eight ^ each(b','))
            }
            Class::Symbol => zero(eight & !each(b',' ^ b'.') ^ each(b',')),
        }
    }
}

/// Gives each run of at least `least` bytes of a class that lies in a word to `look`, in order.
#[inline(always)]
pub(crate) fn each_run(
    text: &[u8],
    (start, end): Stretch,
    words: Words,
    class: Class,
    least: usize,
    mut look: impl FnMut(Stretch),
) {
    if words == Words::Graphic {
        return runs(text, start, end, least, |b| class.has(b)).for_each(look);
    }
    let mut at = start;
    while at + least <= end {
        let other = first_other(&text[..end], at, class);
        if other - at >= least {
            look((at, other));
        }
        at = other + 1;
    }
}

/// The first byte from here on that is not of the class, or the end.
#[inline(always)]
fn first_other(text: &[u8], mut at: usize, class: Class) -> usize {
    while let Some(eight) = text[at..].first_chunk::<8>() {
        let others = class.others(u64::from_le_bytes(*eight));
        if others != 0 {
            return at + others.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + text[at..].iter().take_while(|b| class.has(**b)).count()
}

fn between_pairs(byte: u8) -> bool {
    b" \t:,-_.;%=|".contains(&byte)
}

/// Whether a pair of digits stands here which no word goes before.
pub(crate) fn begins_pair(text: &[u8], at: usize) -> bool {
    let digit = |at: usize| text.get(at).is_some_and(|b| nibble(*b) < 16);
    let before = at.checked_sub(1).map(|i| text[i]);
    digit(at) && digit(at + 1) && before.is_none_or(|b| !b.is_ascii_alphanumeric() || b == b'x')
}

/// How far pairs of digits and what separates them reach back from a pair.
pub(crate) fn before_pair(text: &[u8], first: usize, most: usize) -> usize {
    let digits = |end: usize| end >= 2 && nibble(text[end - 1]) < 16 && nibble(text[end - 2]) < 16;
    let mut start = first;
    while first - start < most {
        // `0x` and `\x` belong to what separates.
        let marked = match &text[..start] {
            [.., b'0', b'x' | b'X'] | [.., b'\\', b'x'] => 2,
            _ => 0,
        };
        let between =
            text[..start - marked].iter().rev().take(4).take_while(|b| between_pairs(**b)).count();
        let end = start - marked - between;
        if !digits(end) {
            break;
        }
        start = end - 2;
    }
    first - start
}

/// Whether these are four characters of ASCII or Latin-1 in UTF-16, of either byte order.
#[inline(always)]
pub(crate) fn is_wide(four: [u8; 8]) -> bool {
    let word = u64::from_le_bytes(four);
    word != 0 && (word & 0xff00_ff00_ff00_ff00 == 0 || word & 0x00ff_00ff_00ff_00ff == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_same_in_both_sorts_of_words() {
        let symbols = b"aZ09_-+/.,";
        let mut state = 5u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for length in (0..2000).map(|n| n % 90) {
            let rarely = 4 + next(6);
            let text: Vec<u8> = (0..length)
                .map(|_| symbols[if next(9) == 0 { next(10) } else { next(rarely) }])
                .collect();
            for class in [Class::Plain, Class::Symbol] {
                let found = |words| {
                    let mut found = Vec::new();
                    each_run(&text, (0, text.len()), words, class, 16, |run| found.push(run));
                    found
                };
                assert_eq!(found(Words::Symbols), found(Words::Graphic), "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn four_characters_of_either_byte_order_are_noticed() {
        assert!(is_wide(*b"a\0b\0c\0d\0") && is_wide(*b"\0a\0b\0c\0d"));
        assert!(!is_wide([0; 8]) && !is_wide(*b"a\0b\0cd\0\0"));
    }

    #[test]
    fn pairs_are_found_behind_what_is_no_word() {
        assert!(begins_pair(b"a1", 0) && begins_pair(b"0xa1", 2) && begins_pair(b" a1", 1));
        assert!(!begins_pair(b"za1", 1) && !begins_pair(b"a", 0));
        assert_eq!(before_pair(b"zz a1 b2, 0xc3", 12, 100), 9);
    }
}
