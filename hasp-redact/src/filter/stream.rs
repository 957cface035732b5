//! What is known about one stream: matches found, matches begun, what has been written. Positions
//! are offsets into the part of the stream that is still in memory.

use std::ops::Range;

use crate::decode::ansi::{self, ESCAPE};
use crate::decode::text::Text;
use crate::filter::back::begin;
use crate::filter::form::{Case, Cursor, Form, Machine};
use crate::filter::memo::{Memo, Sole};
use crate::filter::openings::Openings;
use crate::filter::past::{Begun, Past, SHORT};
use crate::filter::patterns::Patterns;
use crate::filter::seed::pieces::Seed;
use crate::filter::seed::{PIECE, Progress};
use crate::filter::spans::{Output, Sink, Span};
use crate::filter::walk::Room;

/// How much text before the first open position is kept, to tell whether a line break precedes it.
const CONTEXT: usize = 128;

/// Beyond this many bytes it is cheaper to find out what must be held back than to hold back all
/// that might be.
const MAX_GUESS: usize = 4 * 1024 * 1024;

/// At most this many held bytes may go out when the stream pauses.
const MAX_LEAK: usize = 3;

/// Among so many of the last matches it is looked whether one is known.
const RECENT: usize = 8;

/// The state between two reads.
#[derive(Default)]
pub(crate) struct Stream {
    output: Output,
    past: Past,
    /// How far it has been searched for seeds.
    progress: Progress,
    /// The length of the text when it was last searched.
    seen: usize,
    /// No match that begins before this position can still become complete.
    open: usize,
    /// Whether `open` is exact, not a guess on the safe side.
    exact: bool,
    /// Steps taken, for tests that show that they grow as the input does.
    pub work: u64,
    memo: Memo,
    sole: Sole,
    /// Whether a match may begin at `open`, if that is not told by what has begun.
    openings: Openings,
    /// Memory to read in.
    room: Room,
}

impl Stream {
    /// Takes in what was appended to the text and writes what can be written. `bytes` has slack
    /// behind the text.
    pub fn advance(
        &mut self,
        patterns: &Patterns,
        bytes: &[u8],
        text: Text<'_>,
        more_ready: bool,
        sink: &mut impl Sink,
    ) {
        self.resume(patterns, text);
        self.seek(patterns, bytes, text);
        self.settle(patterns, text, more_ready);
        self.output.send(text, self.open, sink);
    }

    /// Nothing more is ready: holds back only what must be, after a call of [`Stream::advance`]
    /// that held back more.
    pub fn pause(&mut self, patterns: &Patterns, text: Text<'_>, sink: &mut impl Sink) {
        if !self.exact {
            self.settle(patterns, text, false);
            self.output.send(text, self.open, sink);
        }
    }

    /// Lets out a few held bytes after a pause, so that a prompt that looks like the beginning of a
    /// value can be read. The match goes on: only these bytes may leak.
    pub fn idle(&mut self, patterns: &Patterns, text: Text<'_>, sink: &mut impl Sink) {
        if !self.exact {
            self.settle(patterns, text, false);
        }
        let shortest = |at: usize| {
            let begun = self
                .past
                .begun
                .iter()
                .filter(|b| b.walk.open <= at)
                .map(|b| patterns.needles.get(b.needle).len);
            begun.chain(patterns.starts.shortest_open(&patterns.needles, text, at)).min()
        };
        let held = self.open..text.len().min(self.open + MAX_LEAK);
        let shortest = held.filter_map(shortest).min().unwrap_or(patterns.shortest);
        let end = after_pause(text, self.open, MAX_LEAK.min(shortest / 4), patterns.escapes);
        self.output.send(text, end, sink);
    }

    /// Everything before this position has been written.
    pub fn sent(&self) -> usize {
        self.output.sent
    }

    /// Takes everything as written, where nothing is searched for.
    pub fn pass(&mut self, len: usize) {
        (self.seen, self.open, self.output.sent) = (len, len, len);
    }

