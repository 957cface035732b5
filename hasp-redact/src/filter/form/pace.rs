//! Runs of units of one length, each of which can be read in one way only: a dump is hardly
//! anything else. They are compared in one loop, without the lists of readings that
//! [`Machine::step`](super::Machine::step) makes of each unit.

use super::{Case, Cursor, hex, plain};
use crate::decode::ansi::{ESCAPE, MAX_SEQUENCE};
use crate::decode::cost;
use crate::decode::text::{Text, nibble, pair};
use crate::decode::unit::{only, only_before};

/// So many units, each so many bytes behind the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many units.
    pub units: usize,
    /// Bytes from one to the next.
    pub pace: usize,
}

impl Run {
    /// No unit.
    pub const NONE: Run = Run { units: 0, pace: 1 };

    /// The length of all units, in bytes.
    pub fn bytes(self) -> usize {
        self.units * self.pace
    }
}

/// The units of a value that is one byte over and over, which was complete if it is `done`: the
/// byte as it stands, or escapes where it is the first byte of one, as that of `%` is.
pub(super) fn alone(value: &[u8], text: Text<'_>, from: Cursor, done: bool) -> Run {
    let left = if done { text.len() } else { value.len() - from.index };
    match plain::alone(value[0], text, from.at, left) {
        0 if !done => escapes(value, Case::Exact, text, from),
        units => Run { units, pace: 1 },
    }
}

/// Escapes of the value from here on.
pub(super) fn escapes(value: &[u8], case: Case, text: Text<'_>, from: Cursor) -> Run {
    let Some((_, pace)) = only(text, from.at) else { return Run::NONE };
    let fits = |units: usize| {
        let (at, index) = (from.at + units * pace, from.index + units);
        let Some((byte, length)) = only(text, at).filter(|_| index < value.len()) else {
            return false;
        };
        // What introduces the escape may be a byte of the value, if what follows it is another.
        let as_it_is = || {
            let next = value.get(index + 1).filter(|_| text.bytes[at] == b'%');
            next.is_none_or(|next| case.fits(text.bytes[at + 1], *next))
        };
        length == pace
            && case.fits(byte, value[index])
            && !(case.fits(text.bytes[at], value[index]) && as_it_is())
    };
    Run { units: cost::run((0..).take_while(|units| fits(*units)).count()), pace }
}

/// Escapes of the value before `to`, at most so many.
pub(super) fn escapes_back(
    value: &[u8],
    case: Case,
    text: Text<'_>,
    to: Cursor,
    most: usize,
) -> Run {
    let Some((_, pace)) = only_before(text, to.at) else { return Run::NONE };
    // A match may begin before.
    let most = most.min(to.index.saturating_sub(plain::BREAK_FROM));
    let floor = behind_sequences(text, to.at, most * pace);
    let fits = |units: usize| {
        let (at, index) = (to.at - units * pace, to.index - units);
        let Some((byte, length)) = only_before(text, at).filter(|_| at >= floor) else {
            return false;
        };
        // Its characters may be bytes of the value.
        let as_it_is = || {
            let length = pace.min(index);
            let mut bytes = text.bytes[at - length..at].iter().zip(&value[index - length..index]);
            bytes.all(|(byte, wanted)| case.fits(*byte, *wanted))
        };
        length == pace && case.fits(byte, value[index - 1]) && !as_it_is()
    };
    Run { units: cost::run((0..most).take_while(|units| fits(*units)).count()), pace }
}

/// Pairs of digits from here on, but for the value's last.
pub(super) fn pairs(value: &[u8], text: Text<'_>, from: Cursor) -> Run {
    let bytes = text.bytes;
    let start = from.at + 2;
    let Some(gap) = bytes.get(start..).and_then(gap) else { return Run::NONE };
    let pace = 2 + gap;
    let between = &bytes[start..start + gap];
    let fits = |(unit, wanted): &(&[u8], &[u8])| {
        pair(unit) == Some(wanted[0])
            && is_alike(&unit[2..pace], between)
            && nibble(unit[pace]) == wanted[1] >> 4
            && !is_prefix(&unit[pace..])
    };
    // Each with the two digits behind it.
    let units = bytes[from.at..].windows(pace + 2).step_by(pace);
    let units = units.zip(value[from.index..].windows(2)).take_while(fits).count();
    Run { units: cost::run(units), pace }
}

