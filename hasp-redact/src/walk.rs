//! Reading a form forwards over whatever input there is, stopping where it ends and going on later, and backwards from a
//! seed to where the match begins. All readings are followed at once, and the text is never read twice for the same one.

use crate::decode::text::Text;
use crate::form::{Machine, Next, Place, reach};

/// Readings of one match that has begun at a known position.
pub(crate) struct Walk {
    /// Where the match begins in the text.
    pub start: usize,
    /// Readings that the end of the input stopped, with the input's length at that time.
    stopped: Vec<(Place, usize)>,
    /// The first byte that is not yet known to belong to a match.
    pub open: usize,
}

impl Walk {
    /// A match that begins here.
    pub fn new(start: Place) -> Walk {
        Walk { start: start.at, stopped: vec![(start, 0)], open: start.at }
    }

    /// Whether more input could make the match complete, or longer.
    pub fn alive(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        // What is complete and only waits for its tail may have begun in text that is gone.
        self.start = self.start.saturating_sub(by);
        self.open -= by;
        for (place, seen) in &mut self.stopped {
            place.at -= by;
            *seen = seen.saturating_sub(by);
        }
    }

    /// Reads on to the end of the input and adds the positions where a match ends. Returns the number of units read.
    pub fn advance(&mut self, machine: Machine<'_>, text: Text<'_>, ends: &mut Vec<usize>) -> u64 {
        let mut work = 0;
        let mut front = std::mem::take(&mut self.stopped);
        let mut next = Next::default();
        let mut held = None;
        while let Some((place, seen)) = take_first(&mut front) {
            work += 1;
            if place.at - self.start > 2 * reach(machine.value.len()) {
                continue;
            }
            if place.index == machine.goal() {
                let tail = machine.tail(text, place);
                ends.extend([place.at, tail.end]);
                if tail.more {
                    held = Some(held.map_or(tail.end, |h: usize| h.min(tail.end)));
                    self.stopped.push((place, text.len()));
                }
                continue;
            }
            let run = if place.at < text.len() { machine.run(text, place) } else { 0 };
            if run > 0 && front.is_empty() {
                work += run as u64 / 8;
                front.push((machine.behind(place, run), 0));
                continue;
            }
            machine.step(text, place, &mut next);
            for to in next.places.iter().filter(|to| to.at >= seen) {
                if !front.iter().any(|(p, _)| p == to) {
                    front.push((*to, 0));
                }
            }
            if next.more {
                held = Some(self.start);
                self.stopped.push((place, text.len()));
            }
        }
        self.open = held.unwrap_or(self.start);
        work
    }
}

/// Takes the reading that is least far in the text, so that each place is reached by all its ways before it is left.
fn take_first(front: &mut Vec<(Place, usize)>) -> Option<(Place, usize)> {
    let first = (0..front.len()).min_by_key(|i| front[*i].0)?;
    Some(front.swap_remove(first))
}

/// The earliest beginning of a match that passes through `seed`, if there is one, and the number of units read.
pub(crate) fn begin(machine: Machine<'_>, text: Text<'_>, seed: Place) -> (Option<Place>, u64) {
    let mut work = 0;
    let mut front = vec![seed];
    let mut first: Option<Place> = None;
    let mut next = Next::default();
    let floor = seed.at.saturating_sub(reach(machine.value.len()));
    while let Some(last) = (0..front.len()).max_by_key(|i| front[*i]) {
        let place = front.swap_remove(last);
        work += 1;
        if machine.begins(text, place) {
            first = Some(first.map_or(place, |f| f.min(place)));
        }
        let (run, _) = if front.is_empty() { machine.run_back(text, place) } else { (0, false) };
        if run > 0 {
            work += run as u64 / 8;
            let back = |n: usize| Place { at: place.at - n, index: place.index - n, column: 0 };
            // The first few units behind a line break can be the beginning too.
            (1..run).map(back).filter(|p| p.index < 8 && machine.begins(text, *p)).for_each(|p| first = Some(p));
            front.push(back(run));
            continue;
        }
        machine.back(text, place, &mut next);
        for to in next.places.iter().filter(|to| to.at >= floor) {
            if !front.contains(to) {
                front.push(*to);
            }
        }
    }
    (first, work)
}
