//! What is known about one stream: matches found, matches begun, what has been written. Positions are offsets into the part
//! of the stream that is still in memory.

use std::ops::Range;

use crate::decode::text::Text;
use crate::form::{Case, Form, Machine, Place};
use crate::patterns::Patterns;
use crate::seed::Progress;
use crate::seed::pieces::Seed;
use crate::settled::{Settled, Sole};
use crate::walk::{Walk, begin};

/// How much text before the first open position is kept, to tell whether a line break precedes it.
const CONTEXT: usize = 128;

/// Beyond this many bytes it is cheaper to find out what must be held back than to hold back all that might be.
const MAX_GUESS: usize = 512 * 1024;

/// At most this many held bytes may go out when the stream pauses.
const MAX_LEAK: usize = 3;

/// Among so many of the last matches it is looked whether one is known.
const RECENT: usize = 8;

/// A match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    start: usize,
    end: usize,
    needle: u32,
    form: Form,
}

/// A match that has begun and passed through a seed.
struct Begun {
    walk: Walk,
    needle: u32,
    form: Form,
}

/// The state between two reads.
#[derive(Default)]
pub(crate) struct Stream {
    spans: Vec<Span>,
    begun: Vec<Begun>,
    /// How far it has been searched for seeds.
    progress: Progress,
    /// The length of the text when it was last searched.
    seen: usize,
    /// No match that begins before this position can still become complete.
    open: usize,
    /// Whether `open` is exact, not a guess on the safe side.
    exact: bool,
    /// Everything before this position has been written.
    pub sent: usize,
    /// The end of the last covered run; what follows without a gap belongs to it.
    covered: Option<usize>,
    /// Steps taken, for tests that show that they grow as the input does.
    pub work: u64,
    settled: Settled,
    sole: Sole,
}

/// Where output goes.
pub(crate) trait Sink {
    /// Bytes of the input, unchanged.
    fn clean(&mut self, bytes: &[u8]);
    /// A marker for the value that this needle belongs to, found in this form in these bytes of the text.
    fn marker(&mut self, needle: u32, form: Form, found: &[u8]);
}