/// How many bytes stand between a pair and the next one, which can then be read in one way only;
/// nothing if a line may break there, or the text ends.
fn gap(behind: &[u8]) -> Option<usize> {
    let separators = behind.iter().take(hex::MAX_BETWEEN).take_while(|b| inner(**b)).count();
    let rest = &behind[separators..];
    let gap = match *rest {
        [b'x', ..] if behind[..separators].ends_with(b"\\") => separators + 1,
        _ if is_prefix(rest) => separators + 2,
        _ => separators,
    };
    // Two blanks may begin the text column of a dump.
    let whole = nibble(*behind.get(gap)?) < 16 && !behind.starts_with(b"  ");
    whole.then_some(gap)
}

/// Pairs of digits before `to`, at most so many.
pub(super) fn pairs_back(value: &[u8], text: Text<'_>, to: Cursor, most: usize) -> Run {
    let most = most.min(to.index.saturating_sub(hex::BREAK_FROM));
    let digit = |at: usize| text.get(at).is_some_and(|b| nibble(b) < 16);
    let follows =
        value.get(to.index).is_some_and(|v| digit(to.at) && *v >> 4 == nibble(text.bytes[to.at]));
    let Some(gap) = gap_back(&text.bytes[..to.at]).filter(|_| follows && most > 0) else {
        return Run::NONE;
    };
    let pace = gap + 2;
    let floor = behind_sequences(text, to.at, most * pace);
    let between = &text.bytes[to.at - gap..to.at];
    let fits = |units: usize| {
        let (at, index) = (to.at - units * pace, to.index - units);
        let Some(start) = at.checked_sub(pace).filter(|_| at >= floor) else { return false };
        pair(&text.bytes[start..]) == Some(value[index - 1])
            && is_alike(&text.bytes[start + 2..at], between)
            && !is_prefix(&text.bytes[at..])
            && (gap == 0 || !hex::after_break(text, at))
    };
    Run { units: cost::run((0..most).take_while(|units| fits(*units)).count()), pace }
}

/// As [`gap`], for the pair before the end of these bytes.
fn gap_back(before: &[u8]) -> Option<usize> {
    let prefix = match before {
        [.., b'0', b'x' | b'X'] => 2,
        [.., b'\\', b'x'] => 1,
        _ => 0,
    };
    let rest = &before[..before.len() - prefix];
    let separators = rest.iter().rev().take(hex::MAX_BETWEEN + 1).take_while(|b| inner(**b));
    let gap = separators.count() + prefix;
    let between = &before[before.len() - gap..];
    let whole = gap - prefix <= hex::MAX_BETWEEN && !between.starts_with(b"  ");
    whole.then_some(gap)
}

/// Whether a byte may stand between two pairs of a line.
fn inner(byte: u8) -> bool {
    hex::separates(byte) && !matches!(byte, b'\r' | b'\n')
}

/// Whether these few bytes are the same: a call for each would cost more than they do.
#[inline]
fn is_alike(one: &[u8], other: &[u8]) -> bool {
    one.iter().zip(other).all(|(a, b)| a == b)
}

/// Whether these bytes begin with what precedes digits in C.
fn is_prefix(bytes: &[u8]) -> bool {
    matches!(bytes, [b'0', b'x' | b'X', ..])
}

/// The first place up to which nothing but the last `length` bytes before `to` matters: no control
/// sequence that leads there or further can begin before.
fn behind_sequences(text: Text<'_>, to: usize, length: usize) -> usize {
    let from = to.saturating_sub(length + MAX_SEQUENCE);
    let escape = memchr::memrchr(ESCAPE, &text.bytes[from..to]);
    escape.map_or(0, |escape| from + escape + MAX_SEQUENCE + 1)
}
