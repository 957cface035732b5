//! Values that repeat themselves, one character over and over at the simplest. A text full of such
//! a value has a match at each of its bytes, or nearly: places that are whole periods away from
//! each other are taken for one.

use super::radix::Radix;
use super::{Cursor, Form, LATEST, Machine};
use crate::decode::text::Text;

/// How a value repeats itself: after how many units, twice at least; 0 if it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repetition {
    bytes: u32,
    base64: u32,
    base32: u32,
}

/// The lowest index from which on a form repeats itself: encodings begin with a character that the
/// value shares with other data.
fn first(form: Form) -> usize {
    usize::from(matches!(form, Form::Base64(_) | Form::Base32(_)))
}

impl Repetition {
    /// The repetition of this value; `borders` is memory to work in.
    pub fn of(value: &[u8], borders: &mut Vec<u32>) -> Repetition {
        let bytes = period(value, borders);
        let (base64, base32) = if bytes == 0 {
            (0, 0)
        } else {
            (
                common(value, bytes, (3, 4), (0..3).map(Form::Base64)),
                common(value, bytes, (5, 8), (0..5).map(Form::Base32)),
            )
        };
        Repetition { bytes: bytes as u32, base64: base64 as u32, base32: base32 as u32 }
    }

    /// After how many units a form of the value repeats itself.
    pub fn period(self, form: Form) -> usize {
        let period = match form {
            Form::Plain(_) | Form::Hex | Form::Literal => self.bytes,
            Form::Base64(_) => self.base64,
            Form::Base32(_) => self.base32,
        };
        period as usize
    }

    /// The lowest index that is a whole number of periods below this one; the same one if the form
    /// does not repeat itself.
    pub fn lowest(self, form: Form, index: usize) -> usize {
        let first = first(form);
        match self.period(form) {
            0 => index,
            _ if index < first => index,
            period => first + (index - first) % period,
        }
    }
}

impl Machine<'_> {
    /// After how many units the form repeats itself, twice at least; 0 if it does not.
    pub fn period(&self) -> usize {
        self.repetition.period(self.form)
    }

    /// Whether the value is this byte over and over.
    pub fn is_only(&self, byte: u8) -> bool {
        self.period() == 1 && self.value[0] == byte
    }

    /// The lowest index from which on the form repeats itself.
    fn lowest(&self) -> usize {
        first(self.form)
    }

    /// Whether a match is complete at this index, or at a whole number of periods from it if one is
    /// `done`.
    pub fn is_end(&self, index: usize, done: bool) -> bool {
        let goal = self.goal();
        index == goal
            || (done && self.goes_on_behind() && (goal - index).is_multiple_of(self.period()))
    }

    /// Whether a form that repeats itself goes on from where it was complete. Of a dump the next
    /// match begins behind what stands between two pairs, which is no part of the last one.
    pub fn goes_on_behind(&self) -> bool {
        self.period() > 0 && self.form != Form::Hex
    }

    /// For the last pair of a dump of a value that repeats itself: its index one period before,
    /// from where the dump goes on.
    pub fn before_last(&self, index: usize) -> Option<usize> {
        (self.form == Form::Hex && self.period() > 0 && index + 1 == self.goal())
            .then(|| index - self.period())
    }

    /// From which index on a form that repeats itself goes on behind a complete match: the lowest
    /// from which on all that can be skipped is.
    pub fn again(&self) -> usize {
        let (goal, period) = (self.goal(), self.period());
        let low = self.repetition.lowest(self.form, goal);
        let inner = low + LATEST.saturating_sub(low).next_multiple_of(period);
        if inner < goal { inner } else { goal - period }
    }

    /// The same place with the highest index that is a whole number of periods above: backwards, a
    /// form that repeats itself may go on for long.
    pub fn raised(&self, place: Cursor) -> Cursor {
        match self.period() {
            period if period > 0 && place.index >= self.lowest() => {
                // Behind the last unit nothing is skipped.
                let last = self.goal() - 1;
                let index = if place.index > last { place.index - period } else { place.index };
                Cursor { index: last - (last - index) % period, ..place }
            }
            _ => place,
        }
    }

    /// In a run of so many units from `index` on, of a form that repeats itself and was complete
    /// before: behind how many of them it is complete for the last time.
    pub fn last_end(&self, index: usize, run: usize) -> Option<usize> {
        let (goal, period) = (self.goal(), self.period());
        if !self.goes_on_behind() {
            return None;
        }
        let first = (goal - index) % period;
        (run >= first.max(1))
            .then(|| first + (run - first) / period * period)
            .filter(|units| *units > 0)
    }

    /// The beginning of a match at this place, if there may be one: of all that are whole periods
    /// away the one with the most read.
    pub fn beginning(&self, text: Text<'_>, place: Cursor) -> Option<Cursor> {
        let period = self.period();
        if period == 0 || place.index < self.lowest() {
            return self.begins(text, place).then_some(place);
        }
        // What is skipped lies inside: where it was reached going backwards, no match begins before
        // it.
        if place.column > 0 {
            return None;
        }
        let low = Cursor { index: self.repetition.lowest(self.form, place.index), ..place };
        let places = (low.index..LATEST.max(low.index + 1))
            .step_by(period)
            .map(|index| Cursor { index, ..low });
        places.filter(|place| place.index < self.goal() && self.begins(text, *place)).max()
    }
}

/// After how many bytes a string repeats itself, if it does so to its end and is at least twice as
/// long; else 0. Knuth, Morris and Pratt, "Fast pattern matching in strings", 1977: its length less
/// that of its longest border.
fn period(bytes: &[u8], borders: &mut Vec<u32>) -> usize {
    borders.clear();
    borders.push(0);
    let mut border = 0;
    for byte in bytes.iter().skip(1) {
        while border > 0 && bytes[border] != *byte {
            border = borders[border - 1] as usize;
        }
        border += usize::from(bytes[border] == *byte);
        borders.push(border as u32);
    }
    if 2 * border >= bytes.len() { bytes.len() - border } else { 0 }
}

/// After how many characters an encoding repeats itself at every alignment, if the value does after
/// so many bytes: the least common multiple of what each alignment takes, which are divisors of
/// what whole groups of bytes take.
fn common(
    value: &[u8],
    bytes: usize,
    group: (usize, usize),
    forms: impl Iterator<Item = Form>,
) -> usize {
    let groups = if bytes.is_multiple_of(group.0) { bytes / group.0 } else { bytes };
    let whole = groups * group.1;
    let mut period = 1;
    for radix in forms.map(Radix::of) {
        // The first and the last characters may be shared with other data.
        if 2 * whole + 2 > radix.goal(value) {
            return 0;
        }
        let symbols: Vec<u8> = (1..=whole).map(|index| radix.symbol(value, index)).collect();
        let before = period;
        while !repeats(&symbols, period) {
            period += before;
        }
    }
    period
}

/// Whether these symbols, which are followed by the same ones, repeat themselves after so many.
fn repeats(symbols: &[u8], period: usize) -> bool {
    symbols.len().is_multiple_of(period) && symbols[period..] == symbols[..symbols.len() - period]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_repeats_itself_twice_at_least() {
        for (string, wanted) in [
            (&b"aaaaaaa"[..], 1),
            (b"abababa", 2),
            (b"abcabc", 3),
            (b"abcabcab", 3),
            (b"abcab", 0),
            (b"aaaaaab", 0),
            (b"baaaaaa", 0),
            (b"abacabad", 0),
            (b"abacabaabacaba", 7),
        ] {
            assert_eq!(period(string, &mut Vec::new()), wanted, "{}", string.escape_ascii());
        }
    }
}
