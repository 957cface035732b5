//! The first stage: is there anything at this position that could belong to a seed? A bitmap of
//! hashes, small enough to stay in the cache, then a table that says at which places of a piece the
//! window occurs.

use zeroize::Zeroizing;

use super::key::{Key, WindowKey, load, stir};
use super::{PIECE, SLACK};

/// A size of the bitmap: for at most so many windows, so many words as a power of two, and whether
/// each window sets two bits.
///
/// Two bits in one word pass far less than one in a bitmap of the same size, but cost more to test;
/// so few windows that one bit passes less than 1 % get one.
type Size = (usize, u32, bool);

const SIZES: [Size; 7] = [
    (300, 9, false),
    (2_600, 12, false),
    (10_000, 12, true),
    (90_000, 15, true),
    (600_000, 17, true),
    (1_200_000, 18, true),
    (usize::MAX, 19, true),
];

/// How many probes make a mask, and how many masks are made before they are looked at.
const BATCH: usize = 8;
const BATCHES: usize = 32;

/// How many probes make a round.
pub(super) const ROUND: usize = BATCH * BATCHES;

/// How many windows are added at once: their hashes fit in the near caches twice.
const ADDED: usize = 1 << 16;

/// From this size of the bitmap on, as a power of two of words, its bits are set region by region.
const REGIONS_FROM: u32 = 18;

/// Beyond this many windows the table of offsets would cost more in cache misses than it saves in
/// hashes.
const MAX_OFFSETS: usize = 1 << 17;

/// Which windows occur in pieces, and where in them.
pub(crate) struct Windows {
    bitmap: Vec<u64>,
    size: Size,
    /// By part of the hash, a bit for each offset at which a window occurs in a piece. Empty if
    /// there are too many windows: then any offset is possible.
    offsets: Vec<u16>,
    offset_shift: u32,
}

impl Windows {
    /// Tables for at most `count` different windows.
    pub fn for_count(count: usize) -> Windows {
        let size =
            SIZES.into_iter().find(|(most, ..)| count <= *most).unwrap_or(SIZES[SIZES.len() - 1]);
        let bits = count.next_power_of_two().ilog2().max(4);
        let offsets = if count > MAX_OFFSETS { 0 } else { 1 << bits };
        Windows {
            bitmap: vec![0; 1 << size.1],
            size,
            offsets: vec![0; offsets],
            offset_shift: 64 - bits,
        }
    }

    /// Adds the first `stride` windows of each of these pieces, which are `piece` bytes long; their
    /// offsets count from `first`.
    pub fn extend(
        &mut self,
        key: &WindowKey,
        texts: &[u8],
        piece: usize,
        stride: usize,
        first: usize,
    ) {
        let at_once = self.size.1 >= REGIONS_FROM;
        let mut batch = Vec::with_capacity(if at_once { ADDED } else { 0 });
        let mut sorted = Vec::new();
        // With room to load a word at each offset.
        let mut padded = Zeroizing::new([0; PIECE + SLACK]);
        for text in texts.chunks_exact(piece) {
            padded[..piece].copy_from_slice(text);
            let hashes = (0..stride).map(|offset| key.hash(load(&*padded, offset)));
            if !self.offsets.is_empty() {
                let shift = self.offset_shift;
                let places = hashes.clone().map(|hash| (stir(hash) >> shift) as usize);
                places.zip(first..).for_each(|(place, offset)| self.offsets[place] |= 1 << offset);
            }
            if !at_once {
                hashes.for_each(|hash| self.set(hash));
                continue;
            }
            batch.extend(hashes.map(|hash| (hash >> 32) as u32));
            if batch.len() + stride > ADDED {
                self.set_by_region(&batch, &mut sorted);
                batch.clear();
            }
        }
        self.set_by_region(&batch, &mut sorted);
    }

    fn set(&mut self, hash: u64) {
        let (word, bits) = place(hash, self.size.1, self.size.2);
        self.bitmap[word] |= bits;
    }

    /// Sets bits region by region of the bitmap: in the order of the values each would be a cache
    /// miss.
    fn set_by_region(&mut self, hashes: &[u32], sorted: &mut Vec<u32>) {
        let region = |high: u32| (high >> 24) as usize;
        let mut ends = [0; 257];
        hashes.iter().for_each(|high| ends[region(*high) + 1] += 1);
        for i in 1..ends.len() {
            ends[i] += ends[i - 1];
        }
        sorted.resize(hashes.len(), 0);
        for high in hashes {
            let place = &mut ends[region(*high)];
            sorted[*place] = *high;
            *place += 1;
        }
        sorted.iter().for_each(|high| self.set(u64::from(*high) << 32));
    }

    /// Whether there is a table of offsets.
    pub fn tell_offsets(&self) -> bool {
        !self.offsets.is_empty()
    }

    /// A bit for each offset in a piece at which the window may occur, if the table was not too
    /// large to be made.
    #[inline]
    pub fn offsets(&self, hash: u64) -> Option<u32> {
        let place = (stir(hash) >> self.offset_shift) as usize;
        self.offsets.get(place).map(|offsets| u32::from(*offsets))
    }

