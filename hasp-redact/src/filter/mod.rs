//! The filter of one stream: bytes in, bytes out, with a marker in place of every run of bytes that
//! belongs to a value.

mod back;
mod firsts;
pub(crate) mod form;
mod memo;
mod openings;
mod past;
pub(crate) mod pattern;
mod patterns;
pub(crate) mod pump;
mod seed;
mod spans;
mod starts;
mod stream;
mod trail;
mod walk;
mod word;

pub use patterns::{Pattern, Patterns};

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroize;

use crate::decode::text::Text;
use crate::filter::form::Form;
use crate::filter::seed::SLACK;
use crate::filter::spans::Sink;
use crate::filter::stream::Stream;

/// How many bytes [`Filter::push`] takes in at once.
const PUSH: usize = 64 * 1024;

/// More than is held back of most streams, with the text before it that is still needed, in bytes.
const HELD: usize = 8 * 1024;

/// How long a stream must be silent before [`Filter::idle`] may be called, in milliseconds.
pub const IDLE_MS: u64 = 150;

/// The state of one stream.
///
/// Either give it slices with [`Filter::push`], or read straight into [`Filter::space`] and call
/// [`Filter::filled`], which saves a copy.
pub struct Filter {
    patterns: Arc<Patterns>,
    /// The text that may still matter, then free space, then slack for the scanner.
    buffer: Vec<u8>,
    len: usize,
    /// How much of the buffer has held text: the rest need not be erased, nor be given memory for
    /// that.
    used: usize,
    stream: Stream,
    counts: Counts,
}

/// How often each value was found, by name and form. A run of touching matches counts once.
pub type Tally = BTreeMap<(String, &'static str), u64>;

/// The tally by the index of the name.
type Counts = BTreeMap<(u32, &'static str), u64>;

impl Filter {
    /// A filter at the beginning of a stream.
    pub fn new(patterns: Arc<Patterns>) -> Filter {
        Filter {
            patterns,
            buffer: Vec::new(),
            len: 0,
            used: 0,
            stream: Stream::default(),
            counts: Counts::new(),
        }
    }

    /// Takes in bytes and appends to `out` all that may go out.
    ///
    /// `more_ready` says that the next bytes can be had at once: then more may be held back than
    /// must be, which is faster.
    pub fn push(&mut self, input: &[u8], more_ready: bool, out: &mut Vec<u8>) {
        self.push_with(input, more_ready, |bytes| out.extend_from_slice(bytes));
    }

    /// As [`Filter::push`], giving the output to a function piece by piece.
    pub fn push_with(&mut self, input: &[u8], more_ready: bool, mut out: impl FnMut(&[u8])) {
        let mut rest = input;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(PUSH));
            self.space(now.len())[..now.len()].copy_from_slice(now);
            self.filled(now.len(), more_ready || !later.is_empty(), &mut out);
            rest = later;
        }
    }

    /// At least `wanted` bytes of memory to read the next input into.
    pub fn space(&mut self, wanted: usize) -> &mut [u8] {
        let needed = self.stream.needed(&self.patterns);
        let room = self.buffer.len().saturating_sub(SLACK + self.len);
        // A short rest is moved down each time, which keeps to the same part of the cache; a long
        // one only if it must be.
        if needed > 0 && (self.len - needed <= 4096 || room < wanted) {
            self.buffer.copy_within(needed..self.len, 0);
            self.len -= needed;
            self.stream.shift(needed);
        }
        let whole = self.len + wanted + SLACK;
        if self.buffer.len() < whole {
            // With room for what will be held back, so that it need not grow again for that.
            self.grow(whole.max(2 * self.len) + HELD.max(self.patterns.reach).min(wanted));
        }
        let end = self.buffer.len() - SLACK;
        &mut self.buffer[self.len..end]
    }

    fn grow(&mut self, size: usize) {
        let mut larger = vec![0; size];
        larger[..self.len].copy_from_slice(&self.buffer[..self.len]);
        self.buffer[..self.used].zeroize();
        self.buffer = larger;
        self.used = self.len;
    }

    /// Takes in the first `count` bytes of [`Filter::space`].
    pub fn filled(&mut self, count: usize, more_ready: bool, out: impl FnMut(&[u8])) {
        self.len += count;
        self.used = self.used.max(self.len);
        self.advance(more_ready, false, out);
    }

    fn advance(&mut self, more_ready: bool, eof: bool, out: impl FnMut(&[u8])) {
        let text = Text { bytes: &self.buffer[..self.len], eof };
        if self.patterns.is_empty() {
            let mut out = out;
            out(&text.bytes[self.stream.sent()..]);
            self.stream.pass(text.len());
            return;
        }
        let mut writer = Writer { patterns: &self.patterns, out, counts: &mut self.counts };
        self.stream.advance(&self.patterns, &self.buffer, text, more_ready, &mut writer);
    }

    /// Says that no more input is ready after all: what need not be held back goes out.
    pub fn pause_with(&mut self, out: impl FnMut(&[u8])) {
        let text = Text { bytes: &self.buffer[..self.len], eof: false };
        let mut writer = Writer { patterns: &self.patterns, out, counts: &mut self.counts };
        self.stream.pause(&self.patterns, text, &mut writer);
    }

    /// After [`IDLE_MS`] of silence: lets out at most min(3, L/4) held bytes, L being the length of
    /// the value that they may belong to. The match goes on.
    pub fn idle(&mut self, out: &mut Vec<u8>) {
        self.idle_with(|bytes| out.extend_from_slice(bytes));
    }

    /// As [`Filter::idle`], giving the output to a function.
    pub fn idle_with(&mut self, out: impl FnMut(&[u8])) {
        let text = Text { bytes: &self.buffer[..self.len], eof: false };
        let mut writer = Writer { patterns: &self.patterns, out, counts: &mut self.counts };
        self.stream.idle(&self.patterns, text, &mut writer);
    }

    /// The end of the stream: all that is held goes out.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.finish_with(|bytes| out.extend_from_slice(bytes));
    }

    /// As [`Filter::finish`], giving the output to a function.
    pub fn finish_with(&mut self, out: impl FnMut(&[u8])) {
        self.advance(false, true, out);
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.len - self.stream.sent()
    }

    /// How many markers were written.
    pub fn hits(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many markers were written, by name and form.
    pub fn tally(&self) -> Tally {
        self.counts
            .iter()
            .map(|((name, form), count)| ((self.patterns.name(*name).to_owned(), *form), *count))
            .collect()
    }

    /// Where a filter would write a marker in a text.
    pub(crate) fn locate<'p>(patterns: &'p Arc<Patterns>, text: &[u8]) -> Vec<Located<'p>> {
        locate(patterns, text)
    }

    /// Steps that the matcher took: what hostile input could make grow.
    pub fn work(&self) -> u64 {
        self.stream.work
    }
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.buffer[..self.used].zeroize();
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({:?}, {} bytes held)", self.patterns, self.held())
    }
}

