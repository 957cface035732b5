//! Pairs of hexadecimal digits, with up to four bytes between two pairs, and across the lines of a
//! dump, whose address and text columns lie between two pairs too.

use super::{Cursor, Next, Tail};
use crate::decode::ansi::{self, ESCAPE, MAX_SEQUENCE};
use crate::decode::text::{Text, nibble, pair};

/// A line break between pairs counts from this many pairs on; one pair alone at the end of a line
/// is not held back.
pub(crate) const BREAK_FROM: usize = 2;

/// The most bytes between two pairs, a `0x` aside.
pub(super) const MAX_BETWEEN: usize = 4;

/// The most bytes from the last pair of a dump's line to the line's end: two columns and the text
/// of 32 bytes, with room.
const MAX_GUTTER: usize = 96;

pub(super) fn separates(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\r'
            | b'\n'
            | b':'
            | b','
            | b'-'
            | b'_'
            | b'.'
            | b';'
            | b'\\'
            | b'%'
            | b'='
            | b'|'
    )
}

/// Reads one pair and what stands between it and the next.
pub(super) fn step(value: &[u8], text: Text<'_>, from: Cursor, next: &mut Next) {
    let wanted = value[from.index];
    if nibble(text.bytes[from.at]) != wanted >> 4 {
        return;
    }
    let Some(low) = text.get(from.at + 1) else {
        next.more = !text.eof;
        return;
    };
    if nibble(low) != wanted & 15 {
        return;
    }
    let index = from.index + 1;
    let column = if from.column > 0 { from.column + 1 } else { 0 };
    match value.get(index) {
        None => next.places.push(Cursor { at: from.at + 2, index, column: from.column }),
        Some(following) => {
            between(text, from.at + 2, Cursor { at: 0, index, column }, *following, next)
        }
    }
}

/// Finds where the pair of `following` begins.
fn between(text: Text<'_>, start: usize, to: Cursor, following: u8, next: &mut Next) {
    let pair = |at: usize, column: u32, next: &mut Next| match text.get(at) {
        Some(byte) if nibble(byte) == following >> 4 => {
            next.places.push(Cursor { at, index: to.index, column })
        }
        Some(_) => {}
        None => next.more |= !text.eof,
    };
    for at in start..=start + MAX_BETWEEN {
        pair(at, to.column, next);
        let Some(byte) = text.get(at) else { break };
        if byte == b'0' {
            match text.get(at + 1) {
                Some(b'x' | b'X') => pair(at + 2, to.column, next),
                Some(_) => {}
                None => next.more |= !text.eof,
            }
        }
        if byte == b'x' && at > start && text.bytes[at - 1] == b'\\' {
            pair(at + 1, to.column, next);
        }
        if !separates(byte) || (matches!(byte, b'\n' | b'\r') && to.index < BREAK_FROM) {
            break;
        }
    }
    if text.get(start) == Some(ESCAPE) {
        match ansi::skip(text, start) {
            Some(end) => pair(end, to.column, next),
            None => next.more |= ansi::unfinished(text, start),
        }
    }
    if to.index >= BREAK_FROM {
        match dump_break(text, start) {
            Break::At(at) => pair(at, 1, next),
            Break::Unknown => next.more |= !text.eof,
            Break::None => {}
        }
    }
}

enum Break {
    At(usize),
    Unknown,
    None,
}

/// Skips the text column, the line break and the address of the next line of a dump.
fn dump_break(text: Text<'_>, start: usize) -> Break {
    let rest = &text.bytes[start..text.len().min(start + MAX_GUTTER)];
    let gutter = memchr::memchr(b'\n', rest);
    let column = &rest[..gutter.unwrap_or(rest.len())];
    let blank = column.iter().all(|b| matches!(b, b' ' | b'\r'));
    if !blank && !column.starts_with(b"  ") {
        return Break::None;
    }
    match gutter {
        Some(newline) => address(text, start + newline + 1),
        None if rest.len() < MAX_GUTTER => Break::Unknown,
        None => Break::None,
    }
}

