//! The search for the first position at which a match may begin: what stands there is read as far
//! as the text goes, and goes on from there when there is more, so that nothing is read twice.

use std::ops::Range;

use crate::decode::text::Text;
use crate::decode::unit::{introduces, stands_for_itself};
use crate::filter::firsts::Heads;
use crate::filter::form::{Cursor, Form, Machine, reach};
use crate::filter::pattern::needle::Needles;
use crate::filter::trail::{Known, Trail};
use crate::filter::walk::{Room, Walk};

/// So many steps may be taken each time to find what must be held back, and so many for each new
/// byte.
pub(super) const WORK: u64 = 16_384;
const WORK_A_BYTE: u64 = 16;

/// A reading of so few steps is sooner made again than remembered.
const SHORT: u64 = 4;

/// A form of a needle, to be read from a certain unit on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// The needle.
    pub needle: u32,
    /// The form.
    pub form: Form,
    /// The unit with which the beginning begins.
    pub index: u8,
    /// Part of the hash of the head.
    pub tag: u8,
}

/// What the text from some place on is, and the steps that were taken to find it out.
pub(super) enum Opening {
    /// The beginning of a match that is not yet complete.
    Open(Box<Walk>, u64),
    /// No such beginning, nor is one at these places.
    Not(Trail, u64),
    No,
}

/// Whether the text from `place` on is the beginning of a match that is not yet complete.
pub(super) fn open(
    machine: Machine<'_>,
    text: Text<'_>,
    place: Cursor,
    most_work: u64,
    known: impl Fn(Cursor) -> bool,
    room: &mut Room,
) -> Opening {
    let period = machine.period();
    // One that repeats itself is looked at again and again in a text that does.
    if period > 0 && known(place) {
        return Opening::No;
    }
    let run = machine.run(text, place);
    let behind = machine.behind(place, run);
    // A blank or a tab ends a run and may be the value's next byte all the same.
    let plain_stop = text.get(behind.at).is_some_and(stands_for_itself);
    if plain_stop && machine.form != Form::Hex && (period == 0 || behind.index < machine.goal()) {
        if run <= 1 || period == 0 {
            return Opening::No;
        }
        let mut trail = Trail::default();
        trail.add(place, 1, run + 1, period);
        return Opening::Not(trail, run as u64 / 8);
    }
    // Most of what begins as a value goes on in another way.
    let goes_on = run > 0 || room.goes_on(machine, text, place);
    if !goes_on || !machine.begins(text, place) || (period == 0 && known(place)) {
        return Opening::No;
    }
    let mut walk = Walk::new(place);
    let work = walk.advance(machine, text, most_work, known, room).work;
    if walk.is_open() {
        Opening::Open(Box::new(walk), work)
    } else {
        Opening::Not(walk.trail, work)
    }
}

/// The beginning of a match at the first position at which there is one, read as far as the text
/// goes, so that it need not be read again from there when there is more text.
struct Begun {
    at: usize,
    needle: u32,
    form: Form,
    walk: Box<Walk>,
}

/// The search for the first position at which a match may begin.
#[derive(Default)]
pub(crate) struct Openings {
    begun: Option<Begun>,
    /// Where readings went of which nothing came.
    known: Known,
    /// Steps taken.
    pub work: u64,
    /// How many of them may be taken.
    most: u64,
    /// How long the text was the last time.
    seen: usize,
    /// Memory to read in.
    room: Room,
    /// Memory for what a text may begin with.
    pub(super) heads: Heads,
}

impl Openings {
    /// Reads on where a match began that reaches into this range: its position, if it may still
    /// begin there.
    pub(super) fn still_open(
        &mut self,
        needles: &Needles,
        text: Text<'_>,
        range: &Range<usize>,
    ) -> Option<usize> {
        let new = text.len().abs_diff(std::mem::replace(&mut self.seen, text.len()));
        self.most = self.work + WORK + WORK_A_BYTE * new as u64;
        let reaches = |begun: &Begun| {
            range.contains(&begun.at) || begun.at < range.start && begun.goes_on(needles)
        };
        let begun = self.begun.take().filter(reaches)?;
        self.go_on(needles, text, begun)
    }

