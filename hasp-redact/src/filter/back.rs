//! Reading a form backwards from a seed to where the match begins that it may be part of.

use crate::decode::text::Text;
use crate::filter::form::{Cursor, Machine, Next, Run, reach};
use crate::filter::trail::Trail;
use crate::filter::walk::{MAX_FRONT, Room};

/// How many units going backwards are read at once at first, before it is looked whether what
/// precedes them is known; twice as many each time.
const FIRST_BACK: usize = 16;

/// What came of reading backwards from a seed.
pub(crate) struct Begun {
    /// The earliest beginning of a match that passes through the seed.
    pub first: Option<Cursor>,
    /// Units read.
    pub work: u64,
}

/// The earliest beginning of a match that passes through `seed`, if there is one that does not pass
/// through a place that is known. [`Room::visited`] says where it was looked for.
pub(crate) fn begin(
    machine: Machine<'_>,
    text: Text<'_>,
    seed: Cursor,
    known: impl Fn(Cursor) -> bool,
    room: &mut Room,
) -> Begun {
    let mut work = 0;
    let Room { places: front, visited, next, .. } = room;
    front.clear();
    front.push(machine.raised(seed));
    visited.clear();
    visited.add(seed, 1, 1, 0);
    let mut first: Option<Cursor> = None;
    let mut most = FIRST_BACK;
    let floor = seed.at.saturating_sub(reach(machine.value.len()));
    while let Some(place) = front.pop() {
        work += 1;
        if place.at < seed.at && known(place) {
            continue;
        }
        first = machine.beginning(text, place).into_iter().chain(first).min();
        if front.is_empty() {
            let run = back(machine, text, place, most, floor);
            if run.units > 0 {
                work += run.bytes() as u64 / 8;
                most = most.saturating_mul(2);
                let begun = within(machine, text, place, run);
                first = begun.into_iter().chain(first).min();
                let low = before(place, run, run.units);
                visited.add_before(low, run.pace, run.units);
                front.push(machine.raised(low));
                continue;
            }
        }
        machine.back(text, place, next);
        let places = next.places.iter().filter(|to| to.at >= floor);
        places.for_each(|to| add(front, machine.raised(*to)));
    }
    let first = first.map(|first| with_shared(machine, text, first, next));
    Begun { first, work }
}

/// Adds a place to those in order, if it is not there.
fn add(front: &mut Vec<Cursor>, place: Cursor) {
    if let Err(at) = front.binary_search(&place)
        && front.len() < MAX_FRONT
    {
        front.insert(at, place);
    }
}

/// The place so many units of a run before this one.
fn before(place: Cursor, run: Run, units: usize) -> Cursor {
    Cursor { at: place.at - units * run.pace, index: place.index - units, column: 0 }
}

/// The earliest beginning of a match among the single bytes of a run: the first few units behind a
/// line break can be it too.
fn within(machine: Machine<'_>, text: Text<'_>, place: Cursor, run: Run) -> Option<Cursor> {
    let single = if run.pace == 1 { run.units } else { 0 };
    let places = machine.beginnings(place.index, single).map(|n| before(place, run, n));
    places.filter_map(|place| machine.beginning(text, place)).min()
}

/// The units before `place` that can be read in one way only: all single bytes, or at most so many
/// of another length, which begin at `floor` or behind it.
fn back(machine: Machine<'_>, text: Text<'_>, place: Cursor, most: usize, floor: usize) -> Run {
    let run = machine.units_back(text, place, most);
    let units = run.units.min(place.at.saturating_sub(floor) / run.pace);
    if units > 0 {
        return Run { units, ..run };
    }
    Run { units: machine.run_back(text, place).0, pace: 1 }
}

impl Room {
    /// Whether a unit can be read from here on, or could with more input.
    pub fn goes_on(&mut self, machine: Machine<'_>, text: Text<'_>, place: Cursor) -> bool {
        machine.step(text, place, &mut self.next);
        self.next.more || !self.next.places.is_empty()
    }

    /// Where the last reading backwards went, in runs.
    pub fn visited(&self) -> Trail {
        self.visited.reversed()
    }
}

/// The place before the first own character of an encoding that repeats itself, if the value has
/// part of the one there: going back, it was only seen that the value may as well have begun
/// earlier.
fn with_shared(machine: Machine<'_>, text: Text<'_>, first: Cursor, next: &mut Next) -> Cursor {
    if machine.period() > 0 && first.index == 1 && machine.first() == 0 {
        machine.back(text, first, next);
        let before = next.places.iter().copied().filter(|p| p.index == 0);
        return before.filter_map(|p| machine.beginning(text, p)).min().unwrap_or(first);
    }
    first
}
