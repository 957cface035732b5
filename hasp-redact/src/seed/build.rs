//! Choosing the pieces: for each form and each way to spell it, so many that wherever a line wrap or a colour code falls, one
//! piece stays unbroken, and so few that thousands of values fit in the cache.

use zeroize::Zeroizing;

use super::key::Key;
use super::pieces::{Pieces, Seed};
use super::windows::Windows;
use super::{MAX_PIECE, Seeds, window};
use crate::form::{Case, Form, Machine};
use crate::pattern::needle::{Needle, Needles, Origin};
use crate::pattern::spell;

/// Up to this many bytes of values, pieces lie close together, which finds values that are broken into small parts.
const DENSE_BYTES: usize = 16 * 1024;

/// A piece that so many seeds share tells too little: its seeds are dropped where the same encoding has a better one.
const SHARED: usize = 8;

/// The tables for all needles; nothing if there are none.
pub(crate) fn build(needles: &Needles) -> Option<Seeds> {
    let shortest = needles.iter().map(|n| n.len).min()?;
    let bytes: usize = needles.iter().map(|n| n.len).sum();
    let spacing = if bytes <= DENSE_BYTES { 3 } else { 12 };
    let mut builder = Builder {
        key: Key::random(),
        piece: shortest.min(MAX_PIECE),
        spacing,
        pieces: Vec::new(),
        texts: Zeroizing::new(Vec::new()),
        group: 0,
    };
    for (index, needle) in needles.iter().enumerate() {
        builder.needle(index as u32, needle, needles.bytes(needle));
    }
    Some(builder.finish())
}

/// A piece that was chosen, before it is known how many share it.
struct Chosen {
    hash: u64,
    seed: Seed,
    /// Pieces of the same encoding: one of them must stay.
    group: u32,
}

struct Builder {
    key: Key,
    piece: usize,
    spacing: usize,
    pieces: Vec<Chosen>,
    /// The text of each chosen piece, one after the other.
    texts: Zeroizing<Vec<u8>>,
    group: u32,
}

impl Builder {
    fn needle(&mut self, index: u32, needle: &Needle, value: &[u8]) {
        for form in needle.forms() {
            let machine = Machine { value, form };
            match form {
                Form::Plain(Case::Exact) => self.plain(index, value),
                Form::Plain(_) => {}
                Form::Hex => self.hex(index, value),
                Form::Base64(_) => {
                    let spacing = if needle.origin == Origin::Encoded { 24 } else { self.spacing };
                    self.radix(index, machine, spacing);
                }
                Form::Base32(_) => self.radix(index, machine, 24),
                Form::Literal => self.literal(index, value, form),
            }
        }
    }

    /// The value as it is, then as encoders would write it.
    fn plain(&mut self, needle: u32, value: &[u8]) {
        let form = Form::Plain(Case::Exact);
        self.literal(needle, value, form);
        let (start, length) = plainest(value);
        if length >= self.piece {
            self.text(&value[start..start + self.piece], Seed { needle, index: start as u32, form });
        } else {
            for spelling in spell::MINIMAL {
                self.spelled(needle, value, form, spelling, start);
            }
            if value.contains(&b'\n') {
                spell::LINES.into_iter().for_each(|s| self.spelled(needle, value, form, s, start));
            }
        }
        for (spelling, form) in spell::FULL {
            self.group += 1;
            for start in 0..2 * self.piece.div_ceil(3) {
                if start % self.piece.div_ceil(3) == 0 && start < value.len() {
                    self.spelled_from(needle, value, form, spelling, start);
                }
            }
        }
    }

    fn literal(&mut self, needle: u32, value: &[u8], form: Form) {
        self.group += 1;
        let last = value.len() - self.piece;
        for start in (0..last).step_by(self.spacing).chain([last]) {
            self.text(&value[start..start + self.piece], Seed { needle, index: start as u32, form });
        }
    }

    /// One piece in this spelling, as near to `start` as the value's length allows.
    fn spelled(&mut self, needle: u32, value: &[u8], form: Form, spelling: spell::Spelling, start: usize) {
        self.group += 1;
        let mut start = start;
        while !self.spelled_from(needle, value, form, spelling, start) && start > 0 {
            start -= 1;
        }
    }

