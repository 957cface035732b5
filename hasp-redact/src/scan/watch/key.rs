//! The key of the watch, and what is made with it: a hash of 16 bytes that is quick enough for
//! every place of a text, and a MAC of a whole value.
//!
//! Whoever has the key can test guesses, so neither may be undone: the hash is AES with a fixed key
//! and its input added (Matyas, Meyer and Oseas), which is one-way even to those who know the key.
//! A polynomial or any other linear hash is not: from the hashes of overlapping windows the value
//! could be solved for.

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128, Block};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

pub(crate) use crate::decode::parts::entropy::WINDOW;

/// How many bytes the key has.
pub(crate) const KEY: usize = 32;

/// Makes upper and lower case equal, so that one window finds upper() and lower() of a value; what
/// it confuses besides is told apart when a match is confirmed.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The key, ready for use.
pub(crate) struct Key {
    windows: Aes128,
    forms: Zeroizing<[u8; 32]>,
    records: Zeroizing<[u8; 32]>,
    file: Aes128,
}

/// A window, case folded, on its way through the cipher.
pub(crate) type Folded = Block;

/// The MAC of a whole value.
pub(crate) type Confirm = [u8; 16];

impl Key {
    /// Keys for each purpose from the bytes of the key file.
    pub fn new(root: &[u8; KEY]) -> Key {
        let derive = |purpose: &[u8]| Zeroizing::new(mac(root, purpose));
        let cipher = |purpose: &[u8]| {
            let key = derive(purpose);
            Aes128::new(aes::cipher::generic_array::GenericArray::from_slice(&key[..16]))
        };
        Key {
            windows: cipher(b"hasp/v1/watch/windows"),
            forms: derive(b"hasp/v1/watch/forms"),
            records: derive(b"hasp/v1/watch/records"),
            file: cipher(b"hasp/v1/watch/file"),
        }
    }

    /// The hashes of many windows, which cost a tenth of as many single ones. Afterwards `blocks`
    /// hold something else.
    pub fn hash_all(&self, blocks: &mut [Folded], hashes: &mut [u64]) {
        for (block, hash) in blocks.iter().zip(&mut *hashes) {
            *hash = low(block);
        }
        self.windows.encrypt_blocks(blocks);
        for (block, hash) in blocks.iter().zip(hashes) {
            *hash ^= low(block);
        }
    }

    /// The hash of one window.
    pub fn hash(&self, window: &[u8; WINDOW]) -> u64 {
        let (mut blocks, mut hashes) = ([fold(window)], [0]);
        self.hash_all(&mut blocks, &mut hashes);
        hashes[0]
    }

    /// The MAC that confirms a whole value.
    pub fn confirm(&self, value: &[u8]) -> Confirm {
        cut(&mac(&self.forms, value))
    }

    /// The MAC that tells a record of the file from damage, and with which it is enciphered.
    pub fn seal(&self, record: &[u8]) -> Confirm {
        cut(&mac(&self.records, record))
    }

    /// Enciphers or deciphers a record: counter mode from its own MAC on (RFC 5297 calls that
    /// synthetic), so that nothing in the file is equal where values are, and no nonce can be used
    /// twice for two records.
    pub fn cipher(&self, seal: &Confirm, record: &mut [u8]) {
        let first = u128::from_be_bytes(*seal);
        for (number, part) in (0..).zip(record.chunks_mut(16)) {
            let mut block = Block::from(first.wrapping_add(number).to_be_bytes());
            self.file.encrypt_block(&mut block);
            part.iter_mut().zip(block).for_each(|(byte, key)| *byte ^= key);
        }
    }
}

/// A window made ready for [`Key::hash_all`].
#[inline(always)]
pub(crate) fn fold(window: &[u8; WINDOW]) -> Folded {
    let word = |half: &[u8]| half.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b)) | FOLD;
    let mut block = Folded::default();
    block[..8].copy_from_slice(&word(&window[..8]).to_le_bytes());
    block[8..].copy_from_slice(&word(&window[8..]).to_le_bytes());
    block
}

#[inline(always)]
fn low(block: &Folded) -> u64 {
    block.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b))
}

fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("any length is a key"));
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// The first bytes.
fn cut<const N: usize>(whole: &[u8; 32]) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&whole[..N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_key_and_every_byte_but_not_on_case() {
        let (one, other) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
        let window = b"ABCDefgh12345678";
        assert_eq!(one.hash(window), one.hash(b"abcdEFGH12345678"));
        assert_ne!(one.hash(window), other.hash(window));
        for at in 0..WINDOW {
            let mut changed = *window;
            changed[at] ^= 1;
            assert_ne!(one.hash(window), one.hash(&changed), "byte {at}");
        }
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one() {
        let key = Key::new(&[3; 32]);
        let windows: Vec<[u8; WINDOW]> = (0..37).map(|n| [n; WINDOW]).collect();
        let mut blocks: Vec<Folded> = windows.iter().map(fold).collect();
        let mut hashes = vec![0; blocks.len()];
        key.hash_all(&mut blocks, &mut hashes);
        assert!(windows.iter().map(|w| key.hash(w)).eq(hashes));
    }
}
