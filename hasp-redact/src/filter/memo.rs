//! Stretches of text whose fate is known. A value that almost stands in the text has many pieces
//! there, and each of them would be read from one end of the stretch to the other again: hostile
//! input is made of little else.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::filter::form::{Case, Form};
use crate::filter::patterns::Patterns;
use crate::filter::seed::SLACK;

/// How many stretches are remembered: a text can be part of a few values at once.
const REMEMBERED: usize = 8;

/// A stretch that was read byte by byte for one form of a needle. Pieces in it on the same line,
/// that is with the same distance between text and value, have nothing to add to what came of it.
#[derive(Clone, Copy)]
struct Stretch {
    needle: u32,
    form: Form,
    line: usize,
    from: usize,
    to: usize,
}

/// Of this form are the pieces in a value's text that are its own.
const PLAIN: Form = Form::Plain(Case::Exact);

const NOTHING: Stretch = Stretch { needle: u32::MAX, form: Form::Literal, line: 0, from: 0, to: 0 };

/// The stretches that were read last.
pub(crate) struct Memo {
    /// Part of needle and line of each: most questions are answered by comparing these, all at
    /// once.
    tags: [u32; REMEMBERED],
    stretches: [Stretch; REMEMBERED],
    last: usize,
}

impl Default for Memo {
    fn default() -> Memo {
        Memo { tags: [0; REMEMBERED], stretches: [NOTHING; REMEMBERED], last: 0 }
    }
}

impl Memo {
    /// Forgets all: what ended with the text was settled for want of more.
    pub fn clear(&mut self) {
        self.stretches.fill(NOTHING);
    }

    /// Whether this place was read, `at` being on `line`.
    #[inline]
    pub fn has(&self, needle: u32, form: Form, line: usize, at: usize) -> bool {
        let tag = tag(needle, line);
        let alike = self.tags.iter().fold(false, |alike, other| alike | (*other == tag));
        let includes = |s: &Stretch| {
            s.needle == needle && s.line == line && s.form == form && (s.from..=s.to).contains(&at)
        };
        alike && self.stretches.iter().any(includes)
    }

    /// Remembers a stretch in place of the oldest one.
    #[inline]
    pub fn add(&mut self, needle: u32, form: Form, line: usize, stretch: &Range<usize>) {
        self.last = (self.last + 1) % REMEMBERED;
        self.tags[self.last] = tag(needle, line);
        self.stretches[self.last] =
            Stretch { needle, form, line, from: stretch.start, to: stretch.end };
    }
}

fn tag(needle: u32, line: usize) -> u32 {
    (line as u32).wrapping_add(needle.wrapping_mul(0x9e37_79b9))
}

/// Needles whose text holds no piece of another one, found out when it is first asked for.
#[derive(Default)]
pub(crate) struct Sole(Vec<Answer>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Unknown,
    Yes,
    No,
}

impl Sole {
    /// Whether nothing but the needle itself can be found in its text.
    #[inline]
    pub fn has(&mut self, patterns: &Patterns, needle: u32) -> bool {
        match self.0.get(needle as usize) {
            Some(Answer::Yes) => true,
            Some(Answer::No) => false,
            _ => self.find_out(patterns, needle),
        }
    }

    fn find_out(&mut self, patterns: &Patterns, needle: u32) -> bool {
        self.0.resize(patterns.needles.iter().len(), Answer::Unknown);
        let entry = patterns.needles.get(needle);
        let (value, period) = (patterns.needles.bytes(entry), entry.repetition.period(PLAIN));
        let mut padded = Zeroizing::new(Vec::with_capacity(value.len() + SLACK));
        padded.extend_from_slice(value);
        padded.extend_from_slice(&[0; SLACK]);
        let sole =
            patterns.seeds.as_ref().is_some_and(|seeds| seeds.are_sole(&padded, needle, period));
        self.0[needle as usize] = if sole { Answer::Yes } else { Answer::No };
        sole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_line_of_the_same_form_is_settled() {
        let mut settled = Memo::default();
        settled.add(3, Form::Literal, 100, &(105..120));
        for (needle, form, line, at, known) in [
            (3, Form::Literal, 100, 105, true),
            (3, Form::Literal, 100, 120, true),
            (3, Form::Literal, 100, 121, false),
            (3, Form::Literal, 99, 110, false),
            (4, Form::Literal, 100, 110, false),
            (3, Form::Hex, 100, 110, false),
        ] {
            assert_eq!(settled.has(needle, form, line, at), known);
        }
        (0..REMEMBERED as u32).for_each(|needle| settled.add(needle + 10, Form::Hex, 0, &(0..1)));
        assert!(!settled.has(3, Form::Literal, 100, 110), "the oldest is forgotten");
    }
}
