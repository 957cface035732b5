//! The fingerprints in memory: a map of bits that rules out nearly every place of a text, then the
//! windows that may be there.

use super::bytes::words::Stretch;
use crate::scan::watch::fingerprint::Kept;
use crate::scan::watch::key::{Folded, Key, WINDOW, fold};
use crate::scan::watch::mark::{Alphabet, MOST, Mark};

/// One version of a secret that is looked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Secret {
    /// Its name.
    pub name: String,
    /// Which version.
    pub version: u32,
}

/// A window that may stand at a place: which mark, and which of its windows.
#[derive(Clone, Copy)]
struct Entry {
    hash: u64,
    mark: u32,
    index: u32,
    /// The next entry of the same slot, or [`NONE`].
    next: u32,
}

const NONE: u32 = u32::MAX;

/// All that is looked for.
pub(crate) struct Table {
    key: Key,
    secrets: Vec<Secret>,
    marks: Vec<(u32, Mark)>,
    entries: Vec<Entry>,
    slots: Vec<u32>,
    bits: Vec<u64>,
    shift: u32,
    /// How far apart plain text is probed, other printable text, and any bytes; `None` if there is
    /// nothing of the alphabet.
    pub plain: Option<usize>,
    pub printable: Option<usize>,
    pub any: Option<usize>,
    /// The longest mark, in bytes.
    pub longest: usize,
}

impl Table {
    /// Everything that is kept, ready to be looked for.
    pub fn new(key: Key, kept: Vec<Kept>) -> Table {
        let (mut secrets, mut marks) = (Vec::new(), Vec::new());
        for k in kept {
            let index = secrets.len() as u32;
            secrets.push(Secret { name: k.name, version: k.version });
            marks.extend(k.marks.into_iter().flatten().map(|m| (index, m)));
        }
        let windows: usize = marks.iter().map(|(_, m)| m.windows.len()).sum();
        let size = (2 * windows).next_power_of_two().max(64);
        let mut table = Table {
            key,
            secrets,
            entries: Vec::with_capacity(windows),
            slots: vec![NONE; size],
            bits: vec![0; size * 8 / 64],
            shift: 64 - (size * 8).trailing_zeros(),
            plain: stride(&marks, Alphabet::Plain),
            printable: stride(&marks, Alphabet::Printable),
            any: stride(&marks, Alphabet::Any),
            longest: marks.iter().map(|(_, m)| m.len as usize).max().unwrap_or(0),
            marks,
        };
        table.fill();
        table
    }

    fn fill(&mut self) {
        for (number, (_, mark)) in self.marks.iter().enumerate() {
            for (index, hash) in mark.windows.iter().enumerate() {
                let bit = (hash >> self.shift) as usize;
                self.bits[bit / 64] |= 1 << (bit % 64);
                let slot = *hash as usize & (self.slots.len() - 1);
                let next = std::mem::replace(&mut self.slots[slot], self.entries.len() as u32);
                self.entries.push(Entry {
                    hash: *hash,
                    mark: number as u32,
                    index: index as u32,
                    next,
                });
            }
        }
    }

    /// Whether a window of this hash may be kept.
    #[inline(always)]
    fn may_have(&self, hash: u64) -> bool {
        let bit = (hash >> self.shift) as usize;
        self.bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// The marks that have a window of this hash, and how far behind the mark's beginning it is.
    pub fn find(&self, hash: u64) -> impl Iterator<Item = (u32, usize)> {
        let entry = |n: u32| self.entries.get(n as usize).copied();
        let first = self.slots[hash as usize & (self.slots.len() - 1)];
        let entries = std::iter::successors(entry(first), move |e| entry(e.next));
        entries
            .filter(move |e| e.hash == hash)
            .map(|e| (e.mark, self.marks[e.mark as usize].1.offset as usize + e.index as usize))
    }

    /// A mark.
    pub fn mark(&self, number: u32) -> &Mark {
        &self.marks[number as usize].1
    }

    /// The secret that a mark is of.
    pub fn secret(&self, number: u32) -> &Secret {
        &self.secrets[self.marks[number as usize].0 as usize]
    }

    /// Whether nothing is looked for.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// Whether this text is what the mark was made of, in its own letters or all in one case.
    pub fn confirms(&self, mark: u32, text: &[u8]) -> bool {
        let mark = self.mark(mark);
        if self.key.confirm(text) == mark.exact {
            return true;
        }
        let Some(folded) = mark.folded else { return false };
        let one_case =
            !text.iter().any(u8::is_ascii_uppercase) || !text.iter().any(u8::is_ascii_lowercase);
        one_case && self.key.confirm(&text.to_ascii_lowercase()) == folded
    }
}

/// How far apart probes may be so that one falls on a window of each mark.
fn stride(marks: &[(u32, Mark)], alphabet: Alphabet) -> Option<usize> {
    marks
        .iter()
        .filter(|(_, m)| m.alphabet == alphabet)
        .map(|(_, m)| m.windows.len().clamp(1, MOST))
        .min()
}

/// Places of a text that wait to be hashed together.
pub(crate) struct Batch {
    blocks: [Folded; Batch::SIZE],
    places: [u32; Batch::SIZE],
    count: usize,
}

impl Batch {
    const SIZE: usize = 32;

    /// An empty one.
    pub fn new() -> Batch {
        Batch { blocks: [Folded::default(); Batch::SIZE], places: [0; Batch::SIZE], count: 0 }
    }

    /// Adds places of a stretch where a whole window stands, so far apart, if it has room for so
    /// many windows as every mark has.
    #[inline(always)]
    pub fn probe(
        &mut self,
        table: &Table,
        text: &[u8],
        stretch: Stretch,
        stride: usize,
        hits: &mut Vec<(usize, u64)>,
    ) {
        let (start, end) = stretch;
        if end - start < WINDOW - 1 + stride {
            return;
        }
        let mut at = start;
        while at + WINDOW <= end {
            self.push(table, text, at, hits);
            at += stride;
        }
    }

    /// Adds the place, and hashes all if there is no room for more.
    #[inline(always)]
    fn push(&mut self, table: &Table, text: &[u8], at: usize, hits: &mut Vec<(usize, u64)>) {
        let Some(window) = text.get(at..).and_then(|rest| rest.first_chunk::<WINDOW>()) else {
            return;
        };
        self.blocks[self.count] = fold(window);
        self.places[self.count] = at as u32;
        self.count += 1;
        if self.count == Batch::SIZE {
            self.flush(table, hits);
        }
    }

    /// Hashes what waits, and adds the places where a window may be.
    pub fn flush(&mut self, table: &Table, hits: &mut Vec<(usize, u64)>) {
        if self.count == 0 {
            return;
        }
        let mut hashes = [0; Batch::SIZE];
        table.key.hash_all(&mut self.blocks[..self.count], &mut hashes[..self.count]);
        for (hash, place) in hashes.iter().zip(self.places).take(self.count) {
            if table.may_have(*hash) {
                hits.push((place as usize, *hash));
            }
        }
        self.count = 0;
    }
}
