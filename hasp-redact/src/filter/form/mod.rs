//! The forms in which a value may stand in a text, each as a machine that reads one unit at a time
//! and can be stopped wherever the input ends. A machine's index counts what has been read of the
//! value; its text position is separate.

pub(crate) mod hex;
mod pace;
pub(crate) mod plain;
pub(crate) mod radix;
pub(crate) mod repetition;

pub(crate) use pace::Run;
use repetition::Repetition;

use crate::decode::ansi;
use crate::decode::text::{Text, alike, alike_back};
use crate::decode::unit::stands_for_itself;

/// How the letters of the text relate to those of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Case {
    Exact,
    Upper,
    Lower,
}

impl Case {
    /// Whether `byte` of the text stands for `wanted` of the value.
    #[inline]
    pub fn fits(self, byte: u8, wanted: u8) -> bool {
        match self {
            Case::Exact => byte == wanted,
            Case::Upper => byte == wanted.to_ascii_uppercase(),
            Case::Lower => byte == wanted.to_ascii_lowercase(),
        }
    }

    /// Whether the first 16 of these bytes have letters of both cases: then they are no text in one
    /// case.
    #[inline]
    pub fn are_both_in(bytes: &[u8]) -> bool {
        let Some(bytes) = bytes.first_chunk::<16>() else { return false };
        let seen = bytes.iter().fold((false, false), |(upper, lower), byte| {
            (upper | byte.is_ascii_uppercase(), lower | byte.is_ascii_lowercase())
        });
        seen.0 && seen.1
    }
}

/// One family of encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Form {
    /// The value itself, any part of it escaped in any way.
    Plain(Case),
    /// Pairs of hexadecimal digits, apart or not.
    Hex,
    /// RFC 4648 base64, the value beginning at this byte of a group of 3.
    Base64(u8),
    /// RFC 4648 base32, the value beginning at this byte of a group of 5.
    Base32(u8),
    /// These bytes and nothing else.
    Literal,
}

impl Form {
    /// The forms to try too where the seed of this form was found, if the value is searched for in
    /// the other case: seeds do not know case.
    pub fn folded(self) -> &'static [Form] {
        match self {
            Form::Plain(_) => &[Form::Plain(Case::Upper), Form::Plain(Case::Lower)],
            _ => &[],
        }
    }
}

/// A place in text and value: `index` units of the form have been read when the text position is
/// `at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cursor {
    /// Text position.
    pub at: usize,
    /// Units read.
    pub index: usize,
    /// Hexadecimal dumps: which pair of its line this is, counted from 1; 0 before any line break.
    /// Other forms: how many things were skipped since the last unit.
    pub column: u32,
}

/// How many control sequences or line breaks may lie between two units: a program that sends
/// nothing else for a while must not keep a match alive that began before.
pub(crate) const MAX_SKIPS: u32 = 8;

/// Where a machine can go from a place.
#[derive(Default)]
pub(crate) struct Next {
    /// The places reached; every one is further on in the text.
    pub places: Vec<Cursor>,
    /// Whether more input could add one.
    pub more: bool,
    /// To try units in while going backwards, kept for its memory.
    spare: Option<Box<Next>>,
}

impl Next {
    /// Adds a place.
    pub fn push(&mut self, at: usize, index: usize) {
        self.places.push(Cursor { at, index, column: 0 });
    }

    /// Adds the place behind what is skipped after, or before, the unit at `from`, unless too much
    /// was skipped there.
    pub fn skip(&mut self, from: Cursor, at: usize) {
        if from.column < MAX_SKIPS {
            self.places.push(Cursor { at, index: from.index, column: from.column + 1 });
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.more = false;
    }

    /// Another list, to be given back.
    fn forward(&mut self) -> Box<Next> {
        self.spare.take().unwrap_or_default()
    }

    fn keep(&mut self, forward: Box<Next>) {
        self.spare = Some(forward);
    }
}

/// What may follow a complete match and belongs to it: padding, half a character of base64, the
/// text column of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Where the match ends so far.
    pub end: usize,
    /// Whether more input could move the end.
    pub more: bool,
}

/// No form begins at this index or behind it.
const LATEST: usize = 8;

/// The longest stretch of text, in bytes, that one form of a value of `len` bytes can take up
/// before or behind its seed.
pub(crate) fn reach(len: usize) -> usize {
    16 * len + 256
}

/// A form of one value.
#[derive(Clone, Copy)]
pub(crate) struct Machine<'a> {
    /// The value's bytes.
    pub value: &'a [u8],
    /// The family.
    pub form: Form,
    /// Whether each byte of the value, where it stands as it is, can be read as itself only; false
    /// if it was not looked.
    pub lone: bool,
    /// How the value repeats itself, if it does.
    pub repetition: Repetition,
}

