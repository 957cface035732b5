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

/// The length of a piece, in bytes, of all encodings that are at least as long.
pub(crate) const PIECE: usize = 12;

/// How many bytes behind the last one the scanner may load.
pub(crate) const SLACK: usize = 8;

/// How many probes are made between two branches.
const BATCH: usize = 8;

/// Seeds of two lengths: few values are shorter than [`PIECE`], and they must not shorten the stride for all.
pub(crate) struct Seeds {
    key: Key,
    tiers: Vec<Tier>,
}

/// The tables for pieces of one length.
struct Tier {
    windows: Windows,
    pieces: Pieces,
    piece: usize,
}

/// How far a stream has been searched with one tier.
#[derive(Clone, Copy, Default)]
pub(crate) struct Cursor {
    /// The next position to probe.
    pub probe: usize,
    /// Positions before this one have been probed once.
    pub probed: usize,
}

impl Seeds {
    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.tiers.iter().map(|t| t.pieces.count()).sum()
    }

    /// Searches the first `len` of `bytes`, of which `seen` were searched before, and calls `found` with every piece that
    /// was not found before, and its position. `bytes` has [`SLACK`] bytes more. Returns the number of steps.
    pub fn search(
        &self,
        bytes: &[u8],
        len: usize,
        seen: usize,
        cursors: &mut [Cursor; 2],
        mut found: impl FnMut(usize, &Seed),
    ) -> u64 {
        let mut work = 0;
        let mut hits = Vec::new();
        for (tier, cursor) in self.tiers.iter().zip(cursors) {
            hits.clear();
            let probed = tier.scan(&self.key, bytes, len, cursor.probe, &mut hits);
            work += ((probed - cursor.probe) / tier.stride() + hits.len()) as u64;
            for (at, hash) in &hits {
                let known = |start: usize| *at < cursor.probed && start + tier.piece <= seen;
                tier.seeds(&self.key, &bytes[..len], *at, *hash, |start, seed| {
                    if !known(start) {
                        found(start, seed);
                    }
                });
            }
            // Probes whose piece may reach beyond the text are made again when there is more of it.
            let undecided = (len + 1).saturating_sub(tier.piece).max(cursor.probe);
            let again = cursor.probe + (undecided - cursor.probe).next_multiple_of(tier.stride());
            *cursor = Cursor { probe: again.min(probed), probed };
        }
        work
    }

    /// The first position that the next search needs.
    pub fn needed(&self, cursors: &[Cursor; 2]) -> usize {
        let needed = self.tiers.iter().zip(cursors).map(|(t, c)| c.probe.saturating_sub(t.stride()));
        needed.min().unwrap_or(0)
    }
}

impl Tier {
    fn stride(&self) -> usize {
        self.piece - window(self.piece) + 1
    }

    /// Adds every probed position from `from` on whose window may belong to a seed; the windows end before `len`. Returns
    /// the next position to probe.
    fn scan(&self, key: &Key, bytes: &[u8], len: usize, from: usize, hits: &mut Vec<(usize, u64)>) -> usize {
        match self.piece {
            ..=6 => self.scan_with::<4, 3>(key, bytes, len, from, hits),
            7 => self.scan_with::<4, 4>(key, bytes, len, from, hits),
            8 => self.scan_with::<4, 5>(key, bytes, len, from, hits),
            9 => self.scan_with::<5, 5>(key, bytes, len, from, hits),
            10 => self.scan_with::<5, 6>(key, bytes, len, from, hits),
            11 => self.scan_with::<5, 7>(key, bytes, len, from, hits),
            12.. => self.scan_with::<6, 7>(key, bytes, len, from, hits),
        }
    }

    fn scan_with<const W: usize, const S: usize>(
        &self,
        key: &Key,
        bytes: &[u8],
        len: usize,
        from: usize,
        hits: &mut Vec<(usize, u64)>,
    ) -> usize {
        let mut at = from;
        while at + BATCH * S + SLACK <= len {
            let block = &bytes[at..at + BATCH * S + SLACK];
            let mut any = false;
            for i in 0..BATCH {
                any |= self.windows.may_have(key.window::<W>(load(block, i * S)));
            }
            if any {
                self.probe::<W, S>(key, bytes, at..at + BATCH * S, hits);
            }
            at += BATCH * S;
        }
        let end = (len + 1).saturating_sub(W);
        self.probe::<W, S>(key, bytes, at..end.max(at), hits);
        at + end.saturating_sub(at).next_multiple_of(S)
    }

    fn probe<const W: usize, const S: usize>(
        &self,
        key: &Key,
        bytes: &[u8],
        range: std::ops::Range<usize>,
        hits: &mut Vec<(usize, u64)>,
    ) {
        for at in range.step_by(S) {
            let hash = key.window::<W>(load(bytes, at));
            if self.windows.may_have(hash) {
                hits.push((at, hash));
            }
        }
    }

    /// The seeds whose piece covers the probe at `at`, with the position of the piece, as far as the text reaches.
    fn seeds(&self, key: &Key, bytes: &[u8], at: usize, hash: u64, mut found: impl FnMut(usize, &Seed)) {
        let mut offsets = self.windows.offsets(hash) & ((1 << self.stride()) - 1);
        while offsets != 0 {
            let offset = offsets.trailing_zeros() as usize;
            offsets &= offsets - 1;
            let Some(start) = at.checked_sub(offset) else { continue };
            let Some(piece) = bytes.get(start..start + self.piece) else { continue };
            for seed in self.pieces.find(key.piece(piece)) {
                found(start, seed);
            }
        }
    }
}

/// The window length for a piece length: long windows pass less, short ones leave a longer stride.
fn window(piece: usize) -> usize {
    match piece {
        ..=8 => 4,
        9..=11 => 5,
        12.. => 6,
    }
}

#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    match bytes[at..].first_chunk::<8>() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        // The caller keeps SLACK bytes behind the text.
        None => 0,
    }
}
