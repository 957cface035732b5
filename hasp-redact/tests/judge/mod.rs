//! A strict judge of redacted text: no four bytes of the value in a row may be left in it, in any
//! decoding that a reader of the text could do. Its decoders are its own, and cruder than the
//! matcher's.
#![allow(dead_code)]

use std::sync::Arc;

use hasp_redact::{Filter, Pattern, Patterns};

/// What the marker of the judged value looks like.
pub const MARKER: &[u8] = b"[hasp:S]";

/// The output for an input that is read in parts of `step` bytes.
pub fn redact(value: &[u8], input: &[u8], step: usize) -> Vec<u8> {
    let mut filter = Filter::new(Arc::new(Patterns::compile(&[Pattern { name: "S", value }])));
    let mut out = Vec::new();
    input.chunks(step.max(1)).for_each(|part| filter.push(part, false, &mut out));
    filter.finish(&mut out);
    out
}

/// The pieces of the output between markers.
pub fn rest(out: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    let mut at = 0;
    while at < out.len() {
        if out[at..].starts_with(MARKER) {
            pieces.push(Vec::new());
            at += MARKER.len();
        } else {
            pieces.last_mut().unwrap().push(out[at]);
            at += 1;
        }
    }
    pieces
}

/// Whether four bytes of the value in a row can be read from a piece.
pub fn survives(value: &[u8], piece: &[u8]) -> bool {
    readings(piece).iter().any(|read| {
        let read = read.to_ascii_lowercase();
        // One character four times may stand anywhere.
        let telling = |w: &[u8]| w.iter().any(|b| *b != w[0]);
        value.to_ascii_lowercase().windows(4).any(|w| telling(w) && read.windows(4).any(|r| r == w))
    })
}

/// A piece in every decoding.
fn readings(piece: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![piece.to_vec(), unescape(piece), unescape(&unescape(piece)), hex(piece)];
    all.push(piece.iter().copied().filter(|b| *b != 0).collect());
    let word = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    let joined: Vec<u8> = piece.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    for run in joined.split(|b| !word(b)).filter(|run| run.len() >= 4) {
        for skip in 0..run.len().min(8) {
            all.push(radix(&run[skip..], 6));
            all.push(radix(&run[skip..], 5));
        }
    }
    all
}

fn hex(piece: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = piece.iter().copied().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks_exact(2)
        .filter_map(|p| u8::from_str_radix(std::str::from_utf8(p).ok()?, 16).ok())
        .collect()
}

fn radix(run: &[u8], bits: u32) -> Vec<u8> {
    let alphabet: &[u8] = match bits {
        6 => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        _ => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    };
    let (mut buffer, mut filled, mut out) = (0u32, 0, Vec::new());
    for byte in run {
        let byte = match (bits, byte) {
            (6, b'-') => b'+',
            (6, b'_') => b'/',
            (5, byte) => byte.to_ascii_uppercase(),
            (_, byte) => *byte,
        };
        let number = alphabet.iter().position(|b| *b == byte).unwrap_or(0) as u32;
        buffer = buffer << bits | number;
        filled += bits;
        if filled >= 8 {
            filled -= 8;
            out.push((buffer >> filled) as u8);
        }
    }
    out
}

/// Undoes `%XX`, `\xXX`, `\uXXXX`, `&#N;` and a lone backslash.
fn unescape(piece: &[u8]) -> Vec<u8> {
    let text =
        |from: usize, to: usize| piece.get(from..to).and_then(|b| std::str::from_utf8(b).ok());
    let number =
        |from: usize, to: usize| text(from, to).and_then(|t| u32::from_str_radix(t, 16).ok());
    let (mut out, mut at) = (Vec::new(), 0);
    while at < piece.len() {
        let (code, length) = match (piece[at], piece.get(at + 1)) {
            (b'%', _) => (number(at + 1, at + 3), 3),
            (b'\\', Some(b'x')) => (number(at + 2, at + 4), 4),
            (b'\\', Some(b'u')) => (number(at + 2, at + 6), 6),
            (b'\\', Some(byte)) => (Some(u32::from(*byte)), 2),
            (b'&', Some(b'#')) => {
                let end = piece[at..].iter().position(|b| *b == b';').unwrap_or(0);
                (text(at + 2, at + end).and_then(|t| t.parse().ok()), end + 1)
            }
            _ => (None, 1),
        };
        out.push(code.map_or(piece[at], |c| c as u8));
        at += if code.is_some() { length } else { 1 };
    }
    out
}
