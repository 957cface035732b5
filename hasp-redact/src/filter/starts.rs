//! Could a match begin here? Asked for the last bytes of what has been read, to hold back those
//! that may still become part of a match, and no others. The first three characters, escapes
//! undone, find the few candidates.

use std::ops::Range;

use crate::decode::cost;
use crate::decode::text::Text;
use crate::decode::unit::{introduces, only};
use crate::filter::firsts::{First, Firsts, HEAD, Head, Heads, Readings, Spot};
use crate::filter::form::radix::{Characters, Radix};
use crate::filter::form::{Case, Cursor, Form, Machine, hex, plain, radix};
use crate::filter::openings::{Entry, Look, Opening, Openings, WORK, lone, open};
use crate::filter::pattern::needle::Needles;
use crate::filter::walk::Room;

/// More units than are looked at for any beginning.
const MOST_FIRST: usize = 8;

/// More beginnings than a needle has on average.
const HEADS: usize = 20;

/// The beginnings of all forms of all needles.
#[derive(Default)]
pub(crate) struct Starts {
    /// Entries in order of their heads, and where each bucket of heads begins.
    entries: Vec<Entry>,
    buckets: Vec<u32>,
    shift: u32,
    /// Needles whose value begins with a line break within its head, which may be written in too
    /// many ways to look up.
    broken: Vec<Entry>,
    /// Hexadecimal beginnings by the byte that their first pair stands for.
    pairs: Vec<Vec<Entry>>,
    firsts: Firsts,
}

impl Starts {
    /// The beginnings of these needles.
    pub fn new(needles: &Needles) -> Starts {
        let mut starts =
            Starts { pairs: vec![Vec::new(); 256], firsts: Firsts::new(), ..Starts::default() };
        let mut heads = Vec::with_capacity(HEADS * needles.iter().count());
        for (needle, entry) in needles.iter().enumerate() {
            for form in entry.forms() {
                starts.form(needle as u32, needles.machine(needle as u32, form), &mut heads);
            }
        }
        starts.file(heads);
        starts.firsts.close();
        starts
    }

    fn form(&mut self, needle: u32, machine: Machine<'_>, heads: &mut Vec<(u32, Entry)>) {
        let form = machine.form;
        let (first, last) = match form {
            Form::Hex => (0, hex::BREAK_FROM - 1),
            Form::Base64(_) | Form::Base32(_) => (machine.first(), radix::BREAK_FROM - 1),
            Form::Plain(_) if machine.value.len() >= plain::WRAP_FROM => (0, plain::BREAK_FROM - 1),
            _ => (0, 0),
        };
        if form == Form::Hex {
            return (first..=last).for_each(|index| self.digits(needle, machine, index));
        }
        let radix = matches!(form, Form::Base64(_) | Form::Base32(_));
        let mut units = [Characters::default(); MOST_FIRST];
        (first..last + HEAD).for_each(|index| units[index] = characters(machine, index));
        for index in first..=last {
            let late = index > usize::from(radix);
            let entry = Entry { needle, form, index: index as u8, tag: 0 };
            let kind = match index {
                0 if radix => First::Shared,
                1 if radix => First::Own { behind_shared: first == 0 },
                _ if late => First::Late,
                _ => First::Own { behind_shared: false },
            };
            self.firsts.add(kind, form, units[index].as_slice(), units[index + 1].as_slice());
            if matches!(form, Form::Plain(_))
                && machine.value[index..index + HEAD].iter().any(|b| matches!(b, b'\r' | b'\n'))
            {
                self.broken.push(entry);
            } else if index > 0 || !radix {
                // A shared character before is read together with the first own ones.
                let head = [0, 1, 2].map(|i| units[index + i].as_slice()[0]);
                heads.push((hash(head), entry));
            }
        }
    }

    /// The beginning of a hexadecimal form with this pair.
    fn digits(&mut self, needle: u32, machine: Machine<'_>, index: usize) {
        let byte = machine.value[index];
        let spelled = |nibble: u8| {
            [b"0123456789abcdef", b"0123456789ABCDEF"].map(|digits| digits[usize::from(nibble)])
        };
        let kind = if index == 0 { First::Shared } else { First::Late };
        self.firsts.add(kind, Form::Hex, &spelled(byte >> 4), &spelled(byte & 15));
        self.pairs[usize::from(byte)].push(Entry {
            needle,
            form: Form::Hex,
            index: index as u8,
            tag: 0,
        });
    }

