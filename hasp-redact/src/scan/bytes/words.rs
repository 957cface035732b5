//! Stretches of a text that may hold something, found 64 bytes at a time: words, in which values
//! stand and what they are encoded in, and pairs of hexadecimal digits with something between them.
//! Everything else, most of any text, is passed over.

use super::masks::{BLOCK, Words, digits, may_be_apart, words};
use crate::scan::watch::key::WINDOW;

/// A stretch of a text: from, to.
pub(crate) type Stretch = (usize, usize);

/// The least that sixteen pairs of digits take, if there is something between every two of them.
const APART: usize = 2 * WINDOW + WINDOW / 2 - 1;

/// The stretches of a text, of each sort in order; each is as long as it can be.
#[derive(Debug, Default)]
pub(crate) struct Stretches {
    /// Sixteen or more bytes of a word.
    pub words: Vec<Stretch>,
    /// Pairs of digits, perhaps, with something between them.
    pub digits: Vec<Stretch>,
}

impl Stretches {
    /// Finds those of this text; those of another are forgotten.
    #[inline(never)]
    pub fn find(&mut self, text: &[u8], words: Words) {
        self.words.clear();
        self.digits.clear();
        // The class is known to the loop, which so needs no branch.
        match words {
            Words::Symbols => self.each_block(text, Words::Symbols),
            Words::Graphic => self.each_block(text, Words::Graphic),
        }
    }

    #[inline(always)]
    fn each_block(&mut self, text: &[u8], class: Words) {
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let (mut last, mut open) = ([0; BLOCK], 0);
        last[..rest.len()].copy_from_slice(rest);
        for number in 0..=blocks.len() {
            let (base, whole) = (BLOCK * number, blocks.get(number));
            let block = whole.unwrap_or(&last);
            let inside = whole.map_or((1 << rest.len()) - 1, |_| u64::MAX);
            self.feed(&mut open, base, words(block, class) & inside);
            // Of each 32 bytes 8: those lie whole in every stretch of 39.
            let [first, second] = digits(block);
            if first {
                self.around(text, base);
            }
            if second {
                self.around(text, base + BLOCK / 2);
            }
        }
    }

    /// Keeps the stretch around this place, if it is long enough for sixteen pairs.
    #[inline(never)]
    fn around(&mut self, text: &[u8], at: usize) {
        let floor = self.digits.last().map_or(0, |last| last.1);
        if at < floor || at >= text.len() {
            return;
        }
        let before = text[floor..at].iter().rev().take_while(|b| may_be_apart(**b)).count();
        let behind = text[at..].iter().take_while(|b| may_be_apart(**b)).count();
        if before + behind >= APART {
            self.digits.push((at - before, at + behind));
        }
    }

    /// Goes on with 64 bits of a long mask, the lowest of which has the place `base`, and adds runs
    /// of enough set bits that end there. `open` is where the run began that may go on; the last
    /// bits must end with one that is not set.
    #[inline(always)]
    fn feed(&mut self, open: &mut usize, base: usize, mask: u64) {
        let (low, high) = (mask.trailing_ones(), mask.leading_ones());
        if low == u64::BITS {
            return;
        }
        let end = base + low as usize;
        if end - *open >= WINDOW {
            self.words.push((*open, end));
        }
        *open = base + (u64::BITS - high) as usize;
        let mut begun = starts(mask & u64::MAX << low & u64::MAX >> high);
        while begun != 0 {
            let first = begun.trailing_zeros();
            let length = (mask >> first).trailing_ones();
            self.words.push((base + first as usize, base + (first + length) as usize));
            begun &= u64::MAX << (first + length);
        }
    }
}

/// The bits from which on sixteen are set.
#[inline(always)]
fn starts(mask: u64) -> u64 {
    let two = mask & mask >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    eight & eight >> 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is found, told byte by byte.
    fn runs(text: &[u8], test: impl Fn(&u8) -> bool) -> Vec<Stretch> {
        let mut runs = Vec::new();
        let mut start = 0;
        for end in 0..=text.len() {
            if text.get(end).is_none_or(|b| !test(b)) {
                if end - start >= WINDOW {
                    runs.push((start, end));
                }
                start = end + 1;
            }
        }
        runs
    }

    #[test]
    fn most_text_is_passed_over() {
        let mut stretches = Stretches::default();
        stretches.find(b"    let x = foo;\n        bar(y);\n", Words::Graphic);
        assert!(stretches.words.is_empty() && stretches.digits.is_empty());
    }

    #[test]
    fn a_run_is_found_at_every_place_of_a_block() {
        let mut stretches = Stretches::default();
        for (start, length) in (0..200).flat_map(|s| (14..20).chain(126..132).map(move |l| (s, l)))
        {
            let text = [vec![b' '; start], vec![b'z'; length], vec![b' '; 70]].concat();
            stretches.find(&text, Words::Symbols);
            let wanted = if length >= 16 { vec![(start, start + length)] } else { Vec::new() };
            assert_eq!(stretches.words, wanted, "{length} at {start}");
        }
    }

    #[test]
    fn pairs_are_in_a_stretch_wherever_they_stand() {
        let mut stretches = Stretches::default();
        let places =
            (0..150).flat_map(|s| (APART - 1..APART + 40).chain(200..240).map(move |l| (s, l)));
        for (start, length) in places {
            for behind in [0, 1, 70] {
                let text = [vec![b'z'; start], vec![b'a'; length], vec![b'z'; behind]].concat();
                stretches.find(&text, Words::Symbols);
                let wanted =
                    if length >= APART { vec![(start, start + length)] } else { Vec::new() };
                assert_eq!(stretches.digits, wanted, "{length} at {start}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_long_stretch_is_found_whole(
            text in proptest::collection::vec(
                prop_oneof![20 => 0x21u8..0x7f, 20 => 0x30u8..0x3a, 1 => any::<u8>()],
                0..400,
            ),
        ) {
            let mut stretches = Stretches::default();
            stretches.find(&text, Words::Graphic);
            prop_assert_eq!(&stretches.words, &runs(&text, u8::is_ascii_graphic));
            stretches.find(&text, Words::Symbols);
            let symbol = |b: &u8| b.is_ascii_alphanumeric() || b"+,-./_".contains(b);
            prop_assert_eq!(&stretches.words, &runs(&text, symbol));
        }
    }
}
