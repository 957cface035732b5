//! Base64 and base32 of the value at any place inside more data: only the characters that are made
//! of the value alone are compared in full; the shared ones at both ends are compared in the bits
//! that they share.

use super::plain::Behind;
use super::{Cursor, Form, Next, Tail};
use crate::decode::alphabet::{BASE32, BASE64};
use crate::decode::ansi::{ESCAPE, MAX_SEQUENCE};
use crate::decode::cost;
use crate::decode::text::{Answer, Text};
use crate::decode::unit::{MAX_UNIT, Units, decode, introduces, may_end};

/// A line break inside an encoding counts from this index on; an encoding whose first line is
/// shorter begins behind it.
pub(crate) const BREAK_FROM: usize = 5;

/// The deepest indentation that is skipped behind a line break.
const MAX_INDENT: usize = 64;

/// So many characters are compared at once.
const BLOCK: usize = 8;

/// An alphabet and an alignment. Index 0 is the character shared with what precedes, 1 the first of
/// the value's own.
pub(crate) struct Radix {
    bits: usize,
    /// How many bits of the value precede its first own character.
    skip: usize,
}

impl Radix {
    /// The radix of a base64 or base32 form.
    pub fn of(form: Form) -> Radix {
        let (bits, align) = match form {
            Form::Base32(align) => (5, align),
            Form::Base64(align) => (6, align),
            _ => (6, 0),
        };
        let start = 8 * usize::from(align);
        Radix { bits, skip: start.next_multiple_of(bits) - start }
    }

    /// How many bits of the value belong to a character before its first own one.
    pub fn shared(&self) -> usize {
        self.skip
    }

    /// The index behind the last own character.
    pub fn goal(&self, value: &[u8]) -> usize {
        1 + (8 * value.len()).saturating_sub(self.skip) / self.bits
    }

    /// 0 if the character before carries at least 2 bits of the value, else 1.
    pub fn first(&self) -> usize {
        usize::from(self.skip < 2)
    }

    /// The number that the own character with this index stands for.
    #[inline]
    pub fn symbol(&self, value: &[u8], index: usize) -> u8 {
        let bit = self.skip + (index - 1) * self.bits;
        let high = u16::from(value[bit / 8]) << 8;
        let low = value.get(bit / 8 + 1).copied().map_or(0, u16::from);
        ((high | low) >> (16 - self.bits - bit % 8)) as u8 & self.mask()
    }

    fn mask(&self) -> u8 {
        (1 << self.bits) - 1
    }

    /// The number that a character stands for, in either alphabet and case; 255 for others.
    #[inline]
    fn number(&self, byte: u8) -> u8 {
        if self.bits == 6 { BASE64[usize::from(byte)] } else { BASE32[usize::from(byte)] }
    }

    /// Whether the character for `number` can stand at `index`.
    #[inline]
    fn fits(&self, value: &[u8], index: usize, number: u8) -> bool {
        if index > 0 {
            return number == self.symbol(value, index);
        }
        let shared = value[0] >> (8 - self.skip);
        number <= self.mask() && number & ((1 << self.skip) - 1) == shared
    }

    /// The characters, in either alphabet or case, that can stand at `index`; none behind the last
    /// own one.
    pub fn characters(&self, value: &[u8], index: usize) -> Characters {
        let mut characters = Characters::default();
        if index == 0 {
            let shared = value[0] >> (8 - self.skip);
            let numbers = (0..=self.mask() >> self.skip).map(|high| high << self.skip | shared);
            numbers.for_each(|number| characters.extend(distinct(&self.spellings(number))));
        } else if index < self.goal(value) {
            characters.extend(distinct(&self.spellings(self.symbol(value, index))));
        }
        characters
    }

    fn spellings(&self, number: u8) -> [u8; 2] {
        let number = usize::from(number);
        if self.bits == 5 {
            let upper = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[number];
            return [upper, upper.to_ascii_lowercase()];
        }
        match number {
            62 => *b"+-",
            63 => *b"/_",
            _ => [b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[number]; 2],
        }
    }

