//! Keyed hashes of windows and pieces of text. The key is new in each process, so that no input can
//! be prepared whose windows collide with those of a value.

use std::hash::{BuildHasher, RandomState};

use zeroize::Zeroize;

/// Makes upper and lower case equal, since base32 and hexadecimal come in both; what it confuses
/// besides is told apart when a match is verified.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The keys of both hashes, erased on drop: with them the tables would tell which windows a value
/// has.
#[derive(Clone)]
pub(crate) struct Key {
    window: u64,
    piece: [u64; 2],
}

impl Key {
    /// Fresh keys from the system's randomness.
    pub fn random() -> Key {
        let word = || RandomState::new().hash_one(0);
        Key { window: word() | 1, piece: [word(), word()] }
    }

    /// The key for windows of `W` bytes.
    #[inline(always)]
    pub fn for_windows<const W: usize>(&self) -> WindowKey {
        self.for_length(W)
    }

    /// The key for windows of this length in bytes.
    #[inline(always)]
    pub fn for_length(&self, window: usize) -> WindowKey {
        WindowKey(self.window << (64 - 8 * window))
    }

    /// The hash of a piece of 6 to 16 bytes.
    #[inline]
    pub fn piece(&self, piece: &[u8]) -> u64 {
        self.ends(ends(piece))
    }

    /// The hash of the piece of `length` bytes at `at`.
    #[inline(always)]
    pub fn piece_at(&self, bytes: &[u8], at: usize, length: usize) -> u64 {
        if length >= 8 {
            return self.ends((load(bytes, at), load(bytes, at + length - 8)));
        }
        self.piece(&bytes[at..at + length])
    }

    #[inline(always)]
    fn ends(&self, (low, high): (u64, u64)) -> u64 {
        fold((low | FOLD) ^ self.piece[0], (high | FOLD) ^ self.piece[1])
    }
}

/// The key for windows of one length: the factor is shifted so far that bytes behind the window are
/// pushed out of the product.
pub(crate) struct WindowKey(u64);

impl WindowKey {
    /// The hash of the first bytes of `word`, a little-endian load; its high bits are the good
    /// ones.
    #[inline(always)]
    pub fn hash(&self, word: u64) -> u64 {
        (word | FOLD).wrapping_mul(self.0)
    }
}

/// Eight bytes of a text that has more than that left.
#[inline(always)]
pub(crate) fn load(bytes: &[u8], at: usize) -> u64 {
    // Whoever searches keeps slack behind the text.
    bytes[at..].first_chunk::<8>().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

impl Drop for Key {
    fn drop(&mut self) {
        self.window.zeroize();
        self.piece.zeroize();
    }
}

/// The first and last bytes, overlapping, so that all are covered.
fn ends(piece: &[u8]) -> (u64, u64) {
    match (piece.first_chunk::<8>(), piece.last_chunk::<8>()) {
        (Some(low), Some(high)) => (u64::from_le_bytes(*low), u64::from_le_bytes(*high)),
        _ => {
            let low = piece.first_chunk::<4>().map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
            let high = piece.last_chunk::<4>().map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
            (low, high)
        }
    }
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// Stirs a window hash, so that tables of different sizes use independent bits.
#[inline]
pub(crate) fn stir(hash: u64) -> u64 {
    (hash ^ hash >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_every_byte_does() {
        let key = Key::random();
        for length in 6..=16 {
            let piece: Vec<u8> = (b'a'..).take(length).collect();
            assert_eq!(key.piece(&piece), key.piece(&piece.to_ascii_uppercase()));
            for i in 0..length {
                let mut other = piece.clone();
                other[i] = b'9';
                assert_ne!(key.piece(&piece), key.piece(&other), "byte {i} of {length}");
            }
        }
    }

    #[test]
    fn a_window_ignores_what_follows_it() {
        let key = Key::random();
        let word = |b: &[u8; 8]| u64::from_le_bytes(*b);
        let hash = |b| key.for_windows::<5>().hash(word(b));
        assert_eq!(hash(b"abcdexyz"), hash(b"ABCDE123"));
        assert_ne!(hash(b"abcdexyz"), hash(b"abcdfxyz"));
    }
}