    /// Sorts the entries into buckets.
    fn file(&mut self, heads: Vec<(u32, Entry)>) {
        let bits = (heads.len() / 2).next_power_of_two().ilog2().max(1);
        self.shift = 32 - bits;
        self.buckets = vec![0; (1 << bits) + 1];
        heads.iter().for_each(|(hash, _)| self.buckets[(hash >> self.shift) as usize] += 1);
        let mut sum = 0;
        for bucket in &mut self.buckets {
            sum += *bucket;
            *bucket = sum;
        }
        let Some((_, any)) = heads.first() else { return };
        self.entries = vec![*any; heads.len()];
        // Each bucket is filled from its end on, which leaves its beginning.
        for (hash, entry) in heads {
            let place = &mut self.buckets[(hash >> self.shift) as usize];
            *place -= 1;
            self.entries[*place as usize] = Entry { tag: hash as u8, ..entry };
        }
    }

    fn find(&self, head: [u8; HEAD]) -> impl Iterator<Item = &Entry> {
        let hash = hash(head);
        let bucket = (hash >> self.shift) as usize;
        let range = self.buckets[bucket] as usize..self.buckets[bucket + 1] as usize;
        self.entries[range].iter().filter(move |e| e.tag == hash as u8)
    }

    /// The first position in this range at which a match may begin that needs more input, or its
    /// end.
    pub fn first(
        &self,
        openings: &mut Openings,
        needles: &Needles,
        text: Text<'_>,
        range: Range<usize>,
    ) -> usize {
        if let Some(at) = openings.still_open(needles, text, &range) {
            return at.max(range.start);
        }
        let mut look = openings.look(needles, text, range.start);
        while look.at < range.end && look.openings.left() > 0 {
            let next = self.next(text, look.at, range.end);
            look.openings.work += (next - look.at) as u64 / 8;
            look.at = next;
            if look.at >= range.end || self.open_at(&mut look) {
                break;
            }
            look.at += 1;
        }
        look.at.min(range.end)
    }

    /// The first position from here on that must be looked at: at most others the first two
    /// characters rule a match out. What they say stands before what escapes say.
    pub fn next(&self, text: Text<'_>, from: usize, end: usize) -> usize {
        if !self.broken.is_empty() {
            return from;
        }
        let pairs = text.bytes[from..].windows(2).take(end - from);
        let other = pairs.take_while(|pair| !self.firsts.may_open(pair[0], pair[1])).count();
        from + cost::run(other)
    }

    /// Whether an escape that can be read in one way only is none that a match begins with, nor is
    /// the text as it is.
    fn is_ruled_out(&self, text: Text<'_>, at: usize) -> bool {
        let follows = |byte: u8, at: usize| {
            let Some(next) = text.get(at).filter(|_| self.firsts.may_have_one(byte)) else {
                return self.firsts.may_have_one(byte);
            };
            let escaped = introduces(next)
                && only(text, at).is_none_or(|(next, _)| self.firsts.may_have_two(byte, next));
            escaped || self.firsts.may_have_two(byte, next)
        };
        self.broken.is_empty()
            && only(text, at).is_some_and(|(byte, length)| {
                !follows(byte, at + length) && !follows(text.bytes[at], at + 1)
            })
    }

