//! Finding seeds: short literal pieces of the encodings of a value, one of which every match
//! contains unbroken.
//!
//! The text is probed at every `stride`-th position only. A piece is `window + stride - 1` bytes
//! long, so exactly one probe falls on each of its occurrences with the whole window inside it
//! (after Wu and Manber, "A fast algorithm for multi-pattern searching", 1994, with sampling in
//! place of shifts).

pub(crate) mod build;
mod chosen;
pub(crate) mod key;
pub(crate) mod pieces;
pub(crate) mod tier;
pub(crate) mod windows;

use std::ops::Range;

use key::{Key, load};
use pieces::{Pieces, Seed};
use windows::Windows;

use crate::filter::form::Form;

/// The length of a piece, in bytes, of all encodings that are at least as long.
pub(crate) const PIECE: usize = 12;

/// How many bytes behind the last one the scanner may load.
pub(crate) const SLACK: usize = 8;

/// How many probes are made before what they hit is looked at.
const BLOCK: usize = 8 * windows::ROUND;

/// So many probes are looked up at once where the tables lie in far memory.
const AT_ONCE: usize = 64;

/// If one probe in so many hits, the next ones are made one by one, to leave out those in stretches
/// that are settled.
const DENSE: usize = 4;

/// Where the offsets of the second table of a tier begin among the 16 bits for offsets: with two
/// tables the stride is 8 at most.
const SECOND_TABLE: usize = 8;

/// Seeds in one tier, or in two: few values are shorter than [`PIECE`], and where there are many
/// others these must not shorten the stride for all.
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
    /// The length of the longest of them, in bytes.
    longest: usize,
}

/// How far a stream has been searched with one tier.
#[derive(Clone, Copy, Default)]
struct Reached {
    /// The next position to probe.
    probe: usize,
    /// Pieces that begin before this position, and were whole, have been found.
    covered: usize,
}

/// How far a stream has been searched.
#[derive(Default)]
pub(crate) struct Progress {
    cursors: [Reached; 2],
    /// Probes to be looked at, and what they may belong to, kept for the memory.
    hits: Vec<Hit>,
    places: Vec<Place>,
}

/// A probe whose window may belong to a piece, and the window's hash.
type Hit = (usize, u64);

/// Where a piece may begin, its hash, and where its seeds are among all of a table.
type Place = (usize, u64, Range<usize>);

impl Progress {
    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        for cursor in &mut self.cursors {
            // A tier that is not in use stays at 0.
            *cursor = Reached {
                probe: cursor.probe.saturating_sub(by),
                covered: cursor.covered.saturating_sub(by),
            };
        }
    }
}

impl Seeds {
    /// How many pieces there are.
    pub fn count(&self) -> usize {
        self.tiers.iter().flat_map(|t| &t.tables).map(Pieces::count).sum()
    }

    /// Searches the first `len` of `bytes`, of which `seen` were searched before, and calls `found`
    /// with every piece that was not found before, and its position. `bytes` has [`SLACK`] bytes
    /// more. Returns the number of steps.
    ///
    /// `found` returns a stretch in which no piece can tell anything new, or an empty one.
    pub fn search(
        &self,
        bytes: &[u8],
        len: usize,
        seen: usize,
        progress: &mut Progress,
        mut found: impl FnMut(usize, &Seed) -> Range<usize>,
    ) -> u64 {
        let mut work = 0;
        for (tier, cursor) in self.tiers.iter().zip(&mut progress.cursors) {
            let mut pass =
                Pass { key: &self.key, bytes, len, seen, covered: cursor.covered, settled: 0..0 };
            let mut probe = cursor.probe;
            let (mut dense, mut pays) = (false, true);
            // In blocks, so that the hits and their text are still in the nearest cache when they
            // are looked at.
            while probe + tier.window <= len {
                let end = len.min(probe + BLOCK * tier.stride + SLACK);
                let (next, probes, hits) = match dense {
                    true => tier.one_by_one(&mut pass, probe..end, &mut found),
                    false => tier.together(
                        &mut pass,
                        probe..end,
                        (&mut progress.hits, &mut progress.places),
                        &mut found,
                    ),
                };
                // Where nothing is settled, probes made one by one wait for each other.
                pays &= !dense || probes * tier.stride * 2 < next - probe;
                dense = pays && hits * DENSE > probes;
                work += (probes + hits) as u64;
                probe = next;
            }
            // Probes whose piece may reach beyond the text are made again when there is more of it.
            let undecided = (len + 1).saturating_sub(tier.longest);
            *cursor = Reached {
                probe: probe.min(undecided + tier.stride - 1),
                covered: (probe + 1).saturating_sub(tier.stride).max(cursor.covered),
            };
        }
        work
    }

