//! What can stand at one position of the text, as readings that a decoder collects.

use super::text::{Answer, Text, nibble};

/// One reading of the text at a position: these bytes, and where the text goes on. No bytes: it is
/// to be skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unit {
    bytes: [u8; 4],
    len: u8,
    /// The position behind the unit.
    pub end: usize,
}

impl Unit {
    /// What the unit stands for.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// More readings than a position can have: a run of backslashes has three, and three more are of an
/// octal escape behind it.
const MAX_READINGS: usize = 8;

/// All readings at one position.
#[derive(Default)]
pub(crate) struct Units {
    /// The complete ones and how many they are, in place, because this is asked for millions of
    /// positions.
    found: [Unit; MAX_READINGS],
    len: usize,
    /// Whether more input could add one.
    pub more: bool,
}

impl Units {
    /// The complete ones.
    pub fn found(&self) -> &[Unit] {
        &self.found[..self.len]
    }

    /// Forgets those that were found.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    fn push(&mut self, unit: Unit) {
        self.found[self.len] = unit;
        self.len += 1;
    }

    pub(super) fn byte(&mut self, byte: u8, end: usize) {
        self.push(Unit { bytes: [byte, 0, 0, 0], len: 1, end });
    }

    pub(super) fn skip(&mut self, end: usize) {
        self.push(Unit { bytes: [0; 4], len: 0, end });
    }

    pub(super) fn char(&mut self, code: u32, end: usize) {
        if let Some(c) = char::from_u32(code) {
            let mut bytes = [0; 4];
            let len = c.encode_utf8(&mut bytes).len() as u8;
            self.push(Unit { bytes, len, end });
        }
    }

    /// `byte` if `word` stands at `at`.
    pub(super) fn word(&mut self, text: Text<'_>, at: usize, word: &[u8], byte: u8) {
        match text.has(at, word) {
            Answer::Yes => self.byte(byte, at + word.len()),
            Answer::Unknown => self.more = true,
            Answer::No => {}
        }
    }

    /// The number written in exactly `digits` hexadecimal digits at `at`.
    pub(super) fn hex(&mut self, text: Text<'_>, at: usize, digits: usize) -> Option<u32> {
        let mut number = 0;
        for i in 0..digits {
            let Some(byte) = text.get(at + i) else {
                self.more |= !text.eof;
                return None;
            };
            if nibble(byte) > 15 {
                return None;
            }
            number = number << 4 | u32::from(nibble(byte));
        }
        Some(number)
    }
}
