//! Choosing the pieces: for each form and each way to spell it, so many that wherever a line wrap or a colour code falls, one
//! piece stays unbroken, and so few that thousands of values fit in the cache.

use zeroize::Zeroizing;

use super::key::{Key, load};
use super::pieces::{Pieces, Seed};
use super::windows::Windows;
use super::{PIECE, SECOND_TABLE, SLACK, Seeds, Tier};
use crate::form::{Case, Form, Machine};
use crate::pattern::needle::{Needle, Needles, Origin};
use crate::pattern::spell;

/// Up to this many bytes of values, pieces lie close together, which finds values that are broken into small parts.
const DENSEST_BYTES: usize = 2 * 1024;
const DENSE_BYTES: usize = 64 * 1024;

/// The distance of pieces in encodings that are rarely broken by anything but the lines of a file.
const FAR: usize = 36;

/// The same when there are many values: of two such pieces, lines of 76 characters break one at most.
const FARTHEST: usize = 52;

/// How far a piece may be moved to where base64 can be written in one way only.
const SHIFT: usize = 6;

/// The distance of pieces when there are many values, in characters.
const SPARSE: usize = 20;

/// More pieces than a needle has on average: memory that is not used costs nothing, memory that moves does.
const PIECES: usize = 24;

/// Up to this many pieces, short and long ones are found in one pass, with the stride of the short ones.
const TOGETHER: usize = 16 * 1024;

/// Below these numbers of pieces, windows are 4 and 5 bytes long: the fewer there are, the less a short one passes.
const FEW: usize = 3_000;
const MANY: usize = 60_000;

/// A piece that so many seeds share tells too little: its seeds are dropped where the same encoding has a better one.
const SHARED: usize = 8;

/// The tables for all needles; nothing if there are none.
pub(crate) fn build(needles: &Needles) -> Option<Seeds> {
    let shortest = needles.iter().map(|n| n.len).min()?;
    let bytes: usize = needles.iter().map(|n| n.len).sum();
    let key = Key::random();
    let spacing = match bytes {
        0..DENSEST_BYTES => 3,
        DENSEST_BYTES..DENSE_BYTES => 6,
        _ => SPARSE,
    };
    let mut builder = Builder {
        key: key.clone(),
        spacing,
        far: if spacing < SPARSE { FAR } else { FARTHEST },
        group: 0,
        long: Tables::new(PIECE, PIECES * needles.iter().count()),
        short: Tables::new(shortest.min(PIECE), 0),
    };
    for (index, needle) in needles.iter().enumerate() {
        builder.needle(index as u32, needle, needles.bytes(needle));
    }
    let groups = builder.group as usize + 1;
    let tables = [builder.long, builder.short].into_iter().filter(|t| !t.pieces.is_empty());
    let ordered: Vec<_> = tables.map(|mut tables| (tables.order(groups), tables)).collect();
    let count: usize = ordered.iter().map(|(order, _)| order.len()).sum();
    let tiers = ordered.chunks(if count <= TOGETHER { 2 } else { 1 }).map(|part| tier(&key, part)).collect();
    Some(Seeds { key, tiers })
}

/// One tier for these pieces.
fn tier(key: &Key, part: &[(Vec<u64>, Tables)]) -> Tier {
    let shortest = part.iter().map(|(_, tables)| tables.piece).min().unwrap_or(PIECE);
    let count = part.iter().map(|(order, _)| order.len()).sum();
    let window = window(shortest, count);
    let stride = shortest - window + 1;
    let hashes = key.for_length(window);
    let mut windows = Windows::for_count(count * stride);
    for ((order, tables), first) in part.iter().zip([0, SECOND_TABLE]) {
        let starts = order.iter().map(|word| index(*word) * tables.piece);
        let places = starts.flat_map(|start| (0..stride).map(move |offset| (start + offset, first + offset)));
        windows.extend(places.map(|(at, offset)| (hashes.hash(load(&tables.texts, at)), offset)));
    }
    Tier { window, stride, windows, tables: part.iter().map(|(order, tables)| tables.table(order)).collect() }
}

/// The window length for pieces of this length, of which there are so many: short windows leave a longer stride, long ones pass
/// less.
fn window(piece: usize, count: usize) -> usize {
    match (piece, count) {
        (..PIECE, _) | (_, ..FEW) => 4,
        (_, ..MANY) => 5,
        _ => 6,
    }
}

/// A piece that was chosen, before it is known how many share it.
struct Chosen {
    hash: u64,
    seed: Seed,
    /// Pieces of the same encoding: one of them must stay.
    group: u32,
}

