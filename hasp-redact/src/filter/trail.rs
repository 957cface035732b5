//! Which places a reading passed through: whoever comes to one of them again, from a piece further
//! on in the text, has nothing to find there. Most readings go on at an even pace, so that a few
//! numbers tell of many places.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;

use crate::filter::form::{Cursor, Form};

/// How many trails of matches that are over are remembered for each form of a needle.
const TRAILS: usize = 4;

/// How many dead ends are remembered for each form of a needle.
const DEAD: usize = 8;

/// Among so many of the last stretches before a position it is looked for: more than one only where
/// a text has several readings.
const NEAR: usize = 6;

/// Places at the same distance from each other, one unit apart. The first may lie in text that is
/// gone.
#[derive(Clone, Copy)]
struct Stretch {
    at: isize,
    index: usize,
    pace: isize,
    count: usize,
}

impl Stretch {
    fn end(&self) -> isize {
        self.at + self.pace * (self.count as isize - 1)
    }

    fn has(&self, at: isize, index: usize, period: usize) -> bool {
        let by = at - self.at;
        if by < 0 || at > self.end() || (by > 0 && by % self.pace != 0) {
            return false;
        }
        let here = self.index + if by > 0 { (by / self.pace) as usize } else { 0 };
        is_same(here, index, period)
    }
}

/// Whether two indexes are the same, or whole periods away from each other.
fn is_same(one: usize, other: usize, period: usize) -> bool {
    one == other || (period > 0 && one.abs_diff(other).is_multiple_of(period))
}

/// The places of one reading, in the order of the text.
#[derive(Clone, Default)]
pub(crate) struct Trail(Vec<Stretch>);

impl Trail {
    /// Adds so many places, the first of them here and each `pace` bytes and one unit behind the
    /// one before. Of a value that repeats itself all that are whole periods away are as good.
    pub fn add(&mut self, place: Cursor, pace: usize, count: usize, period: usize) {
        let (at, index, pace) = (place.at as isize, place.index, pace as isize);
        if let Some(last) = self.0.last_mut() {
            let goes_on = is_same(index, last.index + last.count, period);
            if last.count == 1 && goes_on && at > last.at && (count == 1 || at - last.at == pace) {
                (last.pace, last.count) = (at - last.at, 1 + count);
                return;
            }
            let follows = goes_on && at == last.at + last.pace * last.count as isize;
            if follows && last.count > 1 && (count == 1 || pace == last.pace) {
                last.count += count;
                return;
            }
        }
        self.0.push(Stretch { at, index, pace, count });
    }

    /// Adds so many places before all others, the first of them here.
    pub fn add_before(&mut self, place: Cursor, pace: usize, count: usize) {
        let (at, index, pace) = (place.at as isize, place.index, pace as isize);
        let whole = |s: &&mut Stretch| {
            let meets = s.at == at + pace * count as isize && s.index == index + count;
            meets && (s.pace == pace || s.count == 1)
        };
        match self.0.last_mut().filter(whole) {
            Some(last) => *last = Stretch { at, index, pace, count: count + last.count },
            None => self.0.push(Stretch { at, index, pace, count }),
        }
    }

    /// What was added before all others each time, in the order of the text.
    pub fn reversed(&self) -> Trail {
        Trail(self.0.iter().rev().copied().collect())
    }

    /// Forgets all places.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether it passed through this place, or through one that is whole periods away, if the
    /// value has one.
    pub fn has(&self, place: Cursor, period: usize) -> bool {
        let at = place.at as isize;
        let before = self.0.partition_point(|s| s.at <= at);
        self.0[..before].iter().rev().take(NEAR).any(|s| s.has(at, place.index, period))
    }

    /// The text between those of its places that lie a byte apart from each other around this one.
    pub fn around(&self, place: Cursor, period: usize) -> Option<Range<usize>> {
        let at = place.at as isize;
        let before = self.0.partition_point(|s| s.at <= at);
        let here = self.0[..before].iter().rev().take(NEAR);
        let stretch = here.filter(|s| s.pace == 1).find(|s| s.has(at, place.index, period))?;
        Some(stretch.at.max(0) as usize..stretch.end().max(0) as usize)
    }

    /// Moves all positions down, and forgets those before `from`.
    pub fn shift(&mut self, by: usize) {
        self.0.iter_mut().for_each(|s| s.at -= by as isize);
        let gone = self.0.iter().take_while(|s| s.end() < 0).count();
        self.0.drain(..gone);
    }

