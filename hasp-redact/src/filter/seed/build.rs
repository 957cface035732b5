//! Choosing the pieces: for each form and each way to spell it, so many that wherever a line wrap
//! or a colour code falls, one piece stays unbroken, and so few that thousands of values fit in the
//! cache.

use zeroize::Zeroizing;

use super::chosen::{Chosen, Tables};
use super::key::Key;
use super::pieces::Seed;
use super::tier::tier;
use super::{PIECE, Seeds};
use crate::filter::form::repetition::Repetition;
use crate::filter::form::{Case, Form, Machine};
use crate::filter::pattern::needle::{Needle, Needles, Origin};
use crate::filter::pattern::spell;

/// Up to this many bytes of values, pieces lie close together, which finds values that are broken
/// into small parts.
const DENSEST_BYTES: usize = 2 * 1024;
const DENSE_BYTES: usize = 64 * 1024;

/// The distance of pieces in encodings that are rarely broken by anything but the lines of a file.
const FAR: usize = 36;

/// The distance of the two pieces that there are when there are many values: lines of 42 and more
/// characters break one of them at most.
const APART: usize = 30;

/// How far a piece may be moved to where base64 can be written in one way only.
const SHIFT: usize = 6;

/// The distance of pieces when there are many values, in characters.
const SPARSE: usize = 20;

/// More pieces than a short needle has on average: memory that is not used costs nothing, memory
/// that moves leaves a copy.
const PIECES: usize = 24;

/// Up to this many pieces, short and long ones are found in one pass, with the stride of the short
/// ones.
const TOGETHER: usize = 16 * 1024;

/// From this length in bytes on a value has a piece at its beginning in each spelling: else its
/// first half would be read backwards from the middle and then forwards again.
const LONG: usize = 128;

/// How many pairs of a dump with one byte between them make a piece.
const PAIRS: usize = PIECE.div_ceil(3);

/// The tables for all needles; nothing if there are none.
pub(crate) fn build(needles: &Needles) -> Option<Seeds> {
    let shortest = needles.iter().map(|n| n.len).min()?;
    let usual = |n: &&Needle| matches!(n.origin, Origin::Value | Origin::Wide | Origin::Encoded);
    let bytes: usize = needles.iter().filter(usual).map(|n| n.len).sum();
    let key = Key::random();
    let spacing = match bytes {
        0..DENSEST_BYTES => 3,
        DENSEST_BYTES..DENSE_BYTES => 6,
        _ => SPARSE,
    };
    let all: usize = needles.iter().map(|n| n.len).sum();
    let room = PIECES * needles.iter().len() + 4 * all / spacing;
    let mut builder = Builder {
        key: key.clone(),
        spacing,
        few: needles.are_few(),
        far: if spacing < SPARSE { FAR } else { APART },
        group: 0,
        since: [0; 2],
        repetition: Repetition::default(),
        scratch: Zeroizing::new(Vec::with_capacity(7 * PIECE)),
        own: Zeroizing::new(Vec::new()),
        long: Tables::new(PIECE, room),
        short: Tables::new(shortest.min(PIECE), room),
    };
    for (index, needle) in needles.iter().enumerate() {
        builder.needle(index as u32, needle, needles.bytes(needle));
    }
    let groups = builder.group as usize + 1;
    let mut parts: Vec<Tables> =
        [builder.long, builder.short].into_iter().filter(|t| !t.pieces.is_empty()).collect();
    parts.iter_mut().for_each(|tables| tables.drop_common(groups));
    let count: usize = parts.iter().map(|tables| tables.pieces.len()).sum();
    let tiers =
        parts.chunks(if count <= TOGETHER { 2 } else { 1 }).map(|part| tier(&key, part)).collect();
    Some(Seeds { key, tiers })
}

struct Builder {
    key: Key,
    spacing: usize,
    few: bool,
    far: usize,
    group: u32,
    /// From where on in both tables a piece is not added twice.
    since: [usize; 2],
    /// How the needle repeats itself.
    repetition: Repetition,
    /// The text of the piece that is being made.
    scratch: Zeroizing<Vec<u8>>,
    /// The characters of an encoding.
    own: Zeroizing<Vec<u8>>,
    long: Tables,
    /// For encodings that are shorter than [`PIECE`].
    short: Tables,
}

