//! The text that is being matched: a window of the stream whose end is either the end of what has
//! been read so far or the end of the stream, because "not yet" and "no" are different answers for
//! every decoder.

use super::cost;

/// A window of the stream; positions are offsets into it.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The bytes read so far that are still needed.
    pub bytes: &'a [u8],
    /// Whether nothing follows the last byte.
    pub eof: bool,
}

impl Text<'_> {
    /// The byte at `at`, if it has been read.
    pub fn get(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether `word` stands at `at`; `Unknown` if the text ends within it.
    pub fn has(&self, at: usize, word: &[u8]) -> Answer {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if rest.starts_with(word) {
            Answer::Yes
        } else if !self.eof && word.starts_with(rest) {
            Answer::Unknown
        } else {
            Answer::No
        }
    }
}

/// What can be said about a text that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

/// How many of the first bytes are the same, eight at a time.
#[inline]
pub(crate) fn alike(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (i, (a, b)) in words_a.iter().zip(words_b).enumerate() {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return cost::run(8 * i + differ.trailing_zeros() as usize / 8);
        }
    }
    let done = 8 * words_a.len().min(words_b.len());
    cost::run(done + a[done..].iter().zip(&b[done..]).take_while(|(a, b)| a == b).count())
}

/// How many of the last bytes are the same.
#[inline]
pub(crate) fn alike_back(a: &[u8], b: &[u8]) -> usize {
    let (words_a, words_b) = (a.as_rchunks::<8>().1, b.as_rchunks::<8>().1);
    for (i, (a, b)) in words_a.iter().rev().zip(words_b.iter().rev()).enumerate() {
        let differ = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differ != 0 {
            return cost::run(8 * i + differ.leading_zeros() as usize / 8);
        }
    }
    let done = 8 * words_a.len().min(words_b.len());
    let rest = a[..a.len() - done].iter().rev().zip(b[..b.len() - done].iter().rev());
    cost::run(done + rest.take_while(|(a, b)| a == b).count())
}

/// The value of a hexadecimal digit, 255 for anything else.
#[inline]
pub(crate) fn nibble(byte: u8) -> u8 {
    NIBBLES[usize::from(byte)]
}

/// The byte that two hexadecimal digits stand for.
#[inline]
pub(crate) fn pair(digits: &[u8]) -> Option<u8> {
    let (high, low) = (nibble(digits[0]), nibble(digits[1]));
    (high | low < 16).then_some(high << 4 | low & 15)
}

/// A table, because dumps are made of them.
const NIBBLES: [u8; 256] = nibbles();

const fn nibbles() -> [u8; 256] {
    let mut nibbles = [255; 256];
    let mut i = 0;
    while i < 16 {
        nibbles[b"0123456789abcdef"[i] as usize] = i as u8;
        nibbles[b"0123456789ABCDEF"[i] as usize] = i as u8;
        i += 1;
    }
    nibbles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_from_either_end() {
        let text: Vec<u8> = (0..40).collect();
        for length in 0..40 {
            for other in 0..length {
                let mut changed = text[..length].to_vec();
                changed[other] = 0xff;
                assert_eq!(alike(&text, &changed), other);
                assert_eq!(alike_back(&text[..length], &changed), length - other - 1);
            }
            assert_eq!(alike(&text, &text[..length]), length);
            assert_eq!(alike_back(&text, &text[40 - length..]), length);
        }
    }
}