impl Machine<'_> {
    /// The index at which all of the value has been read.
    pub fn goal(&self) -> usize {
        match self.form {
            Form::Plain(_) | Form::Hex | Form::Literal => self.value.len(),
            Form::Base64(_) | Form::Base32(_) => radix::Radix::of(self.form).goal(self.value),
        }
    }

    /// The lowest index at which reading can begin.
    pub fn first(&self) -> usize {
        match self.form {
            Form::Base64(_) | Form::Base32(_) => radix::Radix::of(self.form).first(),
            _ => 0,
        }
    }

    /// Whether no unit precedes this one in any match.
    pub fn is_first(&self, index: usize) -> bool {
        self.period() == 0 && index == self.first()
    }

    /// The place behind so many units of a [`Machine::run`].
    pub fn behind(&self, place: Cursor, run: usize) -> Cursor {
        Cursor { at: place.at + run, index: place.index + run, column: 0 }
    }

    /// The place behind a run.
    pub fn past(&self, place: Cursor, run: Run) -> Cursor {
        let counts = self.form == Form::Hex && place.column > 0;
        let column = if counts { place.column + run.units as u32 } else { 0 };
        let most = if self.period() == 1 { self.goal() } else { usize::MAX };
        let index = (place.index + run.units).min(most);
        Cursor { at: place.at + run.bytes(), index, column }
    }

    /// Whether a unit that begins with this byte is never a single byte that is read in one way
    /// only: there is no run here.
    pub fn reads_apart(&self, byte: u8) -> bool {
        match self.form {
            Form::Hex => true,
            Form::Plain(_) => !stands_for_itself(byte),
            _ => false,
        }
    }

    /// The place behind those of the next `most` bytes that stand in the text as in the value.
    pub fn behind_alike(&self, text: Text<'_>, from: Cursor, most: usize) -> Cursor {
        let Form::Plain(case) = self.form else { return from };
        let both = text.bytes[from.at..].iter().zip(&self.value[from.index..]).take(most);
        self.behind(from, both.take_while(|(byte, wanted)| case.fits(**byte, **wanted)).count())
    }

    /// The units from here on that are of one length and can be read in one way only. Of a value
    /// that is one byte over and over, which was complete if it is `done`, they may be more than it
    /// has.
    pub fn units(&self, text: Text<'_>, from: Cursor, done: bool) -> Run {
        let units = self.run(text, from);
        match self.form {
            _ if units > 0 => Run { units, pace: 1 },
            Form::Plain(Case::Exact) if self.is_only(text.bytes[from.at]) => {
                pace::alone(self.value, text, from, done)
            }
            Form::Plain(case) => pace::escapes(self.value, case, text, from),
            Form::Hex => pace::pairs(self.value, text, from),
            _ => Run::NONE,
        }
    }

    /// At most so many such units before `to`, none of them the first of a match; single bytes are
    /// none of them.
    pub fn units_back(&self, text: Text<'_>, to: Cursor, most: usize) -> Run {
        match self.form {
            _ if self.period() > 0 => Run::NONE,
            Form::Plain(case) => pace::escapes_back(self.value, case, text, to, most),
            Form::Hex => pace::pairs_back(self.value, text, to, most),
            _ => Run::NONE,
        }
    }

    /// Adds the places that can be reached by reading one unit.
    pub fn step(&self, text: Text<'_>, from: Cursor, next: &mut Next) {
        next.clear();
        if from.at >= text.len() {
            next.more = !text.eof;
            return;
        }
        match self.form {
            Form::Plain(case) => plain::step(self.value, case, text, from, next),
            Form::Hex => hex::step(self.value, text, from, next),
            Form::Base64(_) | Form::Base32(_) => {
                radix::Radix::of(self.form).step(self.value, text, from, next)
            }
            Form::Literal => {
                if text.bytes[from.at] == self.value[from.index] {
                    next.push(from.at + 1, from.index + 1);
                }
            }
        }
    }

    /// How many units from here are single bytes that can be read in one way only. Reading them
    /// needs no [`Machine::step`].
    pub fn run(&self, text: Text<'_>, from: Cursor) -> usize {
        match self.form {
            Form::Plain(Case::Exact) if self.lone => {
                alike(&text.bytes[from.at..], &self.value[from.index..])
            }
            Form::Plain(case) => plain::run(self.value, case, text, from),
            Form::Hex => 0,
            Form::Base64(_) | Form::Base32(_) => {
                radix::Radix::of(self.form).run(self.value, text, from)
            }
            Form::Literal => alike(&text.bytes[from.at..], &self.value[from.index..]),
        }
    }

    /// Whether `byte`, at which a run stopped before the goal, cannot be read in any other way.
    pub fn stops(&self, byte: u8) -> bool {
        match self.form {
            Form::Plain(_) | Form::Base64(_) | Form::Base32(_) => stands_for_itself(byte),
            Form::Literal => true,
            Form::Hex => false,
        }
    }

    /// Whether the text from a seed up to `end`, each byte of which can only be read as itself but
    /// for the first, or the escapes there, show that this is no match: the text may be in another
    /// case than that of the value.
    #[inline]
    pub fn rejects(&self, text: Text<'_>, seed: Cursor, end: usize) -> bool {
        let Form::Plain(case) = self.form else { return false };
        let bytes = text.bytes[seed.at..end].iter().zip(&self.value[seed.index..]);
        let mut others = bytes.filter(|(byte, wanted)| !case.fits(**byte, **wanted));
        others.any(|(byte, _)| self.stops(*byte))
            || plain::is_escaped_otherwise(self.value, case, text, seed)
    }

    /// How many units before `to` are single bytes that can be read in one way only, and whether
    /// what precedes them rules out that a match goes on there.
    pub fn run_back(&self, text: Text<'_>, to: Cursor) -> (usize, bool) {
        match self.form {
            Form::Plain(case) => plain::run_back(self.value, case, self.lone, text, to),
            Form::Base64(_) | Form::Base32(_) => {
                radix::Radix::of(self.form).run_back(self.value, text, to)
            }
            Form::Hex => (0, false),
            Form::Literal => (alike_back(&text.bytes[..to.at], &self.value[..to.index]), true),
        }
    }

    /// Where the match begins that is read byte by byte up to its `last` place, and what follows,
    /// if it is plain to see that no other begins before it and that nothing more belongs to it.
    pub fn stands_alone(
        &self,
        text: Text<'_>,
        seed: Cursor,
        last: Cursor,
    ) -> Option<(usize, Tail)> {
        let radix = match self.form {
            Form::Base64(_) | Form::Base32(_) if self.is_first(1) => radix::Radix::of(self.form),
            _ => return None,
        };
        let start = radix.start(self.value, text, seed)?;
        let tail = radix.tail(self.value, text, last.at);
        let begins = self.begins(text, Cursor { at: start, index: 1, column: 0 });
        (begins && !tail.more).then_some((start, tail))
    }

    /// Adds the places from which one unit leads to `to`.
    pub fn back(&self, text: Text<'_>, to: Cursor, next: &mut Next) {
        next.clear();
        match self.form {
            Form::Plain(case) => plain::back(self.value, case, text, to, next),
            Form::Hex => hex::back(self.value, text, to, next),
            Form::Base64(_) | Form::Base32(_) => {
                radix::Radix::of(self.form).back(self.value, text, to, next)
            }
            Form::Literal => {
                if to.at > 0 && to.index > 0 && text.bytes[to.at - 1] == self.value[to.index - 1] {
                    next.push(to.at - 1, to.index - 1);
                }
            }
        }
    }

    /// Whether a match may begin at this place.
    ///
    /// No encoding begins with the last letter of a control sequence, which would wait for what
    /// follows it. Encodings may also begin a few units late behind a line break: so few units at
    /// the end of a line are not held back, which would delay the last word of nearly every line.
    pub fn begins(&self, text: Text<'_>, place: Cursor) -> bool {
        match self.form {
            Form::Literal => place.index == 0,
            Form::Plain(_) => place.index == 0 || plain::begins_late(self.value, text, place),
            Form::Hex if place.index == 0 => !ansi::ends_with(text, place.at),
            Form::Hex => place.index < hex::BREAK_FROM && hex::after_break(text, place.at),
            Form::Base64(_) | Form::Base32(_) if place.index <= 1 => {
                !ansi::ends_with(text, place.at)
            }
            Form::Base64(_) | Form::Base32(_) => {
                place.index < radix::BREAK_FROM && radix::begins_line(text, place.at)
            }
        }
    }

    /// Which of the units of a run back from `index`, counted from its end, may be the first of a
    /// match.
    pub fn beginnings(&self, index: usize, run: usize) -> impl Iterator<Item = usize> {
        let all = self.period() > 0;
        (1..run).filter(move |n| all || index - n < LATEST)
    }

    /// The place from which a match that begins here is read.
    pub fn opening(&self, place: Cursor) -> Cursor {
        if self.form == Form::Hex { hex::opening(place) } else { place }
    }

    /// Whether nothing that follows a complete match can belong to it.
    pub fn ends_with_its_value(&self) -> bool {
        matches!(self.form, Form::Plain(_) | Form::Literal)
    }

    /// How far a complete match ending at `place` goes on.
    pub fn tail(&self, text: Text<'_>, place: Cursor) -> Tail {
        match self.form {
            Form::Plain(_) | Form::Literal => Tail { end: place.at, more: false },
            Form::Hex => hex::tail(self.value, text, place),
            Form::Base64(_) | Form::Base32(_) => {
                radix::Radix::of(self.form).tail(self.value, text, place.at)
            }
        }
    }
}
