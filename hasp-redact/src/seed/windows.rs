//! The first stage: is there anything at this position that could belong to a seed? One bit per hash, small enough to stay
//! in the cache, then a table that says at which places of a piece the window occurs.

use super::key::stir;

/// The bitmap is at least 4 KiB and at most 16 MiB.
const MIN_BITS: u32 = 15;
const MAX_BITS: u32 = 27;

/// The bits of the bitmap for each window that is expected: a larger bitmap would pass less and miss the cache more.
const BITS_A_WINDOW: usize = 24;

/// How many windows are added at once.
const BATCH: usize = 1 << 18;

/// Beyond this many windows the table of offsets would cost more in cache misses than it saves in hashes.
const MAX_SLOTS: usize = 1 << 17;

/// Which windows occur in pieces, and where in them.
pub(crate) struct Windows {
    bitmap: Vec<u64>,
    shift: u32,
    /// 16 bits of the hash, and a bit for each offset at which the window occurs in a piece; 0 is free. Empty if there are
    /// too many windows: then any offset is possible.
    slots: Vec<u32>,
    slot_shift: u32,
}

impl Windows {
    /// Tables for at most `count` different windows.
    pub fn for_count(count: usize) -> Windows {
        let bits = (count * BITS_A_WINDOW).next_power_of_two().ilog2().clamp(MIN_BITS, MAX_BITS);
        let slot_bits = (count * 3 / 2).next_power_of_two().ilog2().max(4);
        let slots = if count > MAX_SLOTS { 0 } else { 1 << slot_bits };
        Windows {
            bitmap: vec![0; 1 << (bits - 6)],
            shift: 64 - bits,
            slots: vec![0; slots],
            slot_shift: 64 - slot_bits,
        }
    }

    /// Adds windows by their hashes, each with the distance from the beginning of a piece at which it occurs.
    pub fn extend(&mut self, windows: impl Iterator<Item = (u64, usize)>) {
        let mut batch = Vec::with_capacity(BATCH.min(windows.size_hint().0));
        for (hash, offset) in windows {
            if !self.slots.is_empty() {
                self.add_offset(hash, offset);
            }
            batch.push((hash >> self.shift) as u32);
            if batch.len() == BATCH {
                self.set_bits(&batch);
                batch.clear();
            }
        }
        self.set_bits(&batch);
    }

    /// Sets bits region by region of the bitmap: in the order of the values each bit would be a cache miss.
    fn set_bits(&mut self, bits: &[u32]) {
        let region = |bit: u32| (u64::from(bit) << self.shift >> 56) as usize;
        let mut ends = [0; 257];
        bits.iter().for_each(|bit| ends[region(*bit) + 1] += 1);
        for i in 1..ends.len() {
            ends[i] += ends[i - 1];
        }
        let mut sorted = vec![0; bits.len()];
        for bit in bits {
            let place = &mut ends[region(*bit)];
            sorted[*place] = *bit;
            *place += 1;
        }
        for bit in sorted {
            self.bitmap[(bit >> 6) as usize] |= 1 << (bit & 63);
        }
    }

    fn add_offset(&mut self, hash: u64, offset: usize) {
        let stirred = stir(hash);
        let slot = self.find(stirred);
        self.slots[slot] = self.slots[slot] | tag(stirred) | 1 << offset;
    }

    /// Whether a window with this hash may have been added.
    #[inline(always)]
    pub fn may_have(&self, hash: u64) -> bool {
        let bit = hash >> self.shift;
        self.bitmap[(bit >> 6) as usize] >> (bit & 63) & 1 != 0
    }

    /// A bit for each offset in a piece at which the window occurs.
    #[inline]
    pub fn offsets(&self, hash: u64) -> u32 {
        if self.slots.is_empty() { 0xffff } else { self.slots[self.find(stir(hash))] & 0xffff }
    }

    /// The slot of this hash, or the free one where it would go.
    fn find(&self, stirred: u64) -> usize {
        let mut slot = (stirred >> self.slot_shift) as usize;
        while self.slots[slot] != 0 && self.slots[slot] & 0xffff_0000 != tag(stirred) {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }
}

fn tag(stirred: u64) -> u32 {
    (stirred as u32) << 8 & 0xffff_0000
}