impl Builder {
    fn needle(&mut self, index: u32, needle: &Needle, value: &[u8]) {
        self.repetition = needle.repetition;
        for form in needle.forms() {
            let machine = Machine { value, form, lone: false, repetition: needle.repetition };
            match form {
                Form::Plain(Case::Exact) => self.plain(index, value),
                Form::Plain(_) => {}
                Form::Hex if needle.origin == Origin::Swapped => self.words(index, value),
                Form::Hex => self.hex(index, value),
                Form::Base64(_) => {
                    let spacing =
                        if needle.origin == Origin::Value { self.spacing } else { self.far };
                    self.radix(index, machine, spacing);
                }
                Form::Base32(_) => self.radix(index, machine, self.far),
                Form::Literal => self.literal(index, value),
            }
        }
    }

    /// The value as it is, then as encoders would write it.
    fn plain(&mut self, needle: u32, value: &[u8]) {
        let form = Form::Plain(Case::Exact);
        let (start, length) = plainest(value);
        let piece = self.length(value.len());
        self.next_group();
        if length >= piece {
            // From its middle: many values begin as others do.
            let start = start + (length - piece) / 2;
            self.text(&value[start..start + piece], Seed { needle, index: start as u32, form });
        }
        self.group += 1;
        for start in evenly(0, value.len() - piece, self.spacing) {
            self.text(&value[start..start + piece], Seed { needle, index: start as u32, form });
        }
        if length < piece {
            self.next_group();
            for spelling in spell::MINIMAL {
                self.spelled(needle, value, form, spelling, start);
            }
            if value.contains(&b'\n') {
                spell::LINES.into_iter().for_each(|s| self.spelled(needle, value, form, s, start));
            }
        }
        let start = inner(value);
        for (spelling, form) in spell::FULL {
            self.next_group();
            self.spelled_from(needle, value, form, spelling, start);
            if value.len() >= LONG {
                self.spelled_from(needle, value, form, spelling, 0);
            }
        }
        // A dump breaks its line somewhere; two pieces cannot both be broken.
        let second = (start + PAIRS).min(value.len() - 3);
        for spelling in spell::DUMPED {
            self.spelled_from(needle, value, Form::Hex, spelling, second);
        }
        if self.few {
            self.short_lines(needle, value, second);
        }
    }

    /// Pieces for dumps that are rarely seen.
    fn short_lines(&mut self, needle: u32, value: &[u8], second: usize) {
        for spelling in spell::BROKEN {
            self.spelled_from(needle, value, Form::Hex, spelling, second);
        }
        let first = value.len().saturating_sub(2 * spell::SHORT_LINE) / 2;
        for start in first..first + spell::SHORT_LINE {
            if start + spell::SHORT_LINE <= value.len() {
                self.spelled_from(needle, value, Form::Hex, spell::SHORT_LINES, start);
            }
        }
    }

    /// Words of 16 bits apart, and two pieces of which a line of a dump breaks one.
    fn words(&mut self, needle: u32, value: &[u8]) {
        self.next_group();
        let start = inner(value) & !1;
        for start in [start, start + PAIRS] {
            self.spelled_from(needle, value, Form::Hex, spell::WORDS, start);
        }
    }

    /// Begins an encoding of which each piece must be there, whatever others have.
    fn next_group(&mut self) {
        self.group += 1;
        self.since = [self.long.pieces.len(), self.short.pieces.len()];
    }

    /// The length of the pieces of an encoding of this length.
    fn length(&self, text: usize) -> usize {
        if text >= PIECE { PIECE } else { self.short.piece }
    }

    /// One piece from the middle: what is searched for as it is, is never broken.
    fn literal(&mut self, needle: u32, value: &[u8]) {
        self.next_group();
        let piece = self.length(value.len());
        let start = (value.len() - piece) / 2;
        self.text(
            &value[start..start + piece],
            Seed { needle, index: start as u32, form: Form::Literal },
        );
    }

    /// One piece in this spelling, as near to `start` as the value's length allows.
    fn spelled(
        &mut self,
        needle: u32,
        value: &[u8],
        form: Form,
        spelling: spell::Spelling,
        start: usize,
    ) {
        self.group += 1;
        let longs =
            (0..=start).rev().any(|start| self.spelled_from(needle, value, form, spelling, start));
        if !longs {
            // Even from its beginning the value's text is short.
            self.written(needle, value, form, spelling, 0, self.short.piece);
        }
    }

