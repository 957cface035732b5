//! The value itself, with any mixture of escapes, terminal sequences, wraps and re-indented lines:
//! a program may escape twice, colour what it escaped, and leave the rest alone.

use std::ops::Range;

use super::{Case, Cursor, Next};
use crate::decode::ansi::{ESCAPE, MAX_SEQUENCE};
use crate::decode::cost;
use crate::decode::text::{Answer, Text, alike, alike_back};
use crate::decode::unit::{
    MAX_PERCENT, MAX_QUOTED, MAX_UNIT, Units, decode, introduces, lone, may_end, only,
    stands_for_itself,
};

/// A value shorter than this is not looked for across a hard line wrap: two words on two lines are
/// not a value.
pub(crate) const WRAP_FROM: usize = 16;

/// A hard line wrap counts from this many bytes of the value on; a value whose first line is
/// shorter begins behind it. So the last character of each line of a terminal need not wait for the
/// next line.
pub(crate) const BREAK_FROM: usize = 4;

/// The deepest indentation that is skipped behind a line break of a multi-line value.
const MAX_INDENT: usize = 64;

/// Text and value are compared in pieces of so many bytes: they may be alike for a megabyte behind
/// the first byte that can be read in another way, where a run ends.
const PIECE: usize = 64;

/// How many escapes are looked at for one that is not of the value: a few letters tell its case.
const TELLING: usize = 8;

/// Reads one unit.
pub(super) fn step(value: &[u8], case: Case, text: Text<'_>, from: Cursor, next: &mut Next) {
    let byte = text.bytes[from.at];
    if case.fits(byte, value[from.index]) {
        next.push(from.at + 1, from.index + 1);
    }
    if introduces(byte) {
        escaped(value, case, text, from, next);
    }
    if matches!(byte, b'\r' | b'\n' | b' ') {
        line_break(value, text, from, next);
    }
}

/// Whether a match may begin at this place, some bytes late behind a hard wrap.
pub(super) fn begins_late(value: &[u8], text: Text<'_>, place: Cursor) -> bool {
    let wraps = place.index < BREAK_FROM && value.len() >= WRAP_FROM;
    wraps
        && text.bytes[..place.at].ends_with(b"\r\n")
        && text.get(place.at).is_some_and(|b| !introduces(b))
}

/// How many bytes stand for themselves from here.
pub(super) fn run(value: &[u8], case: Case, text: Text<'_>, from: Cursor) -> usize {
    let pieces = text.bytes[from.at..].chunks(PIECE).zip(value[from.index..].chunks(PIECE));
    in_pieces(pieces.map(|(text, value)| {
        let fits = match case {
            Case::Exact => alike(text, value),
            _ => text
                .iter()
                .zip(value)
                .take_while(|(byte, wanted)| case.fits(**byte, **wanted))
                .count(),
        };
        lone(&text[..cost::run(fits)])
    }))
}

/// Whether one of the first escapes here, up to which each can be read in one way only, stands for
/// another byte than the value has.
pub(super) fn is_escaped_otherwise(value: &[u8], case: Case, text: Text<'_>, from: Cursor) -> bool {
    let mut at = from.at;
    for wanted in value[from.index..].iter().take(TELLING) {
        // What introduces the escape may be a byte of the value.
        let escape = only(text, at).filter(|_| !case.fits(text.bytes[at], *wanted));
        let Some((byte, length)) = escape else { return false };
        if !case.fits(byte, *wanted) {
            return true;
        }
        at += length;
    }
    false
}

/// How many bytes follow, at most so many, that are the value's only one, which introduces escapes,
/// up to where an escape may end in something else: all readings within lead to the same places.
pub(super) fn alone(byte: u8, text: Text<'_>, at: usize, most: usize) -> usize {
    if !introduces(byte) || byte == ESCAPE {
        return 0;
    }
    let rest = text.bytes[at..].iter().take(most.saturating_add(MAX_UNIT));
    cost::run(rest.take_while(|b| **b == byte).count()).saturating_sub(MAX_UNIT)
}

/// The length of a run that is looked for in pieces: it goes on into the next one if it fills one.
fn in_pieces(lengths: impl Iterator<Item = usize>) -> usize {
    let mut run = 0;
    for length in lengths {
        run += length;
        if length < PIECE {
            break;
        }
    }
    run
}