    /// Whether a window with this hash may have been added.
    #[inline]
    pub fn may_have(&self, hash: u64) -> bool {
        let (word, bits) = place(hash, self.size.1, self.size.2);
        !self.bitmap[word] & bits == 0
    }

    /// Adds every `S`-th position from `from` on whose window of `W` bytes may belong to a seed,
    /// with its hash; the windows end before `len`. Returns the next position to probe.
    pub fn scan<const W: usize, const S: usize>(
        &self,
        key: &Key,
        bytes: &[u8],
        range: std::ops::Range<usize>,
        hits: &mut Vec<(usize, u64)>,
    ) -> usize {
        // The size of the bitmap is a constant in each of these, which halves the work of a probe.
        match (self.size.1, self.size.2) {
            (9, false) => self.scan_sized::<W, S, { 1 << 9 }, false>(key, bytes, range, hits),
            (12, false) => self.scan_sized::<W, S, { 1 << 12 }, false>(key, bytes, range, hits),
            (12, true) => self.scan_sized::<W, S, { 1 << 12 }, true>(key, bytes, range, hits),
            (15, _) => self.scan_sized::<W, S, { 1 << 15 }, true>(key, bytes, range, hits),
            (17, _) => self.scan_sized::<W, S, { 1 << 17 }, true>(key, bytes, range, hits),
            (18, _) => self.scan_sized::<W, S, { 1 << 18 }, true>(key, bytes, range, hits),
            _ => self.scan_sized::<W, S, { 1 << 19 }, true>(key, bytes, range, hits),
        }
    }

    fn scan_sized<const W: usize, const S: usize, const WORDS: usize, const TWICE: bool>(
        &self,
        key: &Key,
        bytes: &[u8],
        range: std::ops::Range<usize>,
        hits: &mut Vec<(usize, u64)>,
    ) -> usize {
        let Some(bitmap) = self.bitmap.first_chunk::<WORDS>() else { return range.start };
        let key = key.for_windows::<W>();
        let mut at = range.start;
        let mut masks = [0u8; BATCHES];
        while at + ROUND * S + SLACK <= range.end {
            // First all probes, then what came of them: a branch between would wait for the memory
            // each time.
            for (batch, mask) in masks.iter_mut().enumerate() {
                let first = at + batch * BATCH * S;
                let block = &bytes[first..first + BATCH * S + SLACK];
                let mut found = 0;
                for i in 0..BATCH {
                    found |= may_have::<WORDS, TWICE>(bitmap, key.hash(load(block, i * S))) << i;
                }
                *mask = found as u8;
            }
            for (batch, mask) in masks.iter().enumerate() {
                let mut found = *mask;
                while found != 0 {
                    let probe = at + (batch * BATCH + found.trailing_zeros() as usize) * S;
                    hits.push((probe, key.hash(load(bytes, probe))));
                    found &= found - 1;
                }
            }
            at += ROUND * S;
        }
        while at + W <= range.end {
            let hash = key.hash(load(bytes, at));
            if may_have::<WORDS, TWICE>(bitmap, hash) != 0 {
                hits.push((at, hash));
            }
            at += S;
        }
        at
    }
}

/// 1 if a window with this hash may have been added, else 0.
#[inline(always)]
fn may_have<const WORDS: usize, const TWICE: bool>(bitmap: &[u64; WORDS], hash: u64) -> u64 {
    let size = WORDS.ilog2();
    let word = bitmap[(hash >> (64 - size)) as usize];
    let first = word >> (hash >> (58 - size) & 63);
    let second = if TWICE { word >> (hash >> (52 - size) & 63) } else { 1 };
    first & second & 1
}

/// The word of a hash in a bitmap of this size, and its bits there.
fn place(hash: u64, size: u32, twice: bool) -> (usize, u64) {
    let second = if twice { 1 << (hash >> (52 - size) & 63) } else { 0 };
    ((hash >> (64 - size)) as usize, 1 << (hash >> (58 - size) & 63) | second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each window is found at its place whatever the size of the bitmap, and few others are.
    #[test]
    fn windows_are_found_in_every_size() {
        let key = Key::random();
        let text: Vec<u8> = (0..20_000u64).map(|i| (stir(stir(i + 1)) >> 40) as u8).collect();
        for (most, ..) in SIZES {
            let count = most.min(2_000_000);
            let mut windows = Windows::for_count(count);
            let added: Vec<usize> = (0..2_000).step_by(35).collect();
            for at in &added {
                windows.extend(&key.for_length(6), &text[*at..at + 6], 6, 1, at % 7);
            }
            let mut hits = Vec::new();
            let end = windows.scan::<6, 7>(&key, &text, 0..text.len() - SLACK, &mut hits);
            assert!(end + 6 > text.len() - SLACK && (end - 7) + 6 <= text.len() - SLACK);
            for at in &added {
                let hit = hits.iter().find(|(hit, _)| hit == at);
                assert!(
                    hit.is_some_and(|(_, hash)| windows
                        .offsets(*hash)
                        .is_none_or(|offsets| offsets >> (at % 7) & 1 == 1)),
                    "{count}: {at}"
                );
            }
            assert!(hits.len() < added.len() + 100, "{count}: {} hits", hits.len());
        }
    }
}