    /// A long piece in this spelling, beginning with the unit at `start`.
    fn spelled_from(
        &mut self,
        needle: u32,
        value: &[u8],
        form: Form,
        spelling: spell::Spelling,
        start: usize,
    ) -> bool {
        self.written(needle, value, form, spelling, start, PIECE)
    }

    /// A piece of this length in this spelling, if the value's text is so long from the unit at
    /// `start` on.
    fn written(
        &mut self,
        needle: u32,
        value: &[u8],
        form: Form,
        spelling: spell::Spelling,
        start: usize,
        piece: usize,
    ) -> bool {
        // The memory has room for the longest unit, so that it never moves and leaves a copy.
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        let mut index = start;
        while text.len() < piece && index < value.len() {
            index += spelling(value, index, &mut text);
        }
        let whole = text.len() >= piece;
        if whole {
            self.text(&text[..piece], Seed { needle, index: start as u32, form });
        }
        self.scratch = text;
        whole
    }

    fn hex(&mut self, needle: u32, value: &[u8]) {
        self.next_group();
        let last = value.len() - PIECE / 2;
        for pair in evenly(0, last, FAR / 2) {
            self.spelled_from(needle, value, Form::Hex, spell::DIGITS, pair);
        }
    }

    fn radix(&mut self, needle: u32, machine: Machine<'_>, spacing: usize) {
        let (value, form) = (machine.value, machine.form);
        self.next_group();
        let goal = machine.goal();
        let piece = self.length(goal - 1);
        let last = goal - piece;
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        // The memory must not move, or a copy would stay behind.
        let room = 2 * value.len() + 8;
        if own.capacity() < room {
            own = Zeroizing::new(Vec::with_capacity(room));
        }
        spell::own_characters(form, value, &mut own);
        for index in Builder::places(last, spacing) {
            let index = if spacing < SPARSE { index } else { without_symbols(&own, index, piece) };
            let plain = &own[index - 1..index - 1 + piece];
            let seed = Seed { needle, index: index as u32, form };
            self.text(plain, seed);
            if plain.iter().any(is_symbol) {
                self.symbols(value, seed, piece);
            }
        }
        self.own = own;
    }

    /// The piece of base64 at a seed, its characters that are neither letter nor digit written in
    /// all other ways.
    fn symbols(&mut self, value: &[u8], seed: Seed, piece: usize) {
        let mut text = std::mem::take(&mut self.scratch);
        let index = seed.index as usize;
        for spelling in &spell::SYMBOLS[1..] {
            text.clear();
            (index..index + piece)
                .for_each(|i| spell::radix(seed.form, value, i, *spelling, &mut text));
            self.text(&text[..piece], seed);
        }
        self.scratch = text;
    }

    /// Where the pieces of base64 and base32 are, from index 1 to `last`; if two will do, in the
    /// middle.
    fn places(last: usize, spacing: usize) -> impl Iterator<Item = usize> {
        let edge = if spacing == APART { (last - 1).saturating_sub(APART).div_ceil(2) } else { 0 };
        evenly(1 + edge, last - edge, spacing)
    }

    fn text(&mut self, text: &[u8], mut seed: Seed) {
        let hash = self.key.piece(text);
        // Of a value that repeats itself a piece is read for all places that are whole periods
        // away.
        seed.index = self.repetition.lowest(seed.form, seed.index as usize) as u32;
        let (tables, since) = match text.len() {
            PIECE => (&mut self.long, self.since[0]),
            _ => (&mut self.short, self.since[1]),
        };
        tables.add(text, Chosen { hash, seed, group: self.group }, since);
    }
}

/// Whether a character of base64 is written in several ways.
fn is_symbol(byte: &u8) -> bool {
    matches!(byte, b'+' | b'/')
}

/// The nearest index, at most [`SHIFT`] away, whose piece can be written in one way only: else it
/// takes six pieces. The text has the character of index 1 first.
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

/// From which byte on a value is spelled where nothing of it is left as it is: in the middle, since
/// many values begin as others do, with room for two pieces of a dump behind it if there can be,
/// and not within a character of UTF-8.
fn inner(value: &[u8]) -> usize {
    let start =
        (value.len().saturating_sub(PAIRS) / 2).min(value.len().saturating_sub(2 * PAIRS + 1));
    (0..=start).rev().find(|start| value[*start] & 0xc0 != 0x80).unwrap_or(0)
}

/// The longest run of characters that no encoder changes unless it changes all: where it begins and
/// its length.
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
