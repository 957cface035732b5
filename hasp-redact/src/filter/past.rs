//! The matches of one stream that have begun, and what is known of those that are over: a match has
//! many pieces, and all but the first that is found lead to what has been read.

use std::ops::Range;

use crate::filter::form::{Cursor, Form, Machine};
use crate::filter::seed::PIECE;
use crate::filter::trail::{Known, Trail};
use crate::filter::walk::Walk;

/// A reading of so few steps is sooner made again than remembered for long.
pub(super) const SHORT: u64 = 16;

/// A match that has begun and passed through a seed.
pub(super) struct Begun {
    pub walk: Walk,
    pub needle: u32,
    pub form: Form,
}

/// What has been read.
#[derive(Default)]
pub(super) struct Past {
    /// The matches that may go on.
    pub begun: Vec<Begun>,
    /// The last match that is over and not among those that are known: further pieces of it follow,
    /// and the next one takes its memory.
    last: Option<Begun>,
    /// Where matches have been read that are over.
    known: Known,
}

impl Past {
    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        self.begun.iter_mut().for_each(|b| b.walk.shift(by));
        self.last.iter_mut().for_each(|b| b.walk.trail.shift(by));
        self.known.shift(by);
    }

    /// A match that begins here.
    pub fn begin(&mut self, start: Cursor, needle: u32, form: Form) -> Begun {
        let last = self.last.take();
        let walk = last.map_or_else(|| Walk::new(start), |b| b.walk.after(start));
        Begun { walk, needle, form }
    }

    /// Takes in a match that was read as far as the text goes.
    pub fn add(&mut self, one: Begun) {
        if one.walk.alive() {
            self.begun.push(one);
        } else if one.walk.work > SHORT {
            self.known.passed(one.needle, one.form, one.walk.trail);
        } else {
            self.last = Some(one);
        }
    }

    /// Remembers that no match leads to these places.
    pub fn dead(&mut self, needle: u32, form: Form, places: Trail) {
        self.known.dead(needle, form, places);
    }

    /// Whether what goes through this place has been read, or is being read.
    pub fn knows(&self, machine: Machine<'_>, place: Cursor, needle: u32) -> bool {
        let (form, period) = (machine.form, machine.period());
        let mut near = self.last.iter().chain(&self.begun);
        near.any(|b| (b.needle, b.form) == (needle, form) && b.walk.trail.has(place, period))
            || self.known.has(needle, form, place, period)
    }

    /// As [`Past::knows`], of a place from which no run of single bytes leads on: nearly every
    /// piece of a dump that is being read is there.
    pub fn knows_apart(&self, machine: Machine<'_>, byte: u8, place: Cursor, needle: u32) -> bool {
        machine.reads_apart(byte) && self.knows(machine, place, needle)
    }

    /// The stretch around this place that was read byte by byte, of a value that repeats itself so
    /// soon that each piece tells where in it it lies.
    pub fn stretch(&self, machine: Machine<'_>, place: Cursor, needle: u32) -> Range<usize> {
        let (form, period) = (machine.form, machine.period());
        if period > PIECE || period + PIECE > machine.value.len() {
            return place.at..place.at;
        }
        let begun = self.begun.iter().filter(|b| (b.needle, b.form) == (needle, form));
        begun
            .map(|b| &b.walk.trail)
            .chain(self.known.trails(needle, form))
            .find_map(|trail| trail.around(place, period))
            .unwrap_or(place.at..place.at)
    }
}
