//! The second stage: which needles, in which form and at which unit, have this piece of text.

use std::ops::Range;

use crate::filter::form::Form;

/// Where a piece comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Seed {
    /// The needle.
    pub needle: u32,
    /// The unit of the form with which the piece begins.
    pub index: u32,
    /// The form.
    pub form: Form,
}

/// Among so many that were placed before it is looked whether a seed is there.
const NEAR: usize = 4;

/// Where the pieces with the same high bits of the hash begin in a list, about two each, and one
/// entry for the end of the list.
#[derive(Default)]
pub(super) struct Buckets {
    starts: Vec<u32>,
    shift: u32,
}

impl Buckets {
    /// The buckets of these hashes, each of them filled from its end on as [`Buckets::place`] is
    /// called for all hashes again.
    pub fn of(count: usize, hashes: impl Iterator<Item = u64>) -> Buckets {
        let bits = (count / 2).next_power_of_two().ilog2().max(1);
        let mut buckets = Buckets { starts: vec![0; (1 << bits) + 1], shift: 64 - bits };
        hashes.for_each(|hash| buckets.starts[(hash >> buckets.shift) as usize] += 1);
        let mut sum = 0;
        for start in &mut buckets.starts {
            sum += *start;
            *start = sum;
        }
        buckets
    }

    /// The place in the list for the next piece with this hash.
    fn place(&mut self, hash: u64) -> usize {
        let start = &mut self.starts[(hash >> self.shift) as usize];
        *start -= 1;
        *start as usize
    }

    /// Where the pieces are that have been placed of those with these high bits: from the last one
    /// on, of which there are few.
    fn begun(&self, hash: u64) -> Range<usize> {
        let start = self.starts[(hash >> self.shift) as usize] as usize;
        start..(start + NEAR).min(self.count())
    }

    fn count(&self) -> usize {
        self.starts.last().map_or(0, |end| *end as usize)
    }

    #[inline]
    fn range(&self, hash: u64) -> Range<usize> {
        let bucket = (hash >> self.shift) as usize;
        self.starts[bucket] as usize..self.starts[bucket + 1] as usize
    }
}

/// The hashes that occur more than `most` times, in order.
pub(super) fn common(hashes: impl ExactSizeIterator<Item = u64> + Clone, most: usize) -> Vec<u64> {
    let bits = hashes.len().next_power_of_two().ilog2().max(1);
    let mut counts = vec![0u8; 1 << bits];
    let bucket = |hash: u64| (hash >> (64 - bits)) as usize;
    for hash in hashes.clone() {
        let count = &mut counts[bucket(hash)];
        *count = count.saturating_add(1);
    }
    let mut crowded: Vec<u64> =
        hashes.filter(|hash| usize::from(counts[bucket(*hash)]) > most).collect();
    crowded.sort_unstable();
    crowded.chunk_by(u64::eq).filter(|same| same.len() > most).map(|same| same[0]).collect()
}

/// All pieces by their hash.
#[derive(Default)]
pub(crate) struct Pieces {
    /// The length of each, in bytes.
    pub length: usize,
    buckets: Buckets,
    /// Part of the hash of each piece, and its seed, bucket by bucket.
    seeds: Vec<(u32, Seed)>,
    /// 32 to 64 bits for each piece, of which one is set: most of what is not a piece ends here.
    filter: Vec<u64>,
}

impl Pieces {
    /// The table of these pieces.
    pub fn new(
        length: usize,
        pieces: impl ExactSizeIterator<Item = (u64, Seed)> + Clone,
    ) -> Pieces {
        let buckets = Buckets::of(pieces.len(), pieces.clone().map(|(hash, _)| hash));
        let words = (buckets.starts.len() - 1).max(2);
        let mut table = Pieces { length, buckets, seeds: Vec::new(), filter: vec![0; words] };
        let Some((_, any)) = pieces.clone().next() else { return table };
        table.seeds = vec![(0, any); pieces.len()];
        for (hash, seed) in pieces {
            let (word, bit) = table.place(hash);
            table.filter[word] |= bit;
            // Several ways to write a value may agree in a piece. The place that stays free has
            // part of a hash that few pieces have, and its seed would be verified as any other.
            if !table.among(table.buckets.begun(hash), hash).any(|other| *other == seed) {
                let place = table.buckets.place(hash);
                table.seeds[place] = (hash as u32, seed);
            }
        }
        table
    }

    /// Where the filter's bit for a hash is.
    #[inline]
    fn place(&self, hash: u64) -> (usize, u64) {
        let word = (hash >> 8) as usize & (self.filter.len() - 1);
        (word, 1 << (hash & 63))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seeds.len()
    }

    /// The seeds of a piece.
    #[inline]
    pub fn find(&self, hash: u64) -> impl Iterator<Item = &Seed> {
        let (word, bit) = self.place(hash);
        let range = if self.filter[word] & bit == 0 { 0..0 } else { self.buckets.range(hash) };
        self.among(range, hash)
    }

    /// Where the seeds of a piece are, among others.
    #[inline]
    pub fn range(&self, hash: u64) -> Range<usize> {
        self.buckets.range(hash)
    }

    /// The seeds of a piece among these.
    #[inline]
    pub fn among(&self, range: Range<usize>, hash: u64) -> impl Iterator<Item = &Seed> {
        self.seeds[range].iter().filter(move |(part, _)| *part == hash as u32).map(|(_, seed)| seed)
    }
}