struct Builder {
    key: Key,
    spacing: usize,
    far: usize,
    group: u32,
    long: Tables,
    /// For encodings that are shorter than [`PIECE`].
    short: Tables,
}

/// The chosen pieces of one length.
struct Tables {
    piece: usize,
    pieces: Vec<Chosen>,
    /// The text of each chosen piece, one after the other.
    texts: Zeroizing<Vec<u8>>,
}

impl Builder {
    fn needle(&mut self, index: u32, needle: &Needle, value: &[u8]) {
        for form in needle.forms() {
            let machine = Machine { value, form, lone: false };
            match form {
                Form::Plain(Case::Exact) => self.plain(index, value),
                Form::Plain(_) => {}
                Form::Hex => self.hex(index, value),
                Form::Base64(_) => {
                    let spacing = if needle.origin == Origin::Encoded { self.far } else { self.spacing };
                    self.radix(index, machine, spacing);
                }
                Form::Base32(_) => self.radix(index, machine, self.far),
                Form::Literal => self.literal(index, value, form, FAR),
            }
        }
    }

    /// The value as it is, then as encoders would write it.
    fn plain(&mut self, needle: u32, value: &[u8]) {
        let form = Form::Plain(Case::Exact);
        self.literal(needle, value, form, self.spacing);
        let (start, length) = plainest(value);
        let piece = self.length(value.len());
        if length >= piece {
            self.text(&value[start..start + piece], Seed { needle, index: start as u32, form });
        } else {
            for spelling in spell::MINIMAL {
                self.spelled(needle, value, form, spelling, start);
            }
            if value.contains(&b'\n') {
                spell::LINES.into_iter().for_each(|s| self.spelled(needle, value, form, s, start));
            }
        }
        for (spelling, form) in spell::FULL {
            self.group += 1;
            self.spelled_from(needle, value, form, spelling, 0);
        }
        // A dump breaks its line somewhere; two pieces cannot both be broken.
        for spelling in spell::DUMPED {
            self.spelled_from(needle, value, Form::Hex, spelling, PIECE.div_ceil(3));
        }
    }

    /// The length of the pieces of an encoding of this length.
    fn length(&self, text: usize) -> usize {
        if text >= PIECE { PIECE } else { self.short.piece }
    }

    fn literal(&mut self, needle: u32, value: &[u8], form: Form, spacing: usize) {
        self.group += 1;
        let piece = self.length(value.len());
        let last = value.len() - piece;
        for start in evenly(0, last, spacing) {
            self.text(&value[start..start + piece], Seed { needle, index: start as u32, form });
        }
    }

    /// One piece in this spelling, as near to `start` as the value's length allows.
    fn spelled(&mut self, needle: u32, value: &[u8], form: Form, spelling: spell::Spelling, start: usize) {
        self.group += 1;
        let longs = (0..=start).rev().any(|start| self.spelled_from(needle, value, form, spelling, start));
        if !longs {
            // Even from its beginning the value's text is short.
            let mut text = Text::new();
            let mut index = 0;
            while text.0.len() < self.short.piece && index < value.len() {
                index += spelling(value, index, &mut text.0);
            }
            self.text(&text.0[..self.short.piece], Seed { needle, index: 0, form });
        }
    }

    /// A long piece in this spelling, beginning with the unit at `start`.
    fn spelled_from(&mut self, needle: u32, value: &[u8], form: Form, spelling: spell::Spelling, start: usize) -> bool {
        let mut text = Text::new();
        let mut index = start;
        while text.0.len() < PIECE && index < value.len() {
            index += spelling(value, index, &mut text.0);
        }
        let whole = text.0.len() >= PIECE;
        if whole {
            self.text(&text.0[..PIECE], Seed { needle, index: start as u32, form });
        }
        whole
    }

    fn hex(&mut self, needle: u32, value: &[u8]) {
        self.group += 1;
        let last = value.len() - PIECE / 2;
        for pair in evenly(0, last, FAR / 2) {
            self.spelled_from(needle, value, Form::Hex, spell::DIGITS, pair);
        }
    }

