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
    /// The length of each, in bytes.
    pub length: usize,
    /// Where each bucket begins in the two lists, and one entry for their end.
    buckets: Vec<u32>,
    hashes: Vec<u32>,
    seeds: Vec<Seed>,
    shift: u32,
    /// 32 to 64 bits for each piece, of which one is set: most of what is not a piece ends here.
    filter: Vec<u64>,
}

impl Pieces {
    /// The table of these pieces, which are in the order of their hashes.
    pub fn new(length: usize, pieces: impl ExactSizeIterator<Item = (u64, Seed)>) -> Pieces {
        let bits = pieces.len().next_power_of_two().ilog2().max(1);
        let mut table =
            Pieces { length, shift: 64 - bits, filter: vec![0; 1 << (bits - 1).max(1)], ..Pieces::default() };
        table.buckets = vec![0; (1 << bits) + 1];
        for (hash, seed) in pieces {
            table.buckets[(hash >> table.shift) as usize + 1] += 1;
            let (word, bit) = table.place(hash);
            table.filter[word] |= bit;
            table.hashes.push(hash as u32);
            table.seeds.push(seed);
        }
        for i in 1..table.buckets.len() {
            table.buckets[i] += table.buckets[i - 1];
        }
        table
    }

    /// Where the filter's bit for a hash is.
    fn place(&self, hash: u64) -> (usize, u64) {
        let word = (hash >> 8) as usize & (self.filter.len() - 1);
        (word, 1 << (hash & 63))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seeds.len()
    }

    /// The seeds of a piece.
    pub fn find(&self, hash: u64) -> impl Iterator<Item = &Seed> {
        let (word, bit) = self.place(hash);
        let bucket = (hash >> self.shift) as usize;
        let range = match self.filter[word] & bit {
            0 => 0..0,
            _ => self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize,
        };
        let hashes = self.hashes[range.clone()].iter();
        hashes.zip(&self.seeds[range]).filter(move |(h, _)| **h == hash as u32).map(|(_, seed)| seed)
    }
}
