//! The pieces that were chosen for all needles, in the order in which they were chosen, so that what is done with each of them
//! finds the next one in the cache.

use zeroize::Zeroizing;

use super::pieces::{Pieces, Seed, common};

/// A piece that so many seeds share tells too little: its seeds are dropped where the same encoding has a better one.
const SHARED: usize = 8;

/// A piece that was chosen, before it is known how many share it.
pub(super) struct Chosen {
    pub hash: u64,
    pub seed: Seed,
    /// Pieces of the same encoding: one of them must stay.
    pub group: u32,
}

/// The chosen pieces of one length.
pub(super) struct Tables {
    pub piece: usize,
    pub pieces: Vec<Chosen>,
    /// The text of each chosen piece, one after the other.
    pub texts: Zeroizing<Vec<u8>>,
}

impl Tables {
    /// No pieces of this length, with room for so many.
    pub fn new(piece: usize, expected: usize) -> Tables {
        let texts = Zeroizing::new(Vec::with_capacity(piece * expected));
        Tables { piece, pieces: Vec::with_capacity(expected), texts }
    }

    /// Adds a piece, unless the same one was added from `since` on.
    pub fn add(&mut self, text: &[u8], piece: Chosen, since: usize) {
        if !self.pieces[since..].iter().any(|p| p.hash == piece.hash && p.seed == piece.seed) {
            self.pieces.push(piece);
            self.texts.extend_from_slice(text);
        }
    }

    /// Drops pieces that many share, where the same encoding has another one.
    pub fn drop_common(&mut self, groups: usize) {
        let common = common(self.pieces.iter().map(|piece| piece.hash), SHARED);
        if common.is_empty() {
            return;
        }
        let is_common = |piece: &Chosen| common.binary_search(&piece.hash).is_ok();
        let mut rare = vec![false; groups];
        for piece in self.pieces.iter().filter(|piece| !is_common(piece)) {
            rare[piece.group as usize] = true;
        }
        let mut kept = 0;
        for index in 0..self.pieces.len() {
            let piece = &self.pieces[index];
            if !rare[piece.group as usize] || !is_common(piece) {
                self.pieces.swap(kept, index);
                self.texts.copy_within(index * self.piece..(index + 1) * self.piece, kept * self.piece);
                kept += 1;
            }
        }
        self.pieces.truncate(kept);
        self.texts.truncate(kept * self.piece);
    }

    /// The table to look them up.
    pub fn table(&self) -> Pieces {
        Pieces::new(self.piece, self.pieces.iter().map(|piece| (piece.hash, piece.seed)))
    }
}