    /// Reads one character, or skips what may stand between two.
    pub fn step(&self, value: &[u8], text: Text<'_>, from: Cursor, next: &mut Next) {
        let byte = text.bytes[from.at];
        if self.fits(value, from.index, self.number(byte)) {
            next.push(from.at + 1, from.index + 1);
        }
        if introduces(byte) {
            self.escaped(value, text, from, next);
        }
        if from.index >= BREAK_FROM {
            self.skip_break(text, from, next);
        }
    }

    /// How many plain characters follow.
    pub fn run(&self, value: &[u8], text: Text<'_>, from: Cursor) -> usize {
        let (bytes, goal) = (&text.bytes[from.at..], self.goal(value));
        if from.index == 0 {
            let fits = |b: &&u8| self.fits(value, 0, self.lone(**b));
            let first = bytes.first().filter(fits).map_or(0, |_| 1);
            let after = Cursor { at: from.at + 1, index: 1, column: 0 };
            return first + if first > 0 { self.run(value, text, after) } else { 0 };
        }
        let mut run = 0;
        for chunk in bytes[..bytes.len().min(goal.saturating_sub(from.index))].chunks_exact(BLOCK) {
            let differ = self.block(chunk) ^ self.symbols(value, from.index + run);
            if differ != 0 {
                return cost::run(run + differ.leading_zeros() as usize / 8);
            }
            run += BLOCK;
        }
        let rest = bytes[run..].iter().zip(from.index + run..goal);
        cost::run(run + rest.take_while(|(b, i)| self.fits(value, *i, self.lone(**b))).count())
    }

    /// The own characters from `index` on as numbers, a byte each.
    fn symbols(&self, value: &[u8], index: usize) -> u64 {
        let bit = self.skip + (index - 1) * self.bits;
        let rest = &value[bit / 8..];
        let whole = rest.first_chunk::<8>().copied().unwrap_or_else(|| {
            let mut padded = [0; 8];
            padded[..rest.len()].copy_from_slice(rest);
            padded
        });
        let word = u64::from_be_bytes(whole) << (bit % 8);
        (0..BLOCK).fold(0, |symbols, i| {
            symbols << 8 | (word >> (64 - self.bits * (i + 1))) & u64::from(self.mask())
        })
    }

    /// What these characters stand for, a byte each; 255 for those that may stand for more.
    fn block(&self, characters: &[u8]) -> u64 {
        characters.iter().fold(0, |block, byte| block << 8 | u64::from(self.lone(*byte)))
    }

    /// The number that a character stands for that can be read in no other way; 255 for others.
    #[inline]
    fn lone(&self, byte: u8) -> u8 {
        // Of both alphabets this one alone introduces an escape, that of a blank in a form.
        if byte == b'+' { 255 } else { self.number(byte) }
    }

    /// Where a match begins, if all its characters before this one are plain and its first one can
    /// only be read as it stands.
    pub fn start(&self, value: &[u8], text: Text<'_>, at: Cursor) -> Option<usize> {
        let start = at.at.checked_sub(at.index - 1)?;
        let before = &text.bytes[start.saturating_sub(MAX_UNIT)..start];
        // Nothing is skipped there.
        let escaped = before.iter().fold(false, |any, b| any | matches!(*b, b'%' | b'&' | b'\\'));
        (!escaped && self.plain_back(value, text, at) == at.index - 1).then_some(start)
    }

    /// How many plain characters precede.
    fn plain_back(&self, value: &[u8], text: Text<'_>, to: Cursor) -> usize {
        let before = &text.bytes[..to.at];
        let mut run = 0;
        for chunk in before[before.len() - before.len().min(to.index.saturating_sub(1))..]
            .rchunks_exact(BLOCK)
        {
            if self.block(chunk) != self.symbols(value, to.index - run - BLOCK) {
                break;
            }
            run += BLOCK;
        }
        let rest = before[..to.at - run].iter().rev().zip((1..to.index - run).rev());
        cost::run(run + rest.take_while(|(b, i)| self.fits(value, *i, self.lone(**b))).count())
    }