    /// Whether all pieces in these bytes lie on their one line, or whole periods away from it: then
    /// whoever read them as that needle's has nothing to find in them. They are followed by
    /// [`SLACK`].
    pub fn are_sole(&self, value: &[u8], needle: u32, period: usize) -> bool {
        let len = value.len() - SLACK;
        let own = |seed: &Seed, start: usize| {
            let by = start.abs_diff(seed.index as usize);
            seed.needle == needle
                && matches!(seed.form, Form::Plain(_))
                && (by == 0 || (period > 0 && by.is_multiple_of(period)))
        };
        self.tiers.iter().flat_map(|tier| &tier.tables).all(|table| {
            (0..(len + 1).saturating_sub(table.length)).all(|start| {
                table.find(self.key.piece_at(value, start, table.length)).all(|s| own(s, start))
            })
        })
    }

    /// The first position that the next search needs.
    pub fn needed(&self, progress: &Progress) -> usize {
        let needed =
            self.tiers.iter().zip(&progress.cursors).map(|(t, c)| c.probe.saturating_sub(t.stride));
        needed.min().unwrap_or(0)
    }
}

impl Tier {
    fn scan(&self, key: &Key, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) -> usize {
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

    /// Makes these probes and then looks at those that hit. Returns the next position to probe, how
    /// many probes were made and how many hit.
    fn together(
        &self,
        pass: &mut Pass<'_>,
        range: Range<usize>,
        (hits, places): (&mut Vec<Hit>, &mut Vec<Place>),
        found: &mut impl FnMut(usize, &Seed) -> Range<usize>,
    ) -> (usize, usize, usize) {
        hits.clear();
        let next = self.scan(pass.key, pass.bytes, range.clone(), hits);
        match self.tables.as_slice() {
            [table] if !self.windows.tell_offsets() => {
                for hits in hits.chunks(AT_ONCE) {
                    self.far_seeds(pass, hits, table, places, found);
                }
            }
            _ => hits.iter().for_each(|(at, hash)| self.seeds(pass, *at, *hash, found)),
        }
        (next, (next - range.start) / self.stride, hits.len())
    }

    /// The same, looking at each hit before the next probe: of a stretch that is settled only the
    /// end is probed.
    fn one_by_one(
        &self,
        pass: &mut Pass<'_>,
        range: Range<usize>,
        found: &mut impl FnMut(usize, &Seed) -> Range<usize>,
    ) -> (usize, usize, usize) {
        let hashes = pass.key.for_length(self.window);
        let (mut probes, mut hits) = (0, 0);
        let mut at = range.start;
        while at + self.window <= range.end {
            let hash = hashes.hash(load(pass.bytes, at));
            probes += 1;
            if self.windows.may_have(hash) {
                hits += 1;
                self.seeds(pass, at, hash, found);
                // The first piece that is not settled ends behind the stretch.
                let unsettled = if pass.settled.start <= at {
                    pass.settled.end.saturating_sub(self.longest)
                } else {
                    0
                };
                at = at.max(unsettled);
            }
            at += self.stride;
        }
        (at, probes, hits)
    }

    /// The seeds whose piece covers the probe at `at` and was not found before, with the position
    /// of the piece, as far as the text reaches; without pieces in the stretch that is settled,
    /// which `found` may replace.
    #[inline]
    fn seeds(
        &self,
        pass: &mut Pass<'_>,
        at: usize,
        hash: u64,
        found: &mut impl FnMut(usize, &Seed) -> Range<usize>,
    ) {
        if pass.settled.start + self.stride <= at && at + self.longest <= pass.settled.end {
            return;
        }
        let all = self.windows.offsets(hash).unwrap_or_else(|| self.offsets_around(pass, at));
        for (table, first) in self.tables.iter().zip([0, SECOND_TABLE]) {
            let mut offsets = all >> first & ((1 << self.stride) - 1);
            // The piece that begins first comes first: what it settles may settle the others.
            while offsets != 0 {
                let offset = offsets.ilog2();
                offsets ^= 1 << offset;
                let Some(start) = at.checked_sub(offset as usize) else { continue };
                let end = start + table.length;
                if end > pass.len || pass.knows(start, end) {
                    continue;
                }
                for seed in table.find(pass.key.piece_at(pass.bytes, start, table.length)) {
                    let stretch = found(start, seed);
                    if stretch.end > pass.settled.end {
                        pass.settled = stretch;
                    }
                }
            }
        }
    }

    /// As [`Tier::seeds`] of each of these probes. Each table is looked up for all of them before
    /// the next one is, so that they wait for far memory together.
    fn far_seeds(
        &self,
        pass: &mut Pass<'_>,
        hits: &[Hit],
        table: &Pieces,
        places: &mut Vec<Place>,
        found: &mut impl FnMut(usize, &Seed) -> Range<usize>,
    ) {
        let mut around = [0; AT_ONCE];
        around
            .iter_mut()
            .zip(hits)
            .for_each(|(all, (at, _))| *all = self.offsets_around(pass, *at));
        places.clear();
        for ((at, _), all) in hits.iter().zip(around) {
            let mut offsets = all & ((1 << self.stride) - 1);
            while offsets != 0 {
                let offset = offsets.ilog2();
                offsets ^= 1 << offset;
                let Some(start) = at.checked_sub(offset as usize) else { continue };
                if start + table.length <= pass.len {
                    places.push((start, pass.key.piece_at(pass.bytes, start, table.length), 0..0));
                }
            }
        }
        places.iter_mut().for_each(|(_, hash, seeds)| *seeds = table.range(*hash));
        places.retain(|(_, hash, seeds)| table.among(seeds.clone(), *hash).next().is_some());
        for (start, hash, seeds) in places.drain(..) {
            for seed in table.among(seeds, hash) {
                if pass.knows(start, start + table.length) {
                    break;
                }
                let stretch = found(start, seed);
                if stretch.end > pass.settled.end {
                    pass.settled = stretch;
                }
            }
        }
    }

    /// The offsets in a piece that a window can have by what is around it: all windows of a piece
    /// are in the bitmap.
    fn offsets_around(&self, pass: &Pass<'_>, at: usize) -> u32 {
        let hashes = pass.key.for_length(self.window);
        let has = |at: usize| self.windows.may_have(hashes.hash(load(pass.bytes, at)));
        let most = self.stride - 1;
        let (low, high) = (at.saturating_sub(most), at + most);
        // A bit for each window around, this one's the one in the middle; none waits for another.
        let mut around = 0u32;
        for place in low..=high.min((pass.len + 1).saturating_sub(self.window + 1)) {
            around |= u32::from(has(place)) << (place + most - at);
        }
        let before = (!(around << (32 - most))).leading_zeros();
        let first = (most as u32).saturating_sub((!(around >> (most + 1))).trailing_zeros());
        let offsets = if first <= before { (2 << before) - (1 << first) } else { 0 };
        offsets | offsets << SECOND_TABLE
    }
}

/// One pass of a tier over a text.
struct Pass<'a> {
    key: &'a Key,
    /// The text, and [`SLACK`] bytes more.
    bytes: &'a [u8],
    len: usize,
    /// The length of the text at the last pass, and before where pieces that were whole then have
    /// been found.
    seen: usize,
    covered: usize,
    /// A stretch in which no piece can tell anything new.
    settled: Range<usize>,
}

impl Pass<'_> {
    #[inline]
    fn knows(&self, start: usize, end: usize) -> bool {
        (start < self.covered && end <= self.seen)
            || (self.settled.start <= start && end <= self.settled.end)
    }
}