struct Writer<'a, F> {
    patterns: &'a Patterns,
    out: F,
    counts: &'a mut Counts,
}

impl<F: FnMut(&[u8])> Sink for Writer<'_, F> {
    fn clean(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            (self.out)(bytes);
        }
    }

    fn marker(&mut self, needle: u32, form: Form, found: &[u8]) {
        let word = word::of(&self.patterns.needles, needle, form, found);
        let needle = self.patterns.needles.get(needle);
        (self.out)(self.patterns.marker(needle.name));
        *self.counts.entry((needle.name, word)).or_default() += 1;
    }
}

/// A value in a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located<'p> {
    /// Where it stands.
    pub range: Range<usize>,
    /// The name of the value.
    pub name: &'p str,
    /// The form in which it stands there.
    pub form: &'static str,
}

/// Where the filter would write a marker in a text.
fn locate<'p>(patterns: &'p Arc<Patterns>, text: &[u8]) -> Vec<Located<'p>> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut filter = Filter::new(Arc::clone(patterns));
    filter.space(text.len())[..text.len()].copy_from_slice(text);
    (filter.len, filter.used) = (text.len(), text.len());
    let whole = Text { bytes: &filter.buffer[..filter.len], eof: true };
    let mut places = Places { patterns, base: filter.buffer.as_ptr() as usize, found: Vec::new() };
    filter.stream.advance(patterns, &filter.buffer, whole, false, &mut places);
    places.found
}

/// Collects where markers would be. A match is lent from the text, and so shows its place.
struct Places<'p> {
    patterns: &'p Patterns,
    base: usize,
    found: Vec<Located<'p>>,
}

impl Sink for Places<'_> {
    fn clean(&mut self, _: &[u8]) {}

    fn marker(&mut self, needle: u32, form: Form, found: &[u8]) {
        let form = word::of(&self.patterns.needles, needle, form, found);
        let name = self.patterns.name(self.patterns.needles.get(needle).name);
        let start = found.as_ptr() as usize - self.base;
        self.found.push(Located { range: start..start + found.len(), name, form });
    }
}
