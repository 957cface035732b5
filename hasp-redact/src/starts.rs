//! Could a match begin here? Asked for the last bytes of what has been read, to hold back those that may still become part of
//! a match, and no others. A table of byte pairs answers almost always.

use crate::decode::text::Text;
use crate::decode::unit::{Units, decode, introduces};
use crate::form::{Form, Machine, Next, Place, hex, radix};
use crate::pattern::needle::Needles;
use crate::walk::Walk;

/// A form of a needle, to be read from a certain unit on.
#[derive(Clone, Copy)]
struct Entry {
    needle: u32,
    form: Form,
    index: u8,
}

/// Entries by the first byte of their text.
#[derive(Default)]
struct ByByte {
    lists: Vec<Vec<Entry>>,
}

impl ByByte {
    fn add(&mut self, byte: u8, entry: Entry) {
        if self.lists.is_empty() {
            self.lists.resize_with(256, Vec::new);
        }
        self.lists[usize::from(byte)].push(entry);
    }

    fn of(&self, byte: u8) -> &[Entry] {
        self.lists.get(usize::from(byte)).map_or(&[], Vec::as_slice)
    }
}

/// The beginnings of all forms of all needles.
#[derive(Default)]
pub(crate) struct Starts {
    /// A bit for each pair of bytes with which a match can begin.
    pairs: Vec<u64>,
    /// Beginnings as they are.
    first: ByByte,
    /// Beginnings of encodings behind a line break, some units late.
    late: ByByte,
    /// Encodings that can begin with an escaped character.
    escaped: Vec<Entry>,
}

impl Starts {
    /// The beginnings of these needles.
    pub fn new(needles: &Needles) -> Starts {
        let mut starts = Starts { pairs: vec![0; 1024], ..Starts::default() };
        for (needle, entry) in needles.iter().enumerate() {
            for form in entry.forms() {
                starts.form(needle as u32, needles.machine(needle as u32, form));
            }
        }
        for pair in 0..=u16::MAX {
            let [first, second] = pair.to_be_bytes();
            // Only pairs of two plain bytes can be ruled out by a table.
            if !plain(first) || !plain(second) {
                starts.allow(first, second);
            }
        }
        starts
    }

    fn form(&mut self, needle: u32, machine: Machine<'_>) {
        let form = machine.form;
        let late = match form {
            Form::Hex => 1..hex::BREAK_FROM,
            Form::Base64(_) | Form::Base32(_) => 2..radix::BREAK_FROM,
            _ => 0..0,
        };
        let early = match form {
            Form::Base64(_) | Form::Base32(_) => machine.first()..2,
            _ => 0..1,
        };
        for index in early.chain(late.clone()) {
            let entry = Entry { needle, form, index: index as u8 };
            let texts = first_bytes(machine, index);
            if texts.iter().any(|b| matches!(b, b'+' | b'/')) && matches!(form, Form::Base64(_)) {
                self.escaped.push(entry);
            }
            for first in texts {
                if late.contains(&index) { self.late.add(first, entry) } else { self.first.add(first, entry) }
                let seconds = if form == Form::Hex { low_digits(machine.value[index]) } else { first_bytes(machine, index + 1) };
                seconds.into_iter().for_each(|second| self.allow(first, second));
            }
        }
    }

    fn allow(&mut self, first: u8, second: u8) {
        let pair = usize::from(u16::from_be_bytes([first, second]));
        self.pairs[pair >> 6] |= 1 << (pair & 63);
    }

    fn allowed(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(u16::from_be_bytes([first, second]));
        self.pairs[pair >> 6] >> (pair & 63) & 1 != 0
    }

    /// The first position in `from..` at which a match may begin that needs more input; the end of the text if there is none.
    pub fn first_open(&self, needles: &Needles, text: Text<'_>, from: usize, work: &mut u64) -> usize {
        (from..text.len()).find(|at| self.shortest_open(needles, text, *at, false, work).is_some()).unwrap_or(text.len())
    }

    /// The length of a needle, of the shortest one if `all`, of which a match may begin at `at` and needs more input.
    pub fn shortest_open(&self, needles: &Needles, text: Text<'_>, at: usize, all: bool, work: &mut u64) -> Option<usize> {
        let byte = text.bytes[at];
        if let Some(second) = text.get(at + 1)
            && !self.allowed(byte, second)
        {
            return None;
        }
        let mut shortest = None;
        let mut consider = |entry: &Entry| {
            *work += 1;
            let machine = needles.machine(entry.needle, entry.form);
            let place = Place { at, index: usize::from(entry.index), column: 0 };
            if open(machine, text, place) {
                let length = machine.value.len();
                shortest = Some(shortest.map_or(length, |s: usize| s.min(length)));
            }
            shortest.is_some() && !all
        };
        let behind_break = || radix::after_break(text, at) || hex::after_break(text, at);
        let found = self.first.of(byte).iter().any(&mut consider)
            || (!self.late.of(byte).is_empty() && behind_break() && self.late.of(byte).iter().any(&mut consider));
        if !found && introduces(byte) {
            self.escaped(text, at, &mut consider);
        }
        shortest
    }

    /// The forms that can begin with the escape at `at`.
    fn escaped(&self, text: Text<'_>, at: usize, consider: &mut impl FnMut(&Entry) -> bool) {
        let mut units = Units::default();
        decode(text, at, &mut units);
        if self.escaped.iter().any(&mut *consider) {
            return;
        }
        let plain = |entry: &&Entry| matches!(entry.form, Form::Plain(_));
        if units.more {
            // What it will stand for is open, so any value may begin here.
            (0..=255).any(|byte| self.first.of(byte).iter().filter(plain).any(&mut *consider));
            return;
        }
        for unit in &units.found {
            if let Some(byte) = unit.bytes().first()
                && self.first.of(*byte).iter().filter(plain).any(&mut *consider)
            {
                return;
            }
        }
    }
}

/// Whether a byte stands for itself in every form, and for nothing else.
fn plain(byte: u8) -> bool {
    !introduces(byte) && !matches!(byte, b'\r' | b'\n' | b' ')
}

/// The bytes that stand for the unit at `index` when it is not escaped; nothing behind the last.
fn first_bytes(machine: Machine<'_>, index: usize) -> Vec<u8> {
    if index >= machine.goal() {
        return (0..=255).collect();
    }
    let place = Place { at: 0, index, column: 0 };
    let reads = |byte: &u8| {
        let (mut next, text) = (Next::default(), [*byte]);
        machine.step(Text { bytes: &text, eof: false }, place, &mut next);
        next.places.iter().any(|p| (p.at, p.index) == (1, index + 1)) || (machine.form == Form::Hex && next.more)
    };
    (0..=255).filter(reads).collect()
}

fn low_digits(byte: u8) -> Vec<u8> {
    let digit = char::from_digit(u32::from(byte & 15), 16).unwrap_or('0');
    vec![digit as u8, digit.to_ascii_uppercase() as u8]
}

/// Whether the text from `place` on is the beginning of a match that is not yet complete.
fn open(machine: Machine<'_>, text: Text<'_>, place: Place) -> bool {
    if !machine.begins(text, place) {
        return false;
    }
    let goal = machine.goal();
    let run = machine.run(text, place);
    let behind = Place { at: place.at + run, index: place.index + run, ..place };
    if run > 0 && behind.index < goal && behind.at == text.len() {
        return true;
    }
    let mut walk = Walk::new(place);
    walk.advance(machine, text, &mut Vec::new());
    walk.alive() && walk.open == walk.start
}
