//! Stretches of text whose fate is known. A value that almost stands in the text has many pieces there, and each of them would
//! be read from one end of the stretch to the other again: hostile input is made of little else.

use zeroize::Zeroizing;

use crate::form::Form;
use crate::patterns::Patterns;
use crate::seed::SLACK;

/// How many stretches are remembered: a text can be part of a few values at once.
const REMEMBERED: usize = 8;

/// A stretch that was read byte by byte for one form of a needle. Pieces in it on the same line, that is with the same distance
/// between text and value, have nothing to add to what came of it.
#[derive(Clone, Copy)]
struct Stretch {
    needle: u32,
    form: Form,
    line: usize,
    from: usize,
    to: usize,
}

const NOTHING: Stretch = Stretch { needle: u32::MAX, form: Form::Literal, line: 0, from: 0, to: 0 };

/// The stretches that were read last.
pub(crate) struct Settled {
    stretches: [Stretch; REMEMBERED],
    last: usize,
}

impl Default for Settled {
    fn default() -> Settled {
        Settled { stretches: [NOTHING; REMEMBERED], last: 0 }
    }
}

impl Settled {
    /// Forgets all: what ended with the text was settled for want of more.
    pub fn clear(&mut self) {
        self.stretches.fill(NOTHING);
    }

    /// Whether this place was read, `at` being on `line`.
    #[inline]
    pub fn has(&self, needle: u32, form: Form, line: usize, at: usize) -> bool {
        let includes =
            |s: &Stretch| s.needle == needle && s.line == line && s.form == form && (s.from..=s.to).contains(&at);
        includes(&self.stretches[self.last]) || self.stretches.iter().any(includes)
    }

    /// Remembers a stretch in place of the oldest one.
    pub fn add(&mut self, needle: u32, form: Form, line: usize, stretch: std::ops::Range<usize>) {
        self.last = (self.last + 1) % REMEMBERED;
        self.stretches[self.last] = Stretch { needle, form, line, from: stretch.start, to: stretch.end };
    }
}

/// Needles whose text holds no piece of another one, found out when it is first asked for.
#[derive(Default)]
pub(crate) struct Sole(Vec<Option<bool>>);

impl Sole {
    /// Whether nothing but the needle itself can be found in its text.
    pub fn has(&mut self, patterns: &Patterns, needle: u32) -> bool {
        if self.0.is_empty() {
            self.0.resize(patterns.needles.iter().count(), None);
        }
        *self.0[needle as usize].get_or_insert_with(|| {
            let value = patterns.needles.bytes(patterns.needles.get(needle));
            let mut padded = Zeroizing::new(Vec::with_capacity(value.len() + SLACK));
            padded.extend_from_slice(value);
            padded.extend_from_slice(&[0; SLACK]);
            patterns.seeds.as_ref().is_some_and(|seeds| seeds.are_sole(&padded, needle))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_line_of_the_same_form_is_settled() {
        let mut settled = Settled::default();
        settled.add(3, Form::Literal, 100, 105..120);
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
        (0..REMEMBERED as u32).for_each(|needle| settled.add(needle + 10, Form::Hex, 0, 0..1));
        assert!(!settled.has(3, Form::Literal, 100, 110), "the oldest is forgotten");
    }
}