    fn spelled_from(&mut self, needle: u32, value: &[u8], form: Form, spelling: spell::Spelling, start: usize) -> bool {
        // Room for the longest unit, so that the text never moves and leaves a copy.
        let mut text = Zeroizing::new(Vec::with_capacity(MAX_PIECE + 64));
        let mut index = start;
        while text.len() < self.piece && index < value.len() {
            index += spelling(value, index, &mut text);
        }
        let whole = text.len() >= self.piece;
        if whole {
            self.text(&text[..self.piece], Seed { needle, index: start as u32, form });
        }
        whole
    }

    fn hex(&mut self, needle: u32, value: &[u8]) {
        let digits: Zeroizing<Vec<u8>> = Zeroizing::new(value.iter().flat_map(|b| spell::hex(*b)).collect());
        self.group += 1;
        let last = (digits.len() - self.piece) / 2;
        for pair in (0..last).step_by(12).chain([last]) {
            let seed = Seed { needle, index: pair as u32, form: Form::Hex };
            self.text(&digits[2 * pair..2 * pair + self.piece], seed);
        }
        for spelling in spell::GROUPED {
            self.group += 1;
            for start in [0, self.piece.div_ceil(3)] {
                self.spelled_from(needle, value, Form::Hex, spelling, start.min(value.len()));
            }
        }
    }

    fn radix(&mut self, needle: u32, machine: Machine<'_>, spacing: usize) {
        let (value, form) = (machine.value, machine.form);
        self.group += 1;
        let Some(last) = machine.goal().checked_sub(self.piece) else { return };
        for index in (1..last).step_by(spacing).chain([last]) {
            let mut text = Zeroizing::new(Vec::with_capacity(MAX_PIECE));
            for url in [false, true] {
                text.clear();
                text.extend((index..index + self.piece).map(|i| spell::radix(form, value, i, url)));
                self.text(&text, Seed { needle, index: index as u32, form });
            }
        }
    }

    fn text(&mut self, text: &[u8], seed: Seed) {
        let hash = self.key.piece(text);
        let twice = self.pieces.last().is_some_and(|p| p.hash == hash && p.seed == seed);
        if !twice {
            self.pieces.push(Chosen { hash, seed, group: self.group });
            self.texts.extend_from_slice(text);
        }
    }

    fn finish(self) -> Seeds {
        let kept = self.distinctive();
        let mut windows = Windows::for_count(kept.iter().filter(|k| **k).count() * (self.piece - window(self.piece) + 1));
        let texts = self.texts.chunks_exact(self.piece).zip(&kept).filter(|(_, kept)| **kept);
        texts.for_each(|(text, _)| add_windows(&mut windows, &self.key, text));
        let pieces = self.pieces.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(p, _)| (p.hash, p.seed));
        let pieces = Pieces::new(pieces.collect());
        Seeds { key: self.key, windows, pieces, piece: self.piece }
    }

    /// Which pieces to keep: those that few share, and of each encoding at least one.
    fn distinctive(&self) -> Vec<bool> {
        let mut hashes: Vec<u64> = self.pieces.iter().map(|p| p.hash).collect();
        hashes.sort_unstable();
        let shared = |hash: u64| {
            let first = hashes.partition_point(|h| *h < hash);
            hashes.get(first + SHARED).is_some_and(|h| *h == hash)
        };
        if !hashes.windows(SHARED + 1).any(|w| w[0] == w[SHARED]) {
            return vec![true; self.pieces.len()];
        }
        let common: Vec<bool> = self.pieces.iter().map(|p| shared(p.hash)).collect();
        let mut rare = vec![false; self.group as usize + 1];
        for (piece, common) in self.pieces.iter().zip(&common) {
            rare[piece.group as usize] |= !common;
        }
        self.pieces.iter().zip(&common).map(|(p, common)| !common || !rare[p.group as usize]).collect()
    }
}

fn add_windows(windows: &mut Windows, key: &Key, text: &[u8]) {
    let length = window(text.len());
    for offset in 0..=text.len() - length {
        let mut word = [0; 8];
        word[..length].copy_from_slice(&text[offset..offset + length]);
        let word = u64::from_le_bytes(word);
        let hash = if length == 4 { key.window::<4>(word) } else { key.window::<5>(word) };
        windows.add(hash, offset);
    }
}

/// The longest run of characters that no encoder changes unless it changes all: where it begins and its length.
fn plainest(value: &[u8]) -> (usize, usize) {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._".contains(b);
    let mut best = (0, 0);
    let mut start = 0;
    for end in 0..=value.len() {
        if end == value.len() || !plain(&value[end]) {
            if end - start > best.1 {
                best = (start, end - start);
            }
            start = end + 1;
        }
    }
    best
}