    /// The first byte that must stay in memory.
    pub fn needed(&self, patterns: &Patterns) -> usize {
        let searched = patterns.seeds.as_ref().map_or(self.sent(), |s| s.needed(&self.progress));
        let first = self.open.min(searched).min(self.sent());
        first.saturating_sub(CONTEXT)
    }

    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        for position in [&mut self.seen, &mut self.open] {
            *position -= by;
        }
        self.progress.shift(by);
        self.output.shift(by);
        self.past.shift(by);
        self.openings.shift(by);
    }

    /// Reads on where the end of the input stopped a match.
    fn resume(&mut self, patterns: &Patterns, text: Text<'_>) {
        let mut begun = std::mem::take(&mut self.past.begun);
        for one in begun.drain(..) {
            let machine = patterns.needles.machine(one.needle, one.form);
            self.go_on(machine, text, one);
        }
    }

    /// Reads a match on as far as the text goes.
    fn go_on(&mut self, machine: Machine<'_>, text: Text<'_>, mut one: Begun) {
        let (start, needle, form) = (one.walk.start, one.needle, one.form);
        let ends = one.walk.advance(machine, text, u64::MAX, |_| false, &mut self.room);
        self.work += ends.work;
        if let Some((first, last)) = ends.found {
            self.output.spans.extend([first, last].map(|end| Span { start, end, needle, form }));
        }
        self.past.add(one);
    }

    /// Looks for seeds in what is new.
    fn seek(&mut self, patterns: &Patterns, bytes: &[u8], text: Text<'_>) {
        self.memo.clear();
        let Some(seeds) = &patterns.seeds else { return };
        let mut progress = std::mem::take(&mut self.progress);
        let work = seeds.search(bytes, text.len(), self.seen, &mut progress, |at, seed| {
            self.verify(patterns, text, at, *seed)
        });
        self.work += work;
        self.progress = progress;
        self.seen = text.len();
    }

    /// Reads the text around a seed. Returns the stretch in which no seed can tell anything new,
    /// which may be empty.
    fn verify(
        &mut self,
        patterns: &Patterns,
        text: Text<'_>,
        at: usize,
        seed: Seed,
    ) -> Range<usize> {
        let index = seed.index as usize;
        let line = at.wrapping_sub(index);
        // Where the value was read as it is, its upper and lower case have either been read too or
        // been ruled out.
        if self.memo.has(seed.needle, seed.form, line, at) {
            return 0..0;
        }
        let machine = patterns.needles.machine(seed.needle, seed.form);
        let place = Cursor { at, index, column: 0 };
        let (mut known, mut plain) = (0..0, at + 1);
        if self.past.knows_apart(machine, text.bytes[at], place, seed.needle) {
            self.work += 1;
            known = self.settled(patterns, machine, text, place, seed.needle);
        } else if !machine.rejects(text, place, plain) {
            let stretch = self.read_stretch(machine, text, place, seed.needle);
            plain = plain.max(stretch.end);
            let plain = matches!(seed.form, Form::Plain(_));
            if machine.period() > 0 {
                known = self.settled(patterns, machine, text, place, seed.needle);
            } else if plain && self.sole.has(patterns, seed.needle) {
                known = stretch;
            }
        }
        if patterns.needles.get(seed.needle).folds && !Case::are_both_in(&text.bytes[at..plain]) {
            for form in seed.form.folded() {
                let machine = Machine { form: *form, ..machine };
                let differs = machine.rejects(text, place, plain);
                if !differs && !self.memo.has(seed.needle, *form, line, at) {
                    self.read_stretch(machine, text, place, seed.needle);
                }
            }
        }
        known
    }

    /// The stretch around this place, of a value that repeats itself, in which no piece can tell
    /// anything new.
    fn settled(
        &mut self,
        patterns: &Patterns,
        machine: Machine<'_>,
        text: Text<'_>,
        place: Cursor,
        needle: u32,
    ) -> Range<usize> {
        let plain = matches!(machine.form, Form::Plain(_)) && machine.period() > 0;
        let as_it_is = plain && text.bytes[place.at] == machine.value[place.index];
        if as_it_is && !patterns.needles.get(needle).folds && self.sole.has(patterns, needle) {
            return self.past.stretch(machine, place, needle);
        }
        place.at..place.at
    }

    /// Reads the match that `seed` is part of, and remembers the stretch in which it need not be
    /// read again.
    fn read_stretch(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        seed: Cursor,
        needle: u32,
    ) -> Range<usize> {
        let stretch = self.read(machine, text, seed, needle);
        self.work += 1 + (stretch.end - stretch.start) as u64 / 8;
        self.memo.add(needle, machine.form, seed.at.wrapping_sub(seed.index), &stretch);
        stretch
    }

    /// Reads the match that `seed` is part of, if it is part of one, and returns the stretch in
    /// which each byte could be read in one way only: all pieces of this form in it on the same
    /// line are parts of the same match, or of none.
    fn read(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        seed: Cursor,
        needle: u32,
    ) -> Range<usize> {
        if machine.period() > 0 {
            // Each run would lie on as many lines as it has periods.
            self.read_back(machine, text, seed, needle);
            return seed.at..seed.at;
        }
        if machine.reads_apart(text.bytes[seed.at]) {
            // An escape may end with the value's first byte: then the match begins before it.
            let most = if seed.index == 0 { PIECE } else { 0 };
            self.read_back(machine, text, machine.behind_alike(text, seed, most), needle);
            return seed.at..seed.at;
        }
        self.read_run(machine, text, seed, needle)
    }

    /// As [`Stream::read`], where single bytes are read from the seed on.
    fn read_run(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        seed: Cursor,
        needle: u32,
    ) -> Range<usize> {
        let end = seed.at + machine.run(text, seed);
        let complete = seed.index + (end - seed.at) == machine.goal();
        if !complete && text.get(end).is_some_and(|byte| machine.stops(byte)) {
            return seed.at..end;
        }
        let last = Cursor { at: end, index: seed.index + (end - seed.at), column: 0 };
        if let Some((start, tail)) = machine.stands_alone(text, seed, last).filter(|_| complete) {
            for end in [end, tail.end] {
                self.found(Span { start, end, needle, form: machine.form });
            }
            return start..end;
        }
        // From where the run ends: from the seed, what is found would depend on which seed it is.
        let (behind, clear) = machine.run_back(text, last);
        let start = end - behind;
        let first = Cursor { at: start, index: 0, column: 0 };
        if behind == last.index && machine.begins(text, first) {
            if complete && machine.ends_with_its_value() {
                self.found(Span { start, end, needle, form: machine.form });
            } else {
                self.walk(machine, text, first, needle);
            }
        } else if !clear {
            // No other reading leads through the run; where it begins as an encoding may, further
            // on than at its first place, no line break is among its characters.
            let low = Cursor { at: start, index: last.index - behind, column: 0 };
            let whole = behind > 0 && low.index == 1 && machine.period() == 0;
            self.read_back(machine, text, if whole { low } else { last }, needle);
        }
        start..end
    }

    /// Reads the match that this place is part of from its beginning, unless that was done already.
    fn read_back(&mut self, machine: Machine<'_>, text: Text<'_>, place: Cursor, needle: u32) {
        if self.past.knows(machine, place, needle) {
            return;
        }
        if machine.is_first(place.index) {
            if machine.begins(text, place) {
                self.walk(machine, text, place, needle);
            }
            return;
        }
        let mut room = std::mem::take(&mut self.room);
        let known = |place| self.past.knows(machine, place, needle);
        let begun = begin(machine, text, place, known, &mut room);
        self.room = room;
        self.work += begun.work;
        match begun.first {
            Some(first) => self.walk(machine, text, first, needle),
            None if begun.work > SHORT => {
                self.past.dead(needle, machine.form, self.room.visited());
            }
            None => {}
        }
    }

    fn found(&mut self, span: Span) {
        if !self.output.spans.iter().rev().take(RECENT).any(|s| *s == span) {
            self.output.spans.push(span);
        }
    }

    /// Reads a match from its beginning, unless that was done already.
    fn walk(&mut self, machine: Machine<'_>, text: Text<'_>, first: Cursor, needle: u32) {
        let same = |s: &Span| (s.start, s.needle, s.form) == (first.at, needle, machine.form);
        let found = machine.period() == 0 && self.output.spans.iter().rev().take(RECENT).any(same);
        if !found && !self.past.knows(machine, first, needle) {
            let one = self.past.begin(machine.opening(first), needle, machine.form);
            self.go_on(machine, text, one);
        }
    }

    /// Finds the first position that a match may still begin at or go on from.
    fn settle(&mut self, patterns: &Patterns, text: Text<'_>, more_ready: bool) {
        self.exact = !more_ready;
        if text.eof {
            self.open = text.len();
            return;
        }
        let begun = self.past.begun.iter().map(|b| b.walk.open).min().unwrap_or(text.len());
        let oldest = text.len().saturating_sub(patterns.reach).max(self.open).min(begun);
        let guess = patterns.reach <= MAX_GUESS || text.len() - oldest <= MAX_GUESS;
        self.open = match more_ready && guess {
            true => oldest,
            false => {
                let starts = &patterns.starts;
                starts.first(&mut self.openings, &patterns.needles, text, oldest..begun)
            }
        };
        self.work += std::mem::take(&mut self.openings.work);
    }
}

/// How far the text may go out after a pause: so many bytes of a value, and the control sequences
/// among and behind them, which say nothing of it unless some value has such bytes itself.
fn after_pause(text: Text<'_>, from: usize, mut bytes: usize, escapes: bool) -> usize {
    let mut at = from;
    while at < text.len() {
        match ansi::skip(text, at).filter(|_| !escapes && text.bytes[at] == ESCAPE) {
            Some(end) => at = end,
            None if bytes == 0 => break,
            None => (at, bytes) = (at + 1, bytes - 1),
        }
    }
    at
}