    /// Whether a match may begin here that needs more input.
    pub(super) fn open_at(&self, look: &mut Look<'_>) -> bool {
        look.openings.work += 1;
        let (text, at) = (look.text, look.at);
        // A blank may stand for a line break among a value's first bytes.
        if self.broken.iter().any(|e| look.entry_open(e)) {
            return true;
        }
        let rest = &text.bytes[at..];
        if rest.len() > HEAD && rest[..=HEAD].iter().all(|b| lone(*b)) {
            if !self.firsts.may_have_two(rest[0], rest[1]) {
                return false;
            }
            let head = |i: usize| [rest[i], rest[i + 1], rest[i + 2]];
            return self.find(head(0)).any(|e| look.entry_open(e))
                || self.find(head(1)).any(|e| look.shared_open(e))
                || self.hex_open(look);
        }
        if let [one] | [one, _] = rest
            && rest.iter().all(|b| lone(*b))
        {
            let spot = Spot { text, at };
            return match rest.get(1) {
                None => self.firsts.has_one(*one, spot),
                Some(two) => self.firsts.has_two(*one, *two, spot),
            };
        }
        if self.is_ruled_out(text, at) {
            return false;
        }
        self.hex_open(look) || self.escaped_open(look)
    }

    fn hex_open(&self, look: &mut Look<'_>) -> bool {
        let nibble = |i: usize| {
            look.text.get(look.at + i).map(crate::decode::text::nibble).filter(|n| *n < 16)
        };
        match (nibble(0), nibble(1)) {
            (Some(high), Some(low)) => {
                self.pairs[usize::from(high << 4 | low)].iter().any(|e| look.entry_open(e))
            }
            _ => false,
        }
    }

    /// The forms that can begin with what stands at the position if some of it is an escape or is
    /// to be skipped.
    fn escaped_open(&self, look: &mut Look<'_>) -> bool {
        let mut heads = std::mem::take(&mut look.openings.heads);
        let spot = Spot { text: look.text, at: look.at };
        let mut readings = Readings::of(&self.firsts, spot, &mut heads);
        readings.read(look.at, Head::default());
        let open = readings.open;
        look.openings.work += heads.seen.len() as u64;
        let open = open || self.heads_open(&heads, look);
        look.openings.heads = heads;
        open
    }

    /// The forms that can begin with one of these heads.
    fn heads_open(&self, heads: &Heads, look: &mut Look<'_>) -> bool {
        let mut three = |head: [u8; HEAD]| self.find(head).any(|e| look.entry_open(e));
        let cut = heads.cut.iter().any(|head| self.firsts.has_shared(*head) || three(*head));
        cut || heads.whole.iter().any(|[a, b, c, d]| {
            self.find([*a, *b, *c]).any(|e| look.entry_open(e))
                || self.find([*b, *c, *d]).any(|e| look.shared_open(e))
        })
    }

    /// The length of the shortest needle of which a match may begin at `at` and needs more input.
    /// Slow.
    pub fn shortest_open(&self, needles: &Needles, text: Text<'_>, at: usize) -> Option<usize> {
        let opens = |needle: u32, form: Form| {
            let machine = needles.machine(needle, form);
            let indexes = machine.first()..=radix::BREAK_FROM.min(machine.goal() - 1);
            let places = indexes.map(|index| Cursor { at, index, column: 0 });
            places.into_iter().any(|place| {
                let mut room = Room::default();
                matches!(open(machine, text, place, WORK, |_| false, &mut room), Opening::Open(..))
            })
        };
        let needles = needles.iter().zip(0..);
        needles
            .filter(|(n, i)| n.forms().into_iter().any(|form| opens(*i, form)))
            .map(|(n, _)| n.len)
            .min()
    }
}

/// The characters that stand for the unit at `index`.
fn characters(machine: Machine<'_>, index: usize) -> Characters {
    let mut characters = Characters::default();
    match machine.form {
        Form::Base64(_) | Form::Base32(_) => {
            return Radix::of(machine.form).characters(machine.value, index);
        }
        Form::Plain(Case::Upper) => characters.extend(&[machine.value[index].to_ascii_uppercase()]),
        Form::Plain(Case::Lower) => characters.extend(&[machine.value[index].to_ascii_lowercase()]),
        Form::Literal | Form::Plain(Case::Exact) | Form::Hex => {
            characters.extend(&[machine.value[index]])
        }
    }
    characters
}

/// The hash of a head; case and the two base64 alphabets do not matter.
fn hash(head: [u8; HEAD]) -> u32 {
    let [a, b, c] = head.map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    });
    let product = u64::from_le_bytes([a, b, c, 0, 0, 0, 0, 0]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (product >> 32) as u32
}