impl Stream {
    /// Takes in what was appended to the text and writes what can be written. `bytes` has slack behind the text.
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
        self.send(text, self.open, sink);
    }

    /// Nothing more is ready: holds back only what must be, after a call of [`Stream::advance`] that held back more.
    pub fn pause(&mut self, patterns: &Patterns, text: Text<'_>, sink: &mut impl Sink) {
        if !self.exact {
            self.settle(patterns, text, false);
            self.send(text, self.open, sink);
        }
    }

    /// Lets out a few held bytes after a pause, so that a prompt that looks like the beginning of a value can be read. The
    /// match goes on: only these bytes may leak.
    pub fn idle(&mut self, patterns: &Patterns, text: Text<'_>, sink: &mut impl Sink) {
        if !self.exact {
            self.settle(patterns, text, false);
        }
        let shortest = |at: usize| {
            let begun = self.begun.iter().filter(|b| b.walk.open <= at).map(|b| patterns.needles.get(b.needle).len);
            begun.chain(patterns.starts.shortest_open(&patterns.needles, text, at)).min()
        };
        let held = self.open..text.len().min(self.open + MAX_LEAK);
        let shortest = held.filter_map(shortest).min().unwrap_or(patterns.shortest);
        self.send(text, text.len().min(self.open + MAX_LEAK.min(shortest / 4)), sink);
    }

    /// Takes everything as written, where nothing is searched for.
    pub fn pass(&mut self, len: usize) {
        (self.seen, self.open, self.sent) = (len, len, len);
    }

    /// The first byte that must stay in memory.
    pub fn needed(&self, patterns: &Patterns) -> usize {
        let searched = patterns.seeds.as_ref().map_or(self.sent, |s| s.needed(&self.progress));
        let first = self.open.min(searched).min(self.sent);
        first.saturating_sub(CONTEXT)
    }

    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        for position in [&mut self.seen, &mut self.open, &mut self.sent] {
            *position -= by;
        }
        self.progress.shift(by);
        self.covered = self.covered.and_then(|c| c.checked_sub(by));
        self.spans.iter_mut().for_each(|s| {
            s.start = s.start.saturating_sub(by);
            s.end -= by;
        });
        self.begun.iter_mut().for_each(|b| b.walk.shift(by));
    }

    /// Reads on where the end of the input stopped a match.
    fn resume(&mut self, patterns: &Patterns, text: Text<'_>) {
        let mut begun = std::mem::take(&mut self.begun);
        for mut one in begun.drain(..) {
            let machine = patterns.needles.machine(one.needle, one.form);
            self.advance_one(machine, text, &mut one);
            if one.walk.alive() {
                self.begun.push(one);
            }
        }
    }

    fn advance_one(&mut self, machine: Machine<'_>, text: Text<'_>, one: &mut Begun) {
        let mut ends = Vec::new();
        self.work += one.walk.advance(machine, text, &mut ends);
        let (start, needle, form) = (one.walk.start, one.needle, one.form);
        self.spans.extend(ends.into_iter().map(|end| Span { start, end, needle, form }));
    }

    /// Looks for seeds in what is new.
    fn seek(&mut self, patterns: &Patterns, bytes: &[u8], text: Text<'_>) {
        self.settled.clear();
        let Some(seeds) = &patterns.seeds else { return };
        let mut progress = std::mem::take(&mut self.progress);
        let work = seeds
            .search(bytes, text.len(), self.seen, &mut progress, |at, seed| self.verify(patterns, text, at, *seed));
        self.work += work;
        self.progress = progress;
        self.seen = text.len();
    }

    /// Reads the text around a seed. Returns the stretch in which no seed can tell anything new, which may be empty.
    fn verify(&mut self, patterns: &Patterns, text: Text<'_>, at: usize, seed: Seed) -> Range<usize> {
        let index = seed.index as usize;
        let line = at.wrapping_sub(index);
        // Where the value was read as it is, its upper and lower case have either been read too or been ruled out.
        if self.settled.has(seed.needle, seed.form, line, at) {
            return 0..0;
        }
        let machine = patterns.needles.machine(seed.needle, seed.form);
        let (mut known, mut plain) = (0..0, at + 1);
        if !machine.rejects(&text.bytes[at..plain], index) {
            let stretch = self.read_stretch(machine, text, Place { at, index, column: 0 }, seed.needle);
            plain = plain.max(stretch.end);
            if matches!(seed.form, Form::Plain(_)) && self.sole.has(patterns, seed.needle) {
                known = stretch;
            }
        }
        if patterns.needles.get(seed.needle).folds && !Case::are_both_in(&text.bytes[at..plain]) {
            for form in seed.form.folded() {
                let machine = Machine { form: *form, ..machine };
                let differs = machine.rejects(&text.bytes[at..plain], index);
                if !differs && !self.settled.has(seed.needle, *form, line, at) {
                    self.read_stretch(machine, text, Place { at, index, column: 0 }, seed.needle);
                }
            }
        }
        known
    }

    /// Reads the match that `seed` is part of, and remembers the stretch in which it need not be read again.
    fn read_stretch(&mut self, machine: Machine<'_>, text: Text<'_>, seed: Place, needle: u32) -> Range<usize> {
        let stretch = self.read(machine, text, seed, needle);
        self.work += 1 + (stretch.end - stretch.start) as u64 / 8;
        self.settled.add(needle, machine.form, seed.at.wrapping_sub(seed.index), &stretch);
        stretch
    }

    /// Reads the match that `seed` is part of, if it is part of one, and returns the stretch in which each byte could be read in
    /// one way only: all pieces of this form in it on the same line are parts of the same match, or of none.
    fn read(&mut self, machine: Machine<'_>, text: Text<'_>, seed: Place, needle: u32) -> Range<usize> {
        let end = seed.at + machine.run(text, seed);
        let complete = seed.index + (end - seed.at) == machine.goal();
        if !complete && text.get(end).is_some_and(|byte| machine.stops(byte)) {
            return seed.at..end;
        }
        // From where the run ends: from the seed, what is found would depend on which seed it is.
        let last = Place { at: end, index: seed.index + (end - seed.at), column: 0 };
        let (behind, clear) = machine.run_back(text, last);
        let start = end - behind;
        if behind == last.index {
            let first = Place { at: start, index: 0, column: 0 };
            if complete && machine.ends_with_its_value() {
                self.found(Span { start, end, needle, form: machine.form });
            } else {
                self.walk(machine, text, first, needle);
            }
        } else if !clear {
            let (first, work) = begin(machine, text, last);
            self.work += work;
            if let Some(first) = first {
                self.walk(machine, text, first, needle);
            }
        }
        start..end
    }

    fn found(&mut self, span: Span) {
        if !self.spans.iter().rev().take(RECENT).any(|s| *s == span) {
            self.spans.push(span);
        }
    }

    /// Reads a match from its beginning, unless that was done already.
    fn walk(&mut self, machine: Machine<'_>, text: Text<'_>, first: Place, needle: u32) {
        if self.knows(first.at, needle, machine.form) {
            return;
        }
        let mut one = Begun { walk: Walk::new(machine.opening(first)), needle, form: machine.form };
        self.advance_one(machine, text, &mut one);
        if one.walk.alive() {
            self.begun.push(one);
        }
    }

    fn knows(&self, start: usize, needle: u32, form: Form) -> bool {
        let same = |s: &Span| (s.start, s.needle, s.form) == (start, needle, form);
        self.spans.iter().rev().take(RECENT).any(same)
            || self.begun.iter().any(|b| (b.walk.start, b.needle, b.form) == (start, needle, form))
    }

    /// Finds the first position that a match may still begin at or go on from.
    fn settle(&mut self, patterns: &Patterns, text: Text<'_>, more_ready: bool) {
        self.exact = !more_ready;
        if text.eof {
            self.open = text.len();
            return;
        }
        let begun = self.begun.iter().map(|b| b.walk.open).min().unwrap_or(text.len());
        let oldest = text.len().saturating_sub(patterns.reach).max(self.open).min(begun);
        let guess = more_ready && patterns.reach <= MAX_GUESS;
        let mut work = 0;
        self.open = if guess { oldest } else { patterns.first_open(text, oldest, &mut work).min(begun) };
        self.work += work;
    }

    /// Writes up to `limit`, and beyond it what is covered.
    fn send(&mut self, text: Text<'_>, limit: usize, sink: &mut impl Sink) {
        // Mostly they were found in order.
        if !self.spans.is_sorted() {
            self.spans.sort_unstable();
        }
        let mut spans = std::mem::take(&mut self.spans);
        let mut rest = spans.as_slice();
        while let [first, ..] = rest {
            let (end, count) = run(rest);
            if first.start > self.sent {
                let clean = first.start.min(limit).max(self.sent);
                sink.clean(&text.bytes[self.sent..clean]);
                self.sent = clean;
                if first.start > limit {
                    break;
                }
            }
            if end > self.sent {
                self.cover(text, first, end, sink);
            }
            rest = &rest[count..];
        }
        let done = spans.len() - rest.len();
        if rest.is_empty() && limit > self.sent {
            sink.clean(&text.bytes[self.sent..limit]);
            self.sent = limit;
        }
        spans.drain(..done);
        self.spans = spans;
    }

    /// One marker for a run that did not begin before, and the line breaks that it covers.
    fn cover(&mut self, text: Text<'_>, first: &Span, end: usize, sink: &mut impl Sink) {
        let goes_on = self.covered.is_some_and(|c| first.start <= c);
        if !goes_on {
            sink.marker(first.needle, first.form, &text.bytes[first.start..first.end]);
        }
        let bytes = &text.bytes[..end];
        for at in memchr::memchr_iter(b'\n', &bytes[self.sent..]).map(|at| at + self.sent) {
            let start = if at > 0 && bytes[at - 1] == b'\r' { at - 1 } else { at };
            sink.clean(&bytes[start..=at]);
        }
        self.sent = end;
        self.covered = Some(end);
    }
}

/// The end of the first run of touching spans, which are in order, and how many they are.
fn run(spans: &[Span]) -> (usize, usize) {
    let mut end = spans[0].end;
    let mut count = 1;
    while let Some(span) = spans.get(count)
        && span.start <= end
    {
        end = end.max(span.end);
        count += 1;
    }
    (end, count)
}

impl Form {
    /// The word for the form in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Form::Plain(Case::Exact) => "plain",
            Form::Plain(Case::Upper) => "upper",
            Form::Plain(Case::Lower) => "lower",
            Form::Hex => "hex",
            Form::Base64(_) => "base64",
            Form::Base32(_) => "base32",
            Form::Literal => "utf-16",
        }
    }
}
