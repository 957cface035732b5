//! Characters of base64, in both alphabets, and base32, in both cases, as the numbers that they stand for.

use super::layer::Layer;
use crate::form::radix::{BASE32, BASE64};

/// Base64 as bytes, see [`Layer::read`].
pub(super) fn base64(text: &[u8], skip: u8, out: &mut Vec<u8>, stop: usize) -> usize {
    radix(text, skip.into(), 6, |b| BASE64[usize::from(b)], out, stop)
}

/// Base32 as bytes.
pub(super) fn base32(text: &[u8], skip: u8, out: &mut Vec<u8>, stop: usize) -> usize {
    radix(text, skip.into(), 5, |b| BASE32[usize::from(b)], out, stop)
}

/// Whether a character can be part of base64.
#[inline(always)]
pub(crate) fn is_symbol(byte: u8) -> bool {
    BASE64[usize::from(byte)] < 64
}

/// Whether a character can be part of base32.
#[inline(always)]
pub(crate) fn is_base32(byte: u8) -> bool {
    BASE32[usize::from(byte)] < 32
}

/// Reads numbers of so many bits as bytes, the first `skip` characters left out.
fn radix(text: &[u8], skip: usize, bits: u32, number: impl Fn(u8) -> u8, out: &mut Vec<u8>, stop: usize) -> usize {
    let (mut word, mut held) = (0u32, 0);
    for (at, byte) in text.iter().enumerate().skip(skip) {
        word = word << bits | u32::from(number(*byte)) & ((1 << bits) - 1);
        held += bits;
        if held >= 8 {
            if out.len() >= stop {
                return at - 1;
            }
            held -= 8;
            out.push((word >> held) as u8);
        }
    }
    text.len()
}

/// Whether a run of symbols may hold sixteen bytes of text, or of UTF-16: then some group of eight symbols does. Nearly every name and
/// path is ruled out so, at each place of a group, without being decoded.
pub(crate) fn plausible(symbols: &[u8], layer: Layer) -> bool {
    let text = |byte: u64| matches!(byte & 0xff, 0 | 0x20..=0x7e);
    symbols.chunks_exact(8).any(|group| match layer {
        Layer::Base32(_) => {
            let word = group.iter().fold(0, |w, b| w << 5 | u64::from(BASE32[usize::from(*b)] & 31));
            (0..5).all(|n| text(word >> (8 * n)))
        }
        _ => {
            let half = |part: &[u8]| part.iter().fold(0, |w, b| w << 6 | u64::from(BASE64[usize::from(*b)] & 63));
            let three = |word: u64| text(word) && text(word >> 8) && text(word >> 16);
            three(half(&group[..4])) && three(half(&group[4..]))
        }
    })
}
