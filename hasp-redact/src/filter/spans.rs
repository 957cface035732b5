//! What was found of a stream, and what of it has been written: a run of touching matches becomes
//! one marker, and all else goes out as it came.

use crate::decode::text::Text;
use crate::filter::form::{Case, Form};

/// A match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// Where it begins.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The needle.
    pub needle: u32,
    /// The form.
    pub form: Form,
}

/// Where output goes.
pub(crate) trait Sink {
    /// Bytes of the input, unchanged.
    fn clean(&mut self, bytes: &[u8]);
    /// A marker for the value that this needle belongs to, found in this form in these bytes of the
    /// text.
    fn marker(&mut self, needle: u32, form: Form, found: &[u8]);
}

/// Matches found, and how far the text has been written.
#[derive(Default)]
pub(crate) struct Output {
    /// The matches that have not been written.
    pub spans: Vec<Span>,
    /// Everything before this position has been written.
    pub sent: usize,
    /// The end of the last covered run; what follows without a gap belongs to it.
    covered: Option<usize>,
}

impl Output {
    /// Moves all positions down, after the text lost its first `by` bytes.
    pub fn shift(&mut self, by: usize) {
        self.sent -= by;
        self.covered = self.covered.and_then(|c| c.checked_sub(by));
        self.spans.iter_mut().for_each(|s| {
            s.start = s.start.saturating_sub(by);
            s.end -= by;
        });
    }

    /// Writes up to `limit`, and beyond it what is covered.
    pub fn send(&mut self, text: Text<'_>, limit: usize, sink: &mut impl Sink) {
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
