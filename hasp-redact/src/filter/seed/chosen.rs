//! The pieces that were chosen for all needles, in the order in which they were chosen, so that
//! what is done with each of them finds the next one in the cache.

use std::collections::HashSet;

use zeroize::Zeroizing;

use super::pieces::{Pieces, Seed, common};

/// From this many seeds on, a piece that they share tells too little: its seeds are dropped where
/// the same encoding has a better one.
const SHARED: usize = 8;

/// The most pieces that are compared one by one.
const FEW: usize = 64;

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
    /// The pieces from `recent_from` on, where these are many.
    recent: HashSet<(u64, Seed)>,
    recent_from: usize,
}

impl Tables {
    /// No pieces of this length, with room for `expected`.
    pub fn new(piece: usize, expected: usize) -> Tables {
        let texts = Zeroizing::new(Vec::with_capacity(piece * expected));
        let (recent, recent_from) = (HashSet::new(), 0);
        Tables { piece, pieces: Vec::with_capacity(expected), texts, recent, recent_from }
    }

    /// Adds a piece, unless the same one was added from `since` on.
    pub fn add(&mut self, text: &[u8], piece: Chosen, since: usize) {
        if self.recent_from != since {
            self.recent.clear();
            self.recent_from = since;
        }
        let new = match self.pieces.len() - since {
            // A few are compared sooner than they are hashed.
            ..FEW => {
                !self.pieces[since..].iter().any(|p| p.hash == piece.hash && p.seed == piece.seed)
            }
            _ => {
                if self.recent.is_empty() {
                    self.recent.extend(self.pieces[since..].iter().map(|p| (p.hash, p.seed)));
                }
                self.recent.insert((piece.hash, piece.seed))
            }
        };
        if new {
            self.pieces.push(piece);
            self.texts.extend_from_slice(text);
        }
    }

    /// Drops pieces that many share, or that are one character over and over, where the same
    /// encoding has another one.
    pub fn drop_common(&mut self, groups: usize) {
        let common = common(self.pieces.iter().map(|piece| piece.hash), SHARED);
        let text = self.texts.chunks_exact(self.piece);
        let dull: Vec<bool> = text.map(|text| text.iter().all(|byte| *byte == text[0])).collect();
        if common.is_empty() && !dull.contains(&true) {
            return;
        }
        let tells =
            |index: usize| !dull[index] && common.binary_search(&self.pieces[index].hash).is_err();
        let tells: Vec<bool> = (0..self.pieces.len()).map(tells).collect();
        let mut rare = vec![false; groups];
        for (piece, _) in self.pieces.iter().zip(&tells).filter(|(_, tells)| **tells) {
            rare[piece.group as usize] = true;
        }
        let mut kept = 0;
        for (index, tells) in tells.into_iter().enumerate() {
            if tells || !rare[self.pieces[index].group as usize] {
                self.pieces.swap(kept, index);
                self.texts
                    .copy_within(index * self.piece..(index + 1) * self.piece, kept * self.piece);
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
