//! Finding seeds: short literal pieces of the encodings of a value, one of which every match contains unbroken.
//!
//! The text is probed at every `stride`-th position only. A piece is `window + stride - 1` bytes long, so exactly one
//! probe falls on each of its occurrences with the whole window inside it (after Wu and Manber, "A fast algorithm for
//! multi-pattern searching", 1994, with sampling in place of shifts).

pub(crate) mod build;
pub(crate) mod key;
pub(crate) mod pieces;
pub(crate) mod windows;

use std::ops::Range;

use key::Key;
use pieces::{Pieces, Seed};
use windows::Windows;

use crate::form::Form;

/// The length of a piece, in bytes, of all encodings that are at least as long.
pub(crate) const PIECE: usize = 12;

/// How many bytes behind the last one the scanner may load.
pub(crate) const SLACK: usize = 8;

/// Where the offsets of the second table of a tier begin among the 16 bits for offsets: with two tables the stride is 8 at most.
const SECOND_TABLE: usize = 8;

/// Seeds in one tier, or in two: few values are shorter than [`PIECE`], and where there are many others these must not shorten
/// the stride for all.
pub(crate) struct Seeds {
    key: Key,
    tiers: Vec<Tier>,
}

/// What is found in one pass over the text.
struct Tier {
    window: usize,
    stride: usize,
    windows: Windows,
    /// The pieces of each length.
    tables: Vec<Pieces>,
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
        self.tiers.iter().flat_map(|t| &t.tables).map(Pieces::count).sum()
    }

    /// Searches the first `len` of `bytes`, of which `seen` were searched before, and calls `found` with every piece that
    /// was not found before, and its position. `bytes` has [`SLACK`] bytes more. Returns the number of steps.
    ///
    /// `found` returns a position up to which no piece can tell anything new, or 0.
    pub fn search(
        &self,
        bytes: &[u8],
        len: usize,
        seen: usize,
        cursors: &mut [Cursor; 2],
        mut found: impl FnMut(usize, &Seed) -> usize,
    ) -> u64 {
        let mut work = 0;
        let mut hits = Vec::new();
        for (tier, cursor) in self.tiers.iter().zip(cursors) {
            hits.clear();
            let probed = tier.scan(&self.key, bytes, cursor.probe..len, &mut hits);
            work += ((probed - cursor.probe) / tier.stride + hits.len()) as u64;
            let longest = tier.longest();
            let mut settled = 0;
            for (at, hash) in &hits {
                if at + longest <= settled {
                    continue;
                }
                // A piece that was whole when this probe was made for the first time was found then.
                let seen = if *at < cursor.probed { seen } else { 0 };
                tier.seeds(&self.key, &bytes[..len], seen, *at, *hash, |start, seed| {
                    settled = settled.max(found(start, seed));
                });
            }
            // Probes whose piece may reach beyond the text are made again when there is more of it.
            let undecided = (len + 1).saturating_sub(longest).max(cursor.probe);
            let again = cursor.probe + (undecided - cursor.probe).next_multiple_of(tier.stride);
            *cursor = Cursor { probe: again.min(probed), probed };
        }
        work
    }

    /// Whether all pieces in these bytes lie on their one line: then whoever read them as that needle's has nothing to find in
    /// them. They are followed by [`SLACK`].
    pub fn are_sole(&self, value: &[u8], needle: u32) -> bool {
        let len = value.len() - SLACK;
        let mut sole = true;
        for tier in &self.tiers {
            let mut hits = Vec::new();
            for from in 0..tier.stride {
                tier.scan(&self.key, value, from..len, &mut hits);
            }
            for (at, hash) in hits {
                tier.seeds(&self.key, &value[..len], 0, at, hash, |start, seed| {
                    sole &=
                        seed.needle == needle && seed.index as usize == start && matches!(seed.form, Form::Plain(_));
                });
            }
        }
        sole
    }

    /// The first position that the next search needs.
    pub fn needed(&self, cursors: &[Cursor; 2]) -> usize {
        let needed = self.tiers.iter().zip(cursors).map(|(t, c)| c.probe.saturating_sub(t.stride));
        needed.min().unwrap_or(0)
    }
}

impl Tier {
    fn longest(&self) -> usize {
        self.tables.iter().map(|t| t.length).max().unwrap_or(0)
    }

    fn scan(&self, key: &Key, bytes: &[u8], range: Range<usize>, hits: &mut Vec<(usize, u64)>) -> usize {
        let windows = &self.windows;
        match (self.window, self.stride) {
            (4, 3) => windows.scan::<4, 3>(key, bytes, range, hits),
            (4, 4) => windows.scan::<4, 4>(key, bytes, range, hits),
            (4, 5) => windows.scan::<4, 5>(key, bytes, range, hits),
            (4, 6) => windows.scan::<4, 6>(key, bytes, range, hits),
            (4, 7) => windows.scan::<4, 7>(key, bytes, range, hits),
            (4, 8) => windows.scan::<4, 8>(key, bytes, range, hits),
            (4, _) => windows.scan::<4, 9>(key, bytes, range, hits),
            (5, _) => windows.scan::<5, 8>(key, bytes, range, hits),
            _ => windows.scan::<6, 7>(key, bytes, range, hits),
        }
    }

    /// The seeds whose piece covers the probe at `at` and ends after `seen`, with the position of the piece, as far as the text
    /// reaches.
    fn seeds(&self, key: &Key, bytes: &[u8], seen: usize, at: usize, hash: u64, mut found: impl FnMut(usize, &Seed)) {
        let all = self.windows.offsets(hash);
        for (table, first) in self.tables.iter().zip([0, SECOND_TABLE]) {
            let mut offsets = all >> first & ((1 << self.stride) - 1);
            while offsets != 0 {
                let offset = offsets.trailing_zeros() as usize;
                offsets &= offsets - 1;
                let Some(start) = at.checked_sub(offset).filter(|start| start + table.length > seen) else { continue };
                if let Some(piece) = bytes.get(start..start + table.length) {
                    table.find(key.piece(piece)).for_each(|seed| found(start, seed));
                }
            }
        }
    }
}
