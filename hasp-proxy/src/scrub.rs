//! Takes values out of answers: the lines of the head one by one, since a marker must not join two
//! of them, and the body as a stream.

use std::sync::Arc;

use hasp_redact::{Filter, Patterns};

use crate::head::body::{LAST_CHUNK, write_chunk};

/// The lines without values.
pub fn lines(patterns: &Arc<Patterns>, lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    if hits(patterns, &lines.join(&b'\n')) == 0 {
        return lines;
    }
    let clean = |line: Vec<u8>| {
        let (mut filter, mut out) = (Filter::new(Arc::clone(patterns)), Vec::new());
        filter.push(&line, false, &mut out);
        filter.finish(&mut out);
        // A form of a value may have had line ends that the marker has not: none may come in.
        out.retain(|b| !matches!(b, b'\r' | b'\n'));
        out
    };
    lines.into_iter().map(clean).collect()
}

fn hits(patterns: &Arc<Patterns>, text: &[u8]) -> u64 {
    let mut filter = Filter::new(Arc::clone(patterns));
    filter.push_with(text, false, |_| ());
    filter.finish_with(|_| ());
    filter.hits()
}

/// The body of one answer, on its way to the client in chunks.
pub struct Scrubbed {
    filter: Filter,
    clean: Vec<u8>,
    /// Whether a few bytes went out already in this silence.
    rested: bool,
}

impl Scrubbed {
    /// At its beginning.
    pub fn new(patterns: &Arc<Patterns>) -> Scrubbed {
        Scrubbed { filter: Filter::new(Arc::clone(patterns)), clean: Vec::new(), rested: false }
    }

    /// Takes in bytes; `more` says that others are at hand.
    pub fn push(&mut self, bytes: &[u8], more: bool) {
        let clean = &mut self.clean;
        self.filter.push_with(bytes, more, |part| clean.extend_from_slice(part));
        self.rested = false;
    }

    /// Nothing more is at hand: what need not be held back is to go out.
    pub fn pause(&mut self) {
        let clean = &mut self.clean;
        self.filter.pause_with(|part| clean.extend_from_slice(part));
    }

    /// Whether something is held back that a silence lets out in part.
    pub fn waits(&self) -> bool {
        !self.rested && self.filter.held() > 0
    }

    /// It has been silent for as long as a person would notice.
    pub fn idle(&mut self) {
        let clean = &mut self.clean;
        self.filter.idle_with(|part| clean.extend_from_slice(part));
        self.rested = true;
    }

    /// Writes what may go out as a chunk, and tells whether there was any.
    pub fn write(&mut self, out: &mut Vec<u8>) -> bool {
        write_chunk(&self.clean, out);
        let any = !self.clean.is_empty();
        self.clean.clear();
        any
    }

    /// The end of the body.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let clean = &mut self.clean;
        self.filter.finish_with(|part| clean.extend_from_slice(part));
        self.write(out);
        out.extend_from_slice(LAST_CHUNK);
    }
}
