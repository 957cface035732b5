//! Reading a form forwards over whatever input there is, stopping where it ends and going on later,
//! and backwards from a seed to where the match begins. All readings are followed at once, and the
//! text is never read twice for the same one.
//!
//! Of a value that repeats itself each repetition in the text is the end of one match and part of
//! the next ones: these are read as one, which begins where the first does.

use crate::decode::text::Text;
use crate::filter::form::{Cursor, Form, Machine, Next, Run, reach};
use crate::filter::trail::Trail;

/// The most readings that are followed at once; a text that has more at one place has them for
/// nothing else.
pub(super) const MAX_FRONT: usize = 1024;

/// A reading that has come this far.
#[derive(Clone, Copy)]
struct State {
    place: Cursor,
    /// How long the text was when it ended here.
    seen: usize,
    /// Whether a match was complete before, one period earlier or several.
    done: bool,
}

/// Readings in order, those that are least far in the text last, so that each place is reached by
/// all its ways before it is left.
struct Front<'a> {
    states: &'a mut Vec<State>,
    period: usize,
    /// An index that is the end of a match and of nothing else.
    apart: Option<usize>,
}

/// Lists that reading needs, kept for their memory.
#[derive(Default)]
pub(crate) struct Room {
    states: Vec<State>,
    /// Going backwards: places to read from, and where it went.
    pub places: Vec<Cursor>,
    pub visited: Trail,
    /// Where a machine can go.
    pub next: Next,
}

impl<'a> Front<'a> {
    fn of(machine: Machine<'_>, states: &'a mut Vec<State>) -> Front<'a> {
        states.clear();
        let apart = (!machine.goes_on_behind()).then(|| machine.goal());
        Front { states, period: machine.period(), apart }
    }

    /// Whether two places at the same position are as good as one.
    fn same(&self, one: Cursor, other: Cursor) -> bool {
        let by = one.index.abs_diff(other.index);
        let periods = self.period > 0 && by.is_multiple_of(self.period);
        let apart = [one, other].iter().any(|place| Some(place.index) == self.apart);
        // The columns of a dump differ with each way to read its line breaks.
        (by == 0 && one.column == other.column) || (periods && !apart)
    }

    fn push(&mut self, state: State) {
        if self.states.is_empty() {
            self.states.push(state);
            return;
        }
        let place = state.place;
        let from = self.states.partition_point(|s| s.place.at > place.at);
        let here = self.states[from..].iter().take_while(|s| s.place.at == place.at).count();
        let same = (from..from + here).find(|i| self.same(self.states[*i].place, place));
        match same.map(|i| &mut self.states[i]) {
            // Whoever has read more of a value that repeats itself comes to the end of a match
            // wherever the other one does.
            Some(other) if (state.done, place.index) > (other.done, other.place.index) => {
                *other = state
            }
            Some(_) => {}
            None => self.insert(from, state),
        }
    }

    /// Whether a run of the value's only byte from this state on takes in all the others that lie
    /// within: whatever they read leads to the same places, with less of the value read.
    fn takes_in(&self, state: State) -> bool {
        self.states.is_empty()
            || self.period == 1 && self.states.iter().all(|other| other.done <= state.done)
    }

    /// The units from this state on that can be read in one way only, as far as all readings lead
    /// to the same places, but none that begin behind `limit`.
    fn run(&self, machine: Machine<'_>, text: Text<'_>, state: State, limit: usize) -> Run {
        if !self.takes_in(state) {
            return Run::NONE;
        }
        let run = single(machine, text, state, limit);
        let end = state.place.at + run.bytes();
        let within = run.pace == 1 && self.states.iter().all(|other| other.place.at <= end);
        if within || self.states.is_empty() { run } else { Run::NONE }
    }

    fn insert(&mut self, at: usize, state: State) {
        if self.states.len() == MAX_FRONT {
            return;
        }
        self.states.insert(at, state);
    }
}

/// Readings of one match that has begun at a known position.
pub(crate) struct Walk {
    /// Where the match begins in the text, or up to where it is complete if it goes on in another
    /// one.
    pub start: usize,
    /// Readings that the end of the input stopped.
    stopped: Vec<State>,
    /// The first byte that is not yet known to belong to a match.
    pub open: usize,
    /// Where it has been.
    pub trail: Trail,
    /// Units read in all.
    pub work: u64,
}

/// What came of reading on.
#[derive(Default)]
pub(crate) struct Ends {
    /// The first and the last position at which a match ends.
    pub found: Option<(usize, usize)>,
    /// The first byte that is held for readings that were stopped.
    held: Option<usize>,
    /// Units read.
    pub work: u64,
}

impl Ends {
    fn add(&mut self, end: usize) {
        let (first, last) = self.found.unwrap_or((end, end));
        self.found = Some((first.min(end), last.max(end)));
    }

    fn hold(&mut self, from: usize) {
        self.held = Some(self.held.map_or(from, |held| held.min(from)));
    }
}

impl Walk {
    /// A match that begins here.
    pub fn new(start: Cursor) -> Walk {
        let stopped = vec![State { place: start, seen: 0, done: false }];
        Walk { start: start.at, stopped, open: start.at, trail: Trail::default(), work: 0 }
    }

    /// The same with the memory of one that is over.
    pub fn after(mut self, start: Cursor) -> Walk {
        self.stopped.clear();
        self.stopped.push(State { place: start, seen: 0, done: false });
        self.trail.clear();
        (self.start, self.open, self.work) = (start.at, start.at, 0);
        self
    }

