//! Stretches of a text that may hold something, found eight bytes at a time: printable text without blanks, UTF-16, and pairs of
//! hexadecimal digits with something between them. Everything else, most of any text, is passed over.

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Sixteen or more printable characters of ASCII without a blank.
    Printable(usize, usize),
    /// Four characters of ASCII with NUL between them begin here.
    Wide(usize),
    /// Pairs of characters with a blank between them begin about here.
    Pairs(usize),
}

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * EACH;

/// The stretches of a text, in order.
pub(crate) struct Stretches<'a> {
    text: &'a [u8],
    at: usize,
    /// Everything before this was given out.
    floor: usize,
}

impl<'a> Stretches<'a> {
    /// Those of this text.
    pub fn of(text: &'a [u8]) -> Stretches<'a> {
        Stretches { text, at: 0, floor: 0 }
    }

    /// Goes on behind this place.
    pub fn skip_to(&mut self, at: usize) {
        self.at = self.at.max(at);
        self.floor = self.floor.max(at);
    }

    /// Whether two hexadecimal digits, or `0x`, follow the first blank from here.
    fn digits(&self, at: usize) -> bool {
        let blank = self.text[at..at + 8].iter().position(|b| *b == b' ').unwrap_or(0);
        let digit = |b: &u8| b.is_ascii_hexdigit();
        match self.text.get(at + blank + 1..at + blank + 3) {
            Some([b'0', b'x' | b'X']) => true,
            Some(two) => two.iter().all(digit),
            None => false,
        }
    }

    /// From a word of printable characters to both ends of the stretch.
    fn around(&self, at: usize) -> (usize, usize) {
        let before = self.text[self.floor..at].iter().rev().take_while(|b| b.is_ascii_graphic()).count();
        let mut end = at + 8;
        while let Some(word) = load(self.text, end) {
            let odd = odd(word);
            if odd != 0 {
                return (at - before, end + odd.trailing_zeros() as usize / 8);
            }
            end += 8;
        }
        let rest = self.text[end.min(self.text.len())..].iter().take_while(|b| b.is_ascii_graphic()).count();
        (at - before, end.min(self.text.len()) + rest)
    }
}

impl Iterator for Stretches<'_> {
    type Item = Stretch;

    #[inline]
    fn next(&mut self) -> Option<Stretch> {
        while let Some(word) = load(self.text, self.at) {
            let at = self.at;
            if odd(word) == 0 {
                let (start, end) = self.around(at);
                self.at = end + 1;
                self.floor = end;
                if end - start >= 16 {
                    return Some(Stretch::Printable(start, end));
                }
                continue;
            }
            self.at += 8;
            let wide = word & 0xff00_ff00_ff00_ff00 == 0 || word & 0x00ff_00ff_00ff_00ff == 0;
            if wide && word != 0 {
                return Some(Stretch::Wide(at));
            }
            if paired(word) && self.digits(at) {
                return Some(Stretch::Pairs(at));
            }
        }
        None
    }
}

#[inline(always)]
fn load(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..)?.first_chunk::<8>().map(|b| u64::from_le_bytes(*b))
}

/// The high bit of the first byte that is blank, a control or no ASCII; bits of bytes behind it mean nothing.
#[inline(always)]
fn odd(word: u64) -> u64 {
    (word.wrapping_sub(0x21 * EACH) & !word | word | word.wrapping_add(EACH)) & HIGH
}

/// Whether lone blanks stand so far apart as in `a1 b2`, `a1b2 c3d4`, ` 0xa1` or `0xa1, 0xb2`.
#[inline(always)]
fn paired(word: u64) -> bool {
    let other = word ^ (0x20 * EACH);
    let blank = !(((other & !HIGH) + !HIGH) | other | !HIGH);
    let lone = blank & !(blank << 8) & !(blank >> 8);
    lone & (lone >> 24 | lone >> 40 | lone >> 48) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printable(text: &[u8]) -> Vec<(usize, usize)> {
        let runs =
            Stretches::of(text).filter_map(|s| if let Stretch::Printable(a, b) = s { Some((a, b)) } else { None });
        runs.collect()
    }

    #[test]
    fn the_others_are_noticed() {
        let wide: Vec<u8> = "0123456789abcdef".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Stretches::of(&wide).any(|s| matches!(s, Stretch::Wide(_))));
        let big: Vec<u8> = "0123456789abcdef".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(Stretches::of(&[b"x", &big[..]].concat()).any(|s| matches!(s, Stretch::Wide(_))));
        assert!(Stretches::of(b"a1 b2 c3 d4 e5 f6").any(|s| matches!(s, Stretch::Pairs(_))));
        assert_eq!(Stretches::of(b"    let x = foo;\n        bar(y);\n").count(), 0);
    }

    proptest! {
        #[test]
        fn every_long_stretch_is_found_whole(text in proptest::collection::vec(prop_oneof![8 => 0x21u8..0x7f, 1 => any::<u8>()], 0..200)) {
            let mut wanted = Vec::new();
            let mut start = 0;
            for end in 0..=text.len() {
                if end == text.len() || !text[end].is_ascii_graphic() {
                    if end - start >= 16 {
                        wanted.push((start, end));
                    }
                    start = end + 1;
                }
            }
            prop_assert_eq!(printable(&text), wanted);
        }
    }
}