/// How many bytes before `to` stand for themselves, as all of the value's do if `all_lone`, and
/// whether the one before those rules out that a match goes on.
pub(super) fn run_back(
    value: &[u8],
    case: Case,
    all_lone: bool,
    text: Text<'_>,
    to: Cursor,
) -> (usize, bool) {
    let pieces = text.bytes[..to.at].rchunks(PIECE).zip(value[..to.index].rchunks(PIECE));
    let run = in_pieces(pieces.map(|(before, wanted)| {
        let fits = match case {
            Case::Exact => alike_back(before, wanted),
            _ => before
                .iter()
                .rev()
                .zip(wanted.iter().rev())
                .take_while(|(b, w)| case.fits(**b, **w))
                .count(),
        };
        match all_lone {
            true => fits,
            false => before[before.len() - fits..]
                .iter()
                .rev()
                .take_while(|byte| stands_for_itself(**byte))
                .count(),
        }
    }));
    if run == 0 {
        return (0, false);
    }
    let behind = Behind::of(text, to.at - run..to.at);
    let sure = behind.sure(run, to.at);
    (sure, sure == run && behind.is_clear(text))
}

/// What begins before a run of bytes that stand for themselves, and could lead into it in another
/// way than by single bytes.
pub(super) struct Behind {
    /// Where the run begins.
    run: usize,
    /// Whether an escape ends where the run begins.
    touches: bool,
    /// The last place in the run at which an escape ends.
    unit_end: Option<usize>,
    /// Where the nearest control sequence ends.
    skipped_to: Option<usize>,
}

impl Behind {
    pub fn of(text: Text<'_>, run: Range<usize>) -> Behind {
        let from = run.start.saturating_sub(MAX_SEQUENCE);
        let sequence = memchr::memrchr(ESCAPE, &text.bytes[from..run.start]);
        let skipped_to = sequence.and_then(|s| crate::decode::ansi::skip(text, from + s));
        let mut behind = Behind { run: run.start, touches: false, unit_end: None, skipped_to };
        let near = run.start.saturating_sub(MAX_UNIT);
        let before = &text.bytes[near..run.start];
        for escape in
            memchr::memchr3_iter(b'%', b'\\', b'&', before).chain(memchr::memchr_iter(b'=', before))
        {
            if run.start - near - escape <= longest(before[escape]) {
                behind.add_units(text, near + escape, run.end);
            }
        }
        behind
    }

    fn add_units(&mut self, text: Text<'_>, escape: usize, run_end: usize) {
        let mut units = Units::default();
        decode(text, escape, &mut units);
        for end in units.found().iter().map(|unit| unit.end).filter(|end| *end <= run_end) {
            self.touches |= end == self.run;
            // A letter is never the end of a unit that stands for that same letter.
            if end > self.run && !text.bytes[end - 1].is_ascii_alphabetic() {
                self.unit_end = self.unit_end.max(Some(end));
            }
        }
    }

    /// How many of the `run` bytes before `to` can be reached by single bytes only.
    pub fn sure(&self, run: usize, to: usize) -> usize {
        let other = self.unit_end.max(self.skipped_to).unwrap_or(0);
        run.min(to - other.min(to))
    }

    /// Whether nothing but a single byte can lead to where the run begins.
    pub fn is_clear(&self, text: Text<'_>) -> bool {
        let last = self.run == 0 || stands_for_itself(text.bytes[self.run - 1]);
        last && !self.touches && self.skipped_to != Some(self.run)
    }
}

/// The most bytes of a unit that this byte introduces.
fn longest(first: u8) -> usize {
    match first {
        b'%' => MAX_PERCENT,
        b'=' => MAX_QUOTED,
        _ => MAX_UNIT,
    }
}

fn escaped(value: &[u8], case: Case, text: Text<'_>, from: Cursor, next: &mut Next) {
    let mut units = Units::default();
    decode(text, from.at, &mut units);
    next.more |= units.more;
    for unit in units.found() {
        let index = from.index + unit.bytes().len();
        let fits = index <= value.len() && fits_all(case, unit.bytes(), &value[from.index..index]);
        // Nothing is skipped before the first byte: what is skipped must lie inside.
        match fits && index > 0 {
            true if index == from.index => next.skip(from, unit.end),
            true => next.push(unit.end, index),
            false => {}
        }
    }
}

fn fits_all(case: Case, bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.iter().zip(wanted).all(|(b, w)| case.fits(*b, *w))
}