    /// A look at the text from a position on.
    pub(super) fn look<'a>(
        &'a mut self,
        needles: &'a Needles,
        text: Text<'a>,
        at: usize,
    ) -> Look<'a> {
        Look { openings: self, needles, text, at }
    }

    /// How many more steps may be taken this time. A text that has too many readings is held back,
    /// up to where it is known that no match began, which is never wrong.
    pub(super) fn left(&self) -> u64 {
        self.most.saturating_sub(self.work)
    }

    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        self.seen = self.seen.saturating_sub(by);
        self.known.shift(by);
        // While more was ready nothing was looked for, and the text where this one stopped may be
        // gone: another look finds what begins since.
        self.begun = self.begun.take().filter(|begun| begun.walk.stands_behind(by));
        if let Some(begun) = &mut self.begun {
            begun.at = begun.at.saturating_sub(by);
            begun.walk.shift(by);
        }
    }

    /// Reads on; returns the position if a match may still begin there.
    fn go_on(&mut self, needles: &Needles, text: Text<'_>, mut begun: Begun) -> Option<usize> {
        let machine = needles.machine(begun.needle, begun.form);
        let (most_work, known) = (self.left(), &self.known);
        let is_known = |place| known.has(begun.needle, begun.form, place, machine.period());
        let walk = &mut begun.walk;
        self.work += walk.advance(machine, text, most_work, is_known, &mut self.room).work;
        let at = begun.at;
        if begun.walk.is_open() {
            self.begun = Some(begun);
            return Some(at);
        }
        self.known.passed(begun.needle, begun.form, begun.walk.trail);
        None
    }
}

impl Begun {
    /// Whether the match that began here goes on in others, as that of a value that repeats itself
    /// does.
    fn goes_on(&self, needles: &Needles) -> bool {
        needles.machine(self.needle, self.form).period() > 0
    }
}

/// A position that is looked at.
pub(super) struct Look<'a> {
    pub openings: &'a mut Openings,
    needles: &'a Needles,
    pub text: Text<'a>,
    pub at: usize,
}

impl Look<'_> {
    pub fn entry_open(&mut self, entry: &Entry) -> bool {
        self.openings.work += 1;
        let Entry { needle, form, .. } = *entry;
        // Nothing that begins so far back can reach the end of the text.
        if self.text.len() - self.at > 2 * reach(self.needles.get(needle).len) {
            return false;
        }
        let machine = self.needles.machine(needle, form);
        let (place, period) =
            (Cursor { at: self.at, index: usize::from(entry.index), column: 0 }, machine.period());
        let (left, openings) = (self.openings.left(), &mut *self.openings);
        let known = |place| openings.known.has(needle, form, place, period);
        let opening = open(machine, self.text, place, left, known, &mut openings.room);
        if let Opening::Open(_, work) | Opening::Not(_, work) = &opening {
            self.openings.work += work;
        }
        match opening {
            Opening::Open(walk, _) => {
                self.openings.begun = Some(Begun { at: self.at, needle, form, walk });
                true
            }
            Opening::Not(trail, work) => {
                if work > SHORT {
                    self.openings.known.passed(needle, form, trail);
                }
                false
            }
            Opening::No => false,
        }
    }

    /// The same with the character before, which the encoding shares with other data.
    pub fn shared_open(&mut self, entry: &Entry) -> bool {
        let shared =
            entry.index == 1 && self.needles.machine(entry.needle, entry.form).first() == 0;
        shared && self.entry_open(&Entry { index: 0, ..*entry })
    }
}

/// Whether a byte stands for itself in every form, and for nothing else.
pub(super) fn lone(byte: u8) -> bool {
    !introduces(byte) && !matches!(byte, b'\r' | b'\n')
}