/// Skips an address of 4 to 16 digits, a colon, and up to three blanks.
fn address(text: Text<'_>, start: usize) -> Break {
    let rest = &text.bytes[start..];
    let digits = rest.iter().take(17).take_while(|b| nibble(**b) < 16).count();
    let colon = usize::from(rest.get(digits) == Some(&b':'));
    let blanks = rest[digits + colon..].iter().take(4).take_while(|b| **b == b' ').count();
    let length = digits + colon + blanks;
    if length == rest.len() && digits <= 16 && blanks <= 3 {
        return Break::Unknown;
    }
    let fits = (4..=16).contains(&digits) && (1..=3).contains(&blanks);
    if fits { Break::At(start + length) } else { Break::None }
}

/// Whether a line break, or the address of a dump's line, precedes `at`.
pub(crate) fn after_break(text: Text<'_>, at: usize) -> bool {
    // A list in C has its prefix before each pair.
    let at = at - if text.bytes[..at].ends_with(b"0x") { 2 } else { 0 };
    let before = &text.bytes[..at];
    let blanks = before.iter().rev().take(4).take_while(|b| **b == b' ').count();
    let before = &before[..at - blanks];
    if before.ends_with(b"\n") {
        return true;
    }
    let before = before.strip_suffix(b":").unwrap_or(before);
    let digits = before.iter().rev().take(17).take_while(|b| nibble(**b) < 16).count();
    (4..=16).contains(&digits) && before[..before.len() - digits].ends_with(b"\n")
}

/// Where a match begins, with the column that is known if a line break precedes it: so its text
/// column goes too.
pub(crate) fn opening(place: Cursor) -> Cursor {
    Cursor { column: u32::from(place.index > 0), ..place }
}

/// The places from which one pair leads to `to`.
pub(super) fn back(value: &[u8], text: Text<'_>, to: Cursor, next: &mut Next) {
    if to.index == 0 || to.at < 2 {
        return;
    }
    let index = to.index - 1;
    let mut forward = next.forward();
    let mut try_from = |at: usize, next: &mut Next| {
        if pair(&text.bytes[at..at + 2]) != Some(value[index]) {
            return;
        }
        forward.clear();
        step(value, text, Cursor { at, index, column: 0 }, &mut forward);
        if forward.places.iter().any(|p| (p.at, p.index) == (to.at, to.index)) {
            next.push(at, index);
        }
    };
    let near = to.at.saturating_sub(MAX_BETWEEN + 4);
    (near..to.at - 1).for_each(|at| try_from(at, next));
    let far = to.at.saturating_sub(MAX_SEQUENCE);
    if let Some(escape) = memchr::memrchr(ESCAPE, &text.bytes[far..to.at]) {
        try_from((far + escape).saturating_sub(2), next);
    }
    // An address ends with a blank.
    if text.bytes[to.at - 1] == b' ' && after_break(text, to.at) {
        (to.at.saturating_sub(MAX_GUTTER + 32)..near).for_each(|at| try_from(at, next));
    }
    next.keep(forward);
}

/// The part of a dump's text column that shows the end of the value, if the value crossed a line.
///
/// The pairs behind the value on its last line go with it.
pub(super) fn tail(value: &[u8], text: Text<'_>, place: Cursor) -> Tail {
    let none = Tail { end: place.at, more: false };
    let shown = value.len().min(place.column as usize);
    if shown == 0 {
        return none;
    }
    let rest = &text.bytes[place.at..text.len().min(place.at + MAX_GUTTER)];
    let newline = memchr::memchr(b'\n', rest);
    let line = &rest[..newline.unwrap_or(rest.len())];
    let wanted = &value[value.len() - shown..];
    for at in 2..=line.len().saturating_sub(shown) {
        let opened = line[..at].ends_with(b"  ")
            || line[..at].ends_with(b" |")
            || line[..at].ends_with(b" >");
        if opened
            && line[at..].iter().zip(wanted).take_while(|(b, w)| **b == printed(**w)).count()
                == shown
        {
            return Tail { end: place.at + at + shown, more: false };
        }
    }
    let open = newline.is_none() && rest.len() < MAX_GUTTER && !text.eof;
    // The value may end within a group of pairs.
    let goes_on = line.first().is_none_or(|b| *b == b' ' || nibble(*b) < 16);
    Tail { more: open && goes_on, ..none }
}

/// How the text column of a dump shows a byte.
fn printed(byte: u8) -> u8 {
    if (0x20..0x7f).contains(&byte) { byte } else { b'.' }
}
