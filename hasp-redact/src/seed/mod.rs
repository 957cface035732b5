//! Finding seeds: short literal pieces of the encodings of a value, one of which every match contains unbroken.
//!
//! The text is probed at every `stride`-th position only. A piece is `window + stride - 1` bytes long, so exactly one
//! probe falls on each of its occurrences with the whole window inside it (after Wu and Manber, "A fast algorithm for
//! multi-pattern searching", 1994, with sampling in place of shifts).

pub(crate) mod build;
pub(crate) mod key;
pub(crate) mod pieces;
pub(crate) mod windows;

use key::Key;
use pieces::{Pieces, Seed};
use windows::Windows;

/// The longest piece, in bytes; shorter values make shorter pieces.
pub(crate) const MAX_PIECE: usize = 12;

/// How many bytes behind the last one the scanner may load.
pub(crate) const SLACK: usize = 8;

/// How many probes are made between two branches.
const BATCH: usize = 8;

/// The three tables, and the sizes they were made for.
pub(crate) struct Seeds {
    key: Key,
    windows: Windows,
    pieces: Pieces,
    piece: usize,
}

impl Seeds {
    /// The length of a piece.
    pub fn piece(&self) -> usize {
        self.piece
    }

    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.pieces.count()
    }

    /// The length of a window.
    pub fn window(&self) -> usize {
        window(self.piece)
    }

    /// The distance between two probes.
    pub fn stride(&self) -> usize {
        self.piece - self.window() + 1
    }

    /// Calls `found` with every probed position from `from` on whose window may belong to a seed; the windows end before
    /// `len`. Returns the next position to probe. `bytes` has [`SLACK`] bytes more than `len`.
    pub fn scan(&self, bytes: &[u8], len: usize, from: usize, found: &mut Vec<(usize, u64)>) -> usize {
        match self.piece {
            ..=6 => self.scan_with::<4, 3>(bytes, len, from, found),
            7 => self.scan_with::<4, 4>(bytes, len, from, found),
            8 => self.scan_with::<4, 5>(bytes, len, from, found),
            9 => self.scan_with::<4, 6>(bytes, len, from, found),
            10 => self.scan_with::<5, 6>(bytes, len, from, found),
            11 => self.scan_with::<5, 7>(bytes, len, from, found),
            12.. => self.scan_with::<5, 8>(bytes, len, from, found),
        }
    }

    fn scan_with<const W: usize, const S: usize>(
        &self,
        bytes: &[u8],
        len: usize,
        from: usize,
        found: &mut Vec<(usize, u64)>,
    ) -> usize {
        let mut at = from;
        while at + BATCH * S + SLACK <= len {
            let block = &bytes[at..at + BATCH * S + SLACK];
            let mut any = false;
            for i in 0..BATCH {
                any |= self.windows.may_have(self.key.window::<W>(load(block, i * S)));
            }
            if any {
                self.probe::<W, S>(bytes, at..at + BATCH * S, found);
            }
            at += BATCH * S;
        }
        let end = (len + 1).saturating_sub(W);
        self.probe::<W, S>(bytes, at..end.max(at), found);
        at + end.saturating_sub(at).next_multiple_of(S)
    }

    fn probe<const W: usize, const S: usize>(
        &self,
        bytes: &[u8],
        range: std::ops::Range<usize>,
        found: &mut Vec<(usize, u64)>,
    ) {
        for at in range.step_by(S) {
            let hash = self.key.window::<W>(load(bytes, at));
            if self.windows.may_have(hash) {
                found.push((at, hash));
            }
        }
    }

    /// The seeds whose piece covers the probe at `at`, with the position of the piece, as far as the text reaches.
    pub fn seeds(&self, bytes: &[u8], at: usize, hash: u64, mut found: impl FnMut(usize, &Seed)) {
        let mut offsets = self.windows.offsets(hash);
        while offsets != 0 {
            let offset = offsets.trailing_zeros() as usize;
            offsets &= offsets - 1;
            let Some(start) = at.checked_sub(offset) else { continue };
            let Some(piece) = bytes.get(start..start + self.piece) else { continue };
            for seed in self.pieces.find(self.key.piece(piece)) {
                found(start, seed);
            }
        }
    }
}

/// The window length for a piece length: long windows pass less, short ones leave a longer stride.
fn window(piece: usize) -> usize {
    if piece < 10 { 4 } else { 5 }
}

#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes[at..].first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        // The caller keeps SLACK bytes behind the text.
        None => 0,
    }
}
