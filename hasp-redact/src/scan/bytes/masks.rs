//! Which bytes of a block are of a class, as one bit each. The loops are written so that the
//! compiler turns them into vector instructions: every test is a comparison that these have, and no
//! result depends on another byte.

/// How many bytes are classed at once.
pub(crate) const BLOCK: usize = 64;

/// What counts as part of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Letters, digits and `+,-./_`: what no encoder changes, and both alphabets of base64.
    Symbols,
    /// All printable ASCII but the blank.
    Graphic,
}

impl Words {
    #[inline(always)]
    fn have(self, byte: u8) -> bool {
        match self {
            Words::Symbols => {
                within(byte | 0x20, b'a', b'z') | within(byte, b'+', b'9') | (byte == b'_')
            }
            Words::Graphic => within(byte, b'!', b'~'),
        }
    }
}

/// A bit for each byte of a block that is part of a word, the first byte lowest.
#[inline(always)]
pub(crate) fn words(block: &[u8; BLOCK], words: Words) -> u64 {
    let mut weighted = [0; BLOCK];
    for at in 0..BLOCK {
        weighted[at] = if words.have(block[at]) { WEIGHTS[at] } else { 0 };
    }
    bits(&weighted)
}

/// Of each half of a block, whether its first eight bytes may be part of many pairs of hexadecimal
/// digits with something between them: there are digits, but no letter that is none, nor the `x` of
/// `0x`.
#[inline(always)]
pub(crate) fn digits(block: &[u8; BLOCK]) -> [bool; 2] {
    let mut other = [0; BLOCK];
    for at in 0..BLOCK {
        let lower = block[at] | 0x20;
        other[at] = if within(lower, b'g', b'w') | within(lower, b'y', b'z') { 0xff } else { 0 };
    }
    let eight =
        |from: &[u8; BLOCK], half: usize| u64::from_le_bytes(from.as_chunks::<8>().0[4 * half]);
    // These bits are set in no blank, comma, point or dash, but in one of each digit.
    [0, 1].map(|half| {
        eight(&other, half) == 0 && eight(block, half) & u64::from_le_bytes([0x50; 8]) != 0
    })
}

#[inline(always)]
fn within(byte: u8, first: u8, last: u8) -> bool {
    byte.wrapping_sub(first) <= last - first
}

/// What each byte of a block is worth before [`bits`].
const WEIGHTS: [u8; BLOCK] = {
    let (mut weights, mut at) = ([0; BLOCK], 0);
    while at < BLOCK {
        weights[at] = 1 << (at / 8);
        at += 1;
    }
    weights
};

/// A bit for each byte that is not zero but its weight. All eights lie in one word, whose byte `n`
/// has the bits of each n-th byte; that is a matrix of eight by eight bits, which is transposed by
/// exchanging ever larger parts (Warren, Hacker's Delight, 7-3).
#[inline(always)]
fn bits(weighted: &[u8; BLOCK]) -> u64 {
    let eights = weighted.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight));
    let mut bits = eights.fold(0, |all, eight| all | eight);
    for (mask, shift) in
        [(0x00aa_00aa_00aa_00aa, 7), (0x0000_cccc_0000_cccc, 14), (0x0000_0000_f0f0_f0f0, 28)]
    {
        let differ = (bits ^ bits >> shift) & mask;
        bits ^= differ ^ differ << shift;
    }
    bits
}

/// Whether a byte is a digit of a pair, or may stand between two.
#[inline(always)]
pub(crate) fn may_be_apart(byte: u8) -> bool {
    APART[usize::from(byte)]
}

/// Digits of a pair, and what may stand between two.
const APART: [bool; 256] = {
    let (mut apart, mut byte) = ([false; 256], 0);
    while byte < 256 {
        apart[byte] = (byte as u8).is_ascii_hexdigit()
            || matches!(
                byte as u8,
                b'x' | b'X' | b'\\' | b'\r' | b'\n' | b' ' | b'\t' | b':' | b','
            )
            || matches!(byte as u8, b'-' | b'_' | b'.' | b';' | b'%' | b'=' | b'|');
        byte += 1;
    }
    apart
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_has_its_bit() {
        for first in 0..=u8::MAX {
            let block: [u8; BLOCK] = std::array::from_fn(|at| first.wrapping_add(at as u8));
            for (at, byte) in block.iter().enumerate() {
                let bit = |mask: u64| mask >> at & 1 == 1;
                let symbol = byte.is_ascii_alphanumeric() || b"+,-./_".contains(byte);
                assert_eq!(bit(words(&block, Words::Symbols)), symbol, "{byte}");
                assert_eq!(bit(words(&block, Words::Graphic)), byte.is_ascii_graphic(), "{byte}");
            }
        }
    }

    #[test]
    fn what_cannot_be_among_digits_rules_them_out() {
        for byte in 0..=u8::MAX {
            let mut block = [b' '; BLOCK];
            block[36] = byte;
            assert!(digits(&block) == [false, true] || !byte.is_ascii_hexdigit());
            block[32] = b'7';
            let [none, may_be] = digits(&block);
            assert!(!none && (may_be || !may_be_apart(byte)), "{byte}");
            assert!(!may_be || !matches!(byte | 0x20, b'g'..=b'w' | b'y' | b'z'), "{byte}");
        }
    }
}