/// A line break of the value in another guise, or a hard wrap.
fn line_break(value: &[u8], text: Text<'_>, from: Cursor, next: &mut Next) {
    let rest = &value[from.index..];
    let own = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest[0] == b'\n') };
    let index = from.index + own;
    if text.bytes[from.at] == b' ' {
        if own > 0 {
            joined_lines(value, from.at + 1, index, next);
        }
        return;
    }
    let length = match text.has(from.at, b"\r\n") {
        Answer::Yes => 2,
        Answer::Unknown => {
            next.more = true;
            return;
        }
        Answer::No => 1,
    };
    if own > 0 && (length == 2 || text.bytes[from.at] == b'\n') {
        next.push(from.at + length, index);
        indented(value, text, from.at + length, index, next);
    } else if own == 0 && length == 2 && from.index >= BREAK_FROM && value.len() >= WRAP_FROM {
        next.skip(from, from.at + 2);
    }
}

/// Lines joined by a space, with and without their own indentation.
fn joined_lines(value: &[u8], at: usize, index: usize, next: &mut Next) {
    next.push(at, index);
    let indent = blanks(&value[index..]);
    if indent > 0 {
        next.push(at, index + indent);
    }
}

/// A line that was indented further than it is in the value.
fn indented(value: &[u8], text: Text<'_>, at: usize, index: usize, next: &mut Next) {
    let found = blanks(&text.bytes[at..]);
    if found == MAX_INDENT {
        return;
    }
    if at + found == text.len() {
        next.more |= !text.eof;
    }
    let own = blanks(&value[index..]);
    if found > own && index < value.len() {
        next.push(at + found - own, index);
    }
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take(MAX_INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count()
}

/// The places from which one unit leads to `to`.
pub(super) fn back(value: &[u8], case: Case, text: Text<'_>, to: Cursor, next: &mut Next) {
    // Nothing is skipped before the first byte.
    if to.at == 0 || to.index == 0 {
        return;
    }
    let last = text.bytes[to.at - 1];
    if case.fits(last, value[to.index - 1]) {
        next.push(to.at - 1, to.index - 1);
        // A letter is never the end of a unit that stands for that same letter.
        if last.is_ascii_alphabetic() && !escape_near(text, to.at) {
            return;
        }
    }
    let floor = to.at.saturating_sub(MAX_UNIT);
    for at in floor..to.at {
        if introduces(text.bytes[at]) && may_end(text.bytes[at], to.at - at, last) {
            back_unit(value, case, text, at, to, next);
        }
    }
    let far = to.at.saturating_sub(MAX_SEQUENCE);
    for escape in memchr::memchr_iter(ESCAPE, &text.bytes[far..floor]) {
        back_unit(value, case, text, far + escape, to, next);
    }
    if matches!(last, b' ' | b'\t' | b'\n') {
        back_break(value, case, text, to, next);
    }
}

fn escape_near(text: Text<'_>, at: usize) -> bool {
    memchr::memrchr(ESCAPE, &text.bytes[at.saturating_sub(MAX_SEQUENCE)..at]).is_some()
}

fn back_unit(value: &[u8], case: Case, text: Text<'_>, at: usize, to: Cursor, next: &mut Next) {
    let mut units = Units::default();
    decode(text, at, &mut units);
    for unit in units.found().iter().filter(|u| u.end == to.at) {
        let Some(index) = to.index.checked_sub(unit.bytes().len()) else { continue };
        match to.index > 0 && fits_all(case, unit.bytes(), &value[index..to.index]) {
            true if index == to.index => next.skip(to, at),
            true => next.push(at, index),
            false => {}
        }
    }
}

/// Undoes [`line_break`] by trying it at each place where a break that leads to `to` could begin.
fn back_break(value: &[u8], case: Case, text: Text<'_>, to: Cursor, next: &mut Next) {
    let before = &text.bytes[..to.at];
    let indent =
        before.iter().rev().take(MAX_INDENT).take_while(|b| matches!(b, b' ' | b'\t')).count();
    let newline = to.at - indent;
    let lowest = value[..to.index].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    for at in [to.at - 1, newline.wrapping_sub(1), newline.wrapping_sub(2)] {
        if at >= to.at || !matches!(text.bytes[at], b'\r' | b'\n' | b' ') {
            continue;
        }
        for index in to.index - lowest..=to.index.min(value.len() - 1) {
            let mut forward = Next::default();
            line_break(value, text, Cursor { at, index, column: 0 }, &mut forward);
            let reached = forward.places.iter().any(|p| (p.at, p.index) == (to.at, to.index));
            let literal =
                index + 1 == to.index && at + 1 == to.at && case.fits(text.bytes[at], value[index]);
            match reached && !literal {
                true if index == to.index => next.skip(to, at),
                true => next.push(at, index),
                false => {}
            }
        }
    }
}
