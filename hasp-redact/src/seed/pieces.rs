//! The second stage: which needles, in which form and at which unit, have this piece of text.

use crate::form::Form;

/// Where a piece comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seed {
    /// The needle.
    pub needle: u32,
    /// The unit of the form with which the piece begins.
    pub index: u32,
    /// The form.
    pub form: Form,
}

/// All pieces by their hash, in buckets of about one.
#[derive(Default)]
pub(crate) struct Pieces {
    /// Where each bucket begins in the two lists, and one entry for their end.
    buckets: Vec<u32>,
    hashes: Vec<u32>,
    seeds: Vec<Seed>,
    shift: u32,
}

impl Pieces {
    /// The table of these pieces; the same seed twice counts once.
    pub fn new(mut pieces: Vec<(u64, Seed)>) -> Pieces {
        pieces.sort_unstable();
        pieces.dedup();
        let bits = pieces.len().next_power_of_two().ilog2().max(1);
        let shift = 64 - bits;
        let mut buckets = vec![0; (1 << bits) + 1];
        for (hash, _) in &pieces {
            buckets[(hash >> shift) as usize + 1] += 1;
        }
        for i in 1..buckets.len() {
            buckets[i] += buckets[i - 1];
        }
        let hashes = pieces.iter().map(|(hash, _)| *hash as u32).collect();
        let seeds = pieces.into_iter().map(|(_, seed)| seed).collect();
        Pieces { buckets, hashes, seeds, shift }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seeds.len()
    }

    /// The seeds of a piece.
    pub fn find(&self, hash: u64) -> impl Iterator<Item = &Seed> {
        let bucket = (hash >> self.shift) as usize;
        let range = self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize;
        let hashes = self.hashes[range.clone()].iter();
        hashes.zip(&self.seeds[range]).filter(move |(h, _)| **h == hash as u32).map(|(_, seed)| seed)
    }
}