    /// How many plain characters precede, and whether what precedes them rules out that a match
    /// goes on.
    pub fn run_back(&self, value: &[u8], text: Text<'_>, to: Cursor) -> (usize, bool) {
        let run = self.plain_back(value, text, to);
        if run == 0 {
            return (0, false);
        }
        let start = to.at - run;
        let behind = Behind::of(text, start..to.at);
        let mut sure = behind.sure(run, to.at);
        // `\n` is a line break, and so may what follows it be: the `n` is a character of the
        // alphabet too.
        let near = start.saturating_sub(MAX_UNIT);
        let backslash = memchr::memrchr(b'\\', &text.bytes[near..start]);
        if let Some(backslash) = backslash {
            sure = sure.min(to.at.saturating_sub(near + backslash + MAX_UNIT));
        }
        let clear = backslash.is_none() && behind.is_clear(text);
        (sure, sure == run && to.index - run >= BREAK_FROM && clear)
    }

    /// `%2B`, `\/`, `\u002b`, `&#43;`: only what is not a letter or digit is ever escaped.
    fn escaped(&self, value: &[u8], text: Text<'_>, from: Cursor, next: &mut Next) {
        let mut units = Units::default();
        decode(text, from.at, &mut units);
        next.more |= units.more
            && (from.index == 0 || self.symbol(value, from.index) > 61 || from.index >= BREAK_FROM);
        for unit in units.found() {
            match unit.bytes() {
                // What is skipped must lie inside: a colour before the first own character stays.
                [] if from.index > 1 => next.skip(from, unit.end),
                [byte]
                    if !byte.is_ascii_alphanumeric()
                        && self.fits(value, from.index, self.number(*byte)) =>
                {
                    next.push(unit.end, from.index + 1);
                }
                _ => {}
            }
        }
    }

    /// A line break, as it is or as `\n` and `\r\n` in a string literal, and the indentation behind
    /// it.
    fn skip_break(&self, text: Text<'_>, from: Cursor, next: &mut Next) {
        for line_break in [&b"\n"[..], b"\r\n", b"\\n", b"\\r\\n", b"\\\\n"] {
            match text.has(from.at, line_break) {
                Answer::No => continue,
                Answer::Unknown => next.more = true,
                Answer::Yes => {
                    let at = from.at + line_break.len();
                    let indent =
                        text.bytes[at..].iter().take(MAX_INDENT).take_while(|b| blank(**b)).count();
                    next.more |= at + indent == text.len() && !text.eof;
                    next.skip(from, at + indent);
                }
            }
        }
    }

    /// The places from which one character or skip leads to `to`.
    pub fn back(&self, value: &[u8], text: Text<'_>, to: Cursor, next: &mut Next) {
        if to.at == 0 || to.index == 0 {
            return;
        }
        let last = text.bytes[to.at - 1];
        if to.index > self.first() && self.fits(value, to.index - 1, self.number(last)) {
            next.push(to.at - 1, to.index - 1);
        }
        let mut forward = next.forward();
        let near = to.at.saturating_sub(MAX_UNIT);
        let far = to.at.saturating_sub(MAX_SEQUENCE);
        let sequences = memchr::memchr_iter(ESCAPE, &text.bytes[far..near.max(far)]);
        // All at once: mostly there is none.
        let any = text.bytes[near..to.at].iter().fold(false, |any, byte| any | may_lead(*byte));
        let starts = (if any { near } else { to.at })..to.at;
        let starts = starts.filter(|at| leads(text.bytes[*at], to, to.at - at, last));
        for at in starts.chain(sequences.map(|escape| far + escape)) {
            for index in (to.index - 1).max(self.first())..=to.index {
                let literal = at + 1 == to.at && index + 1 == to.index;
                if index == self.goal(value) || literal {
                    continue;
                }
                forward.clear();
                self.step(value, text, Cursor { at, index, column: 0 }, &mut forward);
                match forward.places.iter().any(|p| (p.at, p.index) == (to.at, to.index)) {
                    true if index == to.index => next.skip(to, at),
                    true => next.push(at, index),
                    false => {}
                }
            }
        }
        next.keep(forward);
    }