    /// Whether more input could make the match complete, or longer.
    pub fn alive(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// Whether it is at its beginning still: nothing is complete, and more input could make it so.
    pub fn is_open(&self) -> bool {
        self.alive() && self.open == self.start
    }

    /// Whether it can go on in a text that has lost its first `by` bytes.
    pub fn stands_behind(&self, by: usize) -> bool {
        self.open >= by && self.stopped.iter().all(|state| state.place.at >= by)
    }

    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        // What is complete and only waits for its tail may have begun in text that is gone.
        self.start = self.start.saturating_sub(by);
        self.open -= by;
        self.trail.shift(by);
        for state in &mut self.stopped {
            state.place.at -= by;
            state.seen = state.seen.saturating_sub(by);
        }
    }

    /// Reads on to the end of the input, but not on from places that are known. A match that is
    /// found begins where the walk did before. After `most_work` it stops, to go on another time.
    pub fn advance(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        most_work: u64,
        known: impl Fn(Cursor) -> bool,
        room: &mut Room,
    ) -> Ends {
        let mut ends = Ends::default();
        let mut front = Front::of(machine, &mut room.states);
        self.stopped.drain(..).for_each(|state| front.push(state));
        let next = &mut room.next;
        let most = 2 * reach(machine.value.len());
        while let Some(state) = front.states.pop() {
            ends.work += 1;
            if ends.work > most_work {
                self.stopped.push(state);
                self.stopped.append(front.states);
                ends.hold(self.start);
                break;
            }
            let last = ends.found.map_or(self.start, |(_, last)| last);
            if state.place.at.saturating_sub(last) > most || known(state.place) {
                continue;
            }
            self.trail.add(state.place, 1, 1, front.period);
            let Some(state) = self.complete(machine, text, state, &mut ends) else { continue };
            let run = front.run(machine, text, state, last + most);
            if run.units > 0 {
                front.states.clear();
                self.run(machine, text, state, run, &mut ends);
                front.push(State { place: machine.past(state.place, run), seen: 0, ..state });
            } else if read(machine, text, state, next, &mut front) {
                ends.hold(self.start);
                self.stopped.push(State { seen: text.len(), ..state });
            }
        }
        self.close(&ends, front.period > 0);
        ends
    }

    /// Takes note of how far it came.
    fn close(&mut self, ends: &Ends, repeats: bool) {
        self.work += ends.work;
        self.open = ends.held.unwrap_or(self.start);
        if let Some((_, last)) = ends.found.filter(|_| repeats) {
            (self.start, self.open) = (last, last);
        }
    }

    /// The state from which reading goes on behind a match, if one is complete here and may go on;
    /// the same one if none is.
    fn complete(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        mut state: State,
        ends: &mut Ends,
    ) -> Option<State> {
        if machine.is_end(state.place.index, state.done) {
            let more = self.end(machine, text, state.place, ends);
            if more || !machine.goes_on_behind() {
                return None;
            }
            state.done = true;
            state.place.index = machine.again();
        }
        Some(state)
    }

    /// A match is complete at `place`. Returns whether more input could make it longer.
    fn end(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        place: Cursor,
        ends: &mut Ends,
    ) -> bool {
        let tail = machine.tail(text, place);
        ends.add(place.at);
        ends.add(tail.end);
        if tail.more {
            ends.hold(tail.end);
            self.stopped.push(State {
                place,
                seen: if machine.goes_on_behind() { 0 } else { text.len() },
                done: true,
            });
        }
        tail.more
    }

    /// Reads units that can be read in one way only.
    fn run(
        &mut self,
        machine: Machine<'_>,
        text: Text<'_>,
        State { place, done, .. }: State,
        run: Run,
        ends: &mut Ends,
    ) {
        ends.work += run.bytes() as u64 / 8;
        if run.units > 1 {
            let second = machine.past(place, Run { units: 1, ..run });
            self.trail.add(second, run.pace, run.units - 1, machine.period());
        }
        if let Some(units) = machine.last_end(place.index, run.units).filter(|_| done) {
            // Matches that end before it are part of the same run.
            self.end(machine, text, machine.past(place, Run { units, ..run }), ends);
        }
    }
}

/// Reads one unit in all ways. Returns whether more input could add one.
fn read(
    machine: Machine<'_>,
    text: Text<'_>,
    state: State,
    next: &mut Next,
    front: &mut Front<'_>,
) -> bool {
    machine.step(text, state.place, next);
    // How far a line is indented shows with its last blank, and leads back among those before it.
    let line = matches!(machine.form, Form::Plain(_))
        && matches!(text.get(state.place.at), Some(b'\r' | b'\n'));
    let seen = if line { 0 } else { state.seen };
    for to in next.places.iter().filter(|to| to.at >= seen) {
        front.push(State { place: *to, seen: 0, done: state.done });
    }
    let mut more = next.more;
    if let Some(index) = machine.before_last(state.place.index) {
        machine.step(text, Cursor { index, ..state.place }, next);
        for to in next.places.iter().filter(|to| to.at >= state.seen) {
            front.push(State { place: *to, seen: 0, done: true });
        }
        more |= next.more;
    }
    more
}

/// The units from here on that can be read in one way only, but none that begin behind `limit`.
fn single(machine: Machine<'_>, text: Text<'_>, state: State, limit: usize) -> Run {
    if state.place.at >= text.len() {
        return Run::NONE;
    }
    let run = machine.units(text, state.place, state.done);
    // What was there when it was stopped has been read.
    if run.pace > 1 && state.place.at + run.pace < state.seen {
        return Run::NONE;
    }
    let most = limit.saturating_sub(state.place.at) / run.pace + 1;
    Run { units: if run.pace > 1 { run.units.min(most) } else { run.units }, ..run }
}