    /// How many stretches it has.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// What was found out about the places of one form of a needle.
#[derive(Default)]
struct Entry {
    trails: Vec<Trail>,
    /// Places that no match leads to.
    dead: Vec<Trail>,
}

/// What was found out about places, by needle and form.
#[derive(Default)]
pub(crate) struct Known(HashMap<(u32, Form), Entry, BuildHasherDefault<Mixer>>);

/// A hash of small numbers, which no input chooses, that costs less than the standard one.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

impl Known {
    /// Whether what goes through this place has been read.
    pub fn has(&self, needle: u32, form: Form, place: Cursor, period: usize) -> bool {
        // Mostly nothing is known, which is sooner seen than looked up.
        let entry = if self.0.is_empty() { None } else { self.0.get(&(needle, form)) };
        entry.is_some_and(|entry| {
            entry.dead.iter().any(|trail| trail.has(place, 0))
                || entry.trails.iter().any(|trail| trail.has(place, period))
        })
    }

    /// Where matches of this form went that are over.
    pub fn trails(&self, needle: u32, form: Form) -> impl Iterator<Item = &Trail> {
        self.0.get(&(needle, form)).into_iter().flat_map(|entry| &entry.trails)
    }

    /// Remembers where a match went that is over.
    pub fn passed(&mut self, needle: u32, form: Form, trail: Trail) {
        push(&mut self.0.entry((needle, form)).or_default().trails, trail, TRAILS);
    }

    /// Remembers that no match leads to these places.
    pub fn dead(&mut self, needle: u32, form: Form, trail: Trail) {
        push(&mut self.0.entry((needle, form)).or_default().dead, trail, DEAD);
    }

    /// Moves all positions down, and forgets what lies in text that is gone.
    pub fn shift(&mut self, by: usize) {
        self.0.retain(|_, entry| {
            for trails in [&mut entry.trails, &mut entry.dead] {
                trails.iter_mut().for_each(|trail| trail.shift(by));
                trails.retain(|trail| trail.len() > 0);
            }
            !entry.trails.is_empty() || !entry.dead.is_empty()
        });
    }
}

/// Adds to a list in place of the oldest one if it is full.
fn push<T>(list: &mut Vec<T>, one: T, most: usize) {
    if list.len() == most {
        list.remove(0);
    }
    list.push(one);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(at: usize, index: usize) -> Cursor {
        Cursor { at, index, column: 0 }
    }

    #[test]
    fn a_trail_knows_its_places_and_no_others() {
        let mut trail = Trail::default();
        (0..10).for_each(|i| trail.add(place(100 + 3 * i, 5 + i), 1, 1, 0));
        trail.add(place(140, 15), 2, 4, 0);
        for at in 90..160 {
            for index in 0..30 {
                let first =
                    at >= 100 && (at - 100) % 3 == 0 && at <= 127 && index == 5 + (at - 100) / 3;
                let second = at >= 140 && at % 2 == 0 && at <= 146 && index == 15 + (at - 140) / 2;
                assert_eq!(trail.has(place(at, index), 0), first || second, "{at} {index}");
            }
        }
        assert!(trail.has(place(103, 2), 4) && !trail.has(place(103, 3), 4));
        assert_eq!(trail.0.len(), 2);
        trail.shift(128);
        assert_eq!(trail.0.len(), 1);
        assert!(trail.has(place(12, 15), 0));
    }

    /// However often a value was complete: else each byte of a text full of it takes memory.
    #[test]
    fn whole_periods_are_one_stretch() {
        let mut trail = Trail::default();
        (0..10).for_each(|i| trail.add(place(100 + i, 6 + i % 3), 1, 1, 3));
        trail.add(place(110, 7), 1, 20, 3);
        trail.add(place(130, 6), 1, 20, 3);
        assert_eq!(trail.0.len(), 1);
        assert!(trail.has(place(149, 4), 3) && !trail.has(place(149, 5), 3));
        trail.add(place(150, 6), 1, 1, 3);
        assert_eq!(trail.0.len(), 2);
    }

    #[test]
    fn what_is_known_is_bounded_and_moves_with_the_text() {
        let mut known = Known::default();
        let alone = |at| {
            let mut trail = Trail::default();
            trail.add(place(at, 0), 1, 1, 0);
            trail
        };
        (0..20).for_each(|i| known.dead(1, Form::Hex, alone(i)));
        assert!(
            !known.has(1, Form::Hex, place(11, 0), 0) && known.has(1, Form::Hex, place(12, 0), 0)
        );
        assert!(!known.has(1, Form::Literal, place(12, 0), 0));
        known.shift(15);
        assert!(known.has(1, Form::Hex, place(0, 0), 0));
        known.shift(15);
        assert!(known.0.is_empty());
    }
}