    /// The character shared with what follows, and padding.
    pub fn tail(&self, value: &[u8], text: Text<'_>, at: usize) -> Tail {
        let bits = (8 * value.len()).saturating_sub(self.skip) % self.bits;
        let mut end = at;
        if bits > 0 {
            let Some(byte) = text.get(at) else { return Tail { end, more: !text.eof } };
            let shared = value[value.len() - 1] & ((1 << bits) - 1);
            let number = self.number(byte);
            if number > self.mask() || number >> (self.bits - bits) != shared {
                return Tail { end, more: false };
            }
            end += 1;
        }
        let most = if self.bits == 6 { 2 } else { 6 };
        padding(text, end, most)
    }
}

/// Whether something that stands for a character of an encoding, or for nothing, may begin with
/// this byte.
fn may_lead(first: u8) -> bool {
    matches!(first, b'\n' | b'\r' | b'=' | b'%' | b'&' | b'\\' | ESCAPE)
}

/// Whether what begins with `first` and ends with `last`, so many bytes long, may lead to a place.
fn leads(first: u8, to: Cursor, length: usize, last: u8) -> bool {
    match first {
        b'\n' | b'\r' => to.index >= BREAK_FROM && (last == b'\n' || blank(last)),
        b'=' => to.index > 1 && last == b'\n' && length <= 3,
        b'%' | b'&' | b'\\' => may_end(first, length, last),
        _ => first == ESCAPE,
    }
}

/// Both characters, or one if they are the same.
fn distinct(characters: &[u8; 2]) -> &[u8] {
    &characters[..if characters[0] == characters[1] { 1 } else { 2 }]
}

/// A few bytes, without an allocation: the tables of ten thousand values ask for millions of them.
#[derive(Clone, Copy, Default)]
pub(crate) struct Characters {
    bytes: [u8; 32],
    len: usize,
}

impl Characters {
    /// Adds bytes, at most 32 in all: a character that shares 2 bits or more with the value is one
    /// of 16, in two spellings.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// `=` signs, also escaped for a URL, JSON or mail.
fn padding(text: Text<'_>, at: usize, most: usize) -> Tail {
    let mut end = at;
    'signs: for _ in 0..most {
        for sign in [&b"=3D"[..], b"=", b"%3D", b"%3d", b"\\u003d", b"\\u003D"] {
            match text.has(end, sign) {
                Answer::Yes => {
                    end += sign.len();
                    continue 'signs;
                }
                // A lone sign at the end is padding already; "=3D" would only make it longer.
                Answer::Unknown if sign == b"=3D" && text.get(end) == Some(b'=') => {
                    return Tail { end: end + 1, more: true };
                }
                Answer::Unknown => return Tail { end, more: true },
                Answer::No => {}
            }
        }
        break;
    }
    Tail { end, more: false }
}

/// Whether the character at `at` is the first of its line.
pub(crate) fn begins_line(text: Text<'_>, at: usize) -> bool {
    text.get(at).is_some_and(|byte| !introduces(byte)) && after_break(text, at)
}

/// Whether a line break and indentation precede `at`.
pub(crate) fn after_break(text: Text<'_>, at: usize) -> bool {
    let before = &text.bytes[..at];
    let indent = before.iter().rev().take(MAX_INDENT).take_while(|b| blank(**b)).count();
    let before = &before[..at - indent];
    before.ends_with(b"\n") || before.ends_with(b"\\n")
}

fn blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