    fn radix(&mut self, needle: u32, machine: Machine<'_>, spacing: usize) {
        let (value, form) = (machine.value, machine.form);
        self.group += 1;
        let goal = machine.goal();
        let piece = self.length(goal - 1);
        let last = goal - piece;
        let own = match form {
            Form::Base32(align) => spell::encoded_32(value, usize::from(align)),
            Form::Base64(align) => spell::encoded(value, usize::from(align)),
            _ => return,
        };
        let mut text = Text::new();
        for index in evenly(1, last, spacing) {
            let index = if spacing < SPARSE { index } else { without_symbols(&own, index, piece) };
            let seed = Seed { needle, index: index as u32, form };
            let plain = &own[index - 1..index - 1 + piece];
            self.text(plain, seed);
            if plain.iter().any(is_symbol) {
                for spelling in &spell::SYMBOLS[1..] {
                    text.0.clear();
                    (index..index + piece).for_each(|i| spell::radix(form, value, i, *spelling, &mut text.0));
                    self.text(&text.0[..piece], seed);
                }
            }
        }
    }

    fn text(&mut self, text: &[u8], seed: Seed) {
        let hash = self.key.piece(text);
        let tables = if text.len() == PIECE { &mut self.long } else { &mut self.short };
        let twice = tables.pieces.last().is_some_and(|p| p.hash == hash && p.seed == seed);
        if !twice {
            tables.pieces.push(Chosen { hash, seed, group: self.group });
            tables.texts.extend_from_slice(text);
        }
    }
}

/// The text of one piece, with room for the longest unit, so that it never moves and leaves a copy.
struct Text(Zeroizing<Vec<u8>>);

impl Text {
    fn new() -> Text {
        Text(Zeroizing::new(Vec::with_capacity(7 * PIECE)))
    }
}

impl Tables {
    fn new(piece: usize, expected: usize) -> Tables {
        let texts = Zeroizing::new(Vec::with_capacity(piece * expected + SLACK));
        Tables { piece, pieces: Vec::with_capacity(expected), texts }
    }

    /// The order of the pieces by their hashes, without those that are dropped.
    fn order(&mut self, groups: usize) -> Vec<u64> {
        self.texts.extend_from_slice(&[0; SLACK]);
        // The high half of the hash and the index in one word: half of the memory, and quicker to sort.
        let word = |(piece, index): (&Chosen, u64)| piece.hash >> 32 << 32 | index;
        let mut order: Vec<u64> = self.pieces.iter().zip(0..).map(word).collect();
        order.sort_unstable();
        self.drop_common(&mut order, groups);
        order
    }

    fn table(&self, order: &[u64]) -> Pieces {
        let pieces = order.iter().map(|word| (self.pieces[index(*word)].hash, self.pieces[index(*word)].seed));
        Pieces::new(self.piece, pieces)
    }

    /// Drops pieces that many share, where the same encoding has another one.
    fn drop_common(&self, order: &mut Vec<u64>, groups: usize) {
        let mut common = vec![false; self.pieces.len()];
        for same in order.chunk_by(|a, b| a >> 32 == b >> 32).filter(|same| same.len() > SHARED) {
            same.iter().for_each(|word| common[index(*word)] = true);
        }
        let mut rare = vec![false; groups];
        for (piece, common) in self.pieces.iter().zip(&common) {
            rare[piece.group as usize] |= !common;
        }
        order.retain(|word| {
            let index = index(*word);
            !common[index] || !rare[self.pieces[index].group as usize]
        });
    }
}

/// Whether a character of base64 is written in several ways.
fn is_symbol(byte: &u8) -> bool {
    matches!(byte, b'+' | b'/')
}

/// The nearest index, at most [`SHIFT`] away, whose piece can be written in one way only: else it takes six pieces. The text has
/// the character of index 1 first.
fn without_symbols(own: &[u8], index: usize, piece: usize) -> usize {
    let last = own.len() + 1 - piece;
    let near = (0..=SHIFT).flat_map(|by| [index.saturating_sub(by).max(1), (index + by).min(last)]);
    near.into_iter().find(|at| !own[at - 1..at - 1 + piece].iter().any(is_symbol)).unwrap_or(index)
}

/// Positions from `first` to `last`, both included, at most `spacing` apart.
fn evenly(first: usize, last: usize, spacing: usize) -> impl Iterator<Item = usize> {
    let parts = (last - first).div_ceil(spacing);
    (0..=parts).map(move |part| first + (last - first) * part / parts.max(1))
}

/// The index in a word of the order.
fn index(word: u64) -> usize {
    (word & 0xffff_ffff) as usize
}

/// The longest run of characters that no encoder changes unless it changes all: where it begins and its length.
fn plainest(value: &[u8]) -> (usize, usize) {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-._".contains(b);
    let mut best = (0, 0);
    let mut start = 0;
    for end in 0..=value.len() {
        if end == value.len() || !plain(&value[end]) {
            if end - start > best.1 {
                best = (start, end - start);
            }
            start = end + 1;
        }
    }
    best
}
