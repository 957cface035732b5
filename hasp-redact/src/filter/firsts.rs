//! The first characters of all beginnings, as sets: most of what a text may say at a position,
//! escapes undone, ends at its first or second character, whatever follows.

use crate::decode::ansi::{self, ESCAPE};
use crate::decode::text::Text;
use crate::decode::unit::{Units, decode, introduces, is_quoted, only};
use crate::filter::form::{Form, MAX_SKIPS, hex, radix};

/// How many characters of a beginning are looked up.
pub(crate) const HEAD: usize = 3;

/// What the first character of a beginning is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum First {
    /// The value shares it with other data, or it is half a pair: nothing is skipped behind it.
    Shared,
    /// The value's own, maybe behind a shared one.
    Own {
        /// Whether it can also be the second.
        behind_shared: bool,
    },
    /// Not the value's first, but the first of its line.
    Late,
}

/// A set of small numbers.
#[derive(Default)]
struct Set(Vec<u64>);

impl Set {
    fn new(size: usize) -> Set {
        Set(vec![0; size / 64])
    }

    fn add(&mut self, number: usize) {
        self.0[number >> 6] |= 1 << (number & 63);
    }

    fn has(&self, number: usize) -> bool {
        self.0[number >> 6] >> (number & 63) & 1 != 0
    }
}

fn pair(first: u8, second: u8) -> usize {
    usize::from(u16::from_be_bytes([first, second]))
}

/// The single characters, and pairs of them, with which a match can begin.
#[derive(Default)]
pub(crate) struct Firsts {
    one: Set,
    two: Set,
    /// The first two own characters of encodings that share the one before.
    shared_two: Set,
    /// First characters behind which something may be skipped, those of what is no encoding, and of
    /// what may be escaped.
    skip_one: Set,
    plain_one: Set,
    escaped_one: Set,
    /// Single characters and pairs for encodings that begin some units late behind a line break.
    late_one: Set,
    late_two: Set,
    /// Pairs as they stand in a text, of which at least one may be that of an escape.
    open: Set,
}

impl Firsts {
    /// Sets without members.
    pub fn new() -> Firsts {
        let [one, skip_one, plain_one, escaped_one, late_one] = [0; 5].map(|_| Set::new(1 << 8));
        let [two, shared_two, late_two, open] = [0; 4].map(|_| Set::new(1 << 16));
        Firsts { one, two, shared_two, skip_one, plain_one, escaped_one, late_one, late_two, open }
    }

    /// Says that all were added.
    pub fn close(&mut self) {
        let pairs = self.two.0.iter().zip(&self.late_two.0);
        self.open.0.iter_mut().zip(pairs).for_each(|(open, (two, late))| *open = two | late);
        let escapes: Vec<u8> = (0..=255).filter(|byte| introduces(*byte)).collect();
        for one in 0..=255 {
            if introduces(one) {
                (0..=255).for_each(|two| self.open.add(pair(one, two)));
            } else if self.may_have_one(one) {
                escapes.iter().for_each(|two| self.open.add(pair(one, *two)));
            }
        }
    }

    /// Whether a match may begin where these characters stand, wherever that is: asked of each
    /// byte.
    #[inline]
    pub fn may_open(&self, one: u8, two: u8) -> bool {
        self.open.has(pair(one, two))
    }

    /// Adds what can stand in the first two places of a beginning of this form.
    pub fn add(&mut self, kind: First, form: Form, ones: &[u8], twos: &[u8]) {
        let plain = matches!(form, Form::Plain(_) | Form::Literal);
        let skips = matches!(kind, First::Own { .. }) && !matches!(form, Form::Literal | Form::Hex);
        let (single, double) = match kind {
            First::Late => (&mut self.late_one, &mut self.late_two),
            _ => (&mut self.one, &mut self.two),
        };
        for &one in ones {
            single.add(usize::from(one));
            twos.iter().for_each(|two| double.add(pair(one, *two)));
            if kind == (First::Own { behind_shared: true }) {
                twos.iter().for_each(|two| self.shared_two.add(pair(one, *two)));
            }
            if skips {
                self.skip_one.add(usize::from(one));
            }
            if plain {
                self.plain_one.add(usize::from(one));
            }
            if matches!(form, Form::Plain(_)) {
                self.escaped_one.add(usize::from(one));
            }
        }
    }

    /// Whether a match may begin with this character.
    pub fn has_one(&self, one: u8, spot: Spot<'_>) -> bool {
        let number = usize::from(one);
        (self.one.has(number) && self.has_form(one, spot))
            || (self.late_one.has(number) && spot.is_late())
    }

    /// Whether a match may begin with this character and something that is skipped.
    fn has_skip(&self, one: u8, spot: Spot<'_>) -> bool {
        let number = usize::from(one);
        (self.skip_one.has(number) && self.has_form(one, spot))
            || (self.late_one.has(number) && spot.is_late())
    }

    /// Whether a match may begin with these characters.
    pub fn has_two(&self, one: u8, two: u8, spot: Spot<'_>) -> bool {
        let number = pair(one, two);
        (self.two.has(number) && self.has_form(one, spot))
            || (self.late_two.has(number) && spot.is_late())
    }

    /// Whether a match may begin with this character, wherever it stands.
    pub fn may_have_one(&self, one: u8) -> bool {
        let number = usize::from(one);
        self.one.has(number) || self.late_one.has(number)
    }

    /// Whether a match may begin with these characters, wherever they stand.
    pub fn may_have_two(&self, one: u8, two: u8) -> bool {
        let number = pair(one, two);
        self.two.has(number) || self.late_two.has(number)
    }

    /// Whether a match may begin with these characters, the first of them being shared.
    pub fn has_shared(&self, [one, two, three]: [u8; HEAD]) -> bool {
        self.two.has(pair(one, two)) && self.shared_two.has(pair(two, three))
    }

    /// Whether a form may begin here that has this first character.
    fn has_form(&self, one: u8, spot: Spot<'_>) -> bool {
        self.plain_one.has(usize::from(one)) || !ansi::ends_with(spot.text, spot.at)
    }
}

/// A position at which a match may begin.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    pub text: Text<'a>,
    pub at: usize,
}

impl Spot<'_> {
    /// Whether an encoding may begin here some units late.
    fn is_late(self) -> bool {
        radix::after_break(self.text, self.at) || hex::after_break(self.text, self.at)
    }
}

/// Some characters that the text says, and how many things were skipped since the last one.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Head {
    bytes: [u8; HEAD + 1],
    len: usize,
    skips: u32,
}

impl Head {
    fn and(mut self, bytes: &[u8]) -> Head {
        let room = HEAD + 1 - self.len;
        for byte in bytes.iter().take(room) {
            self.bytes[self.len] = *byte;
            self.len += 1;
        }
        Head { skips: 0, ..self }
    }
}

/// What the text at a position may say in its first characters, as far as a match may begin with
/// it.
pub(crate) struct Readings<'a> {
    firsts: &'a Firsts,
    /// The position.
    spot: Spot<'a>,
    /// Whether too little can be said to rule a match out.
    pub open: bool,
    /// What it may say.
    pub heads: &'a mut Heads,
}

/// Lists of what a text may say, kept for their memory.
#[derive(Default)]
pub(crate) struct Heads {
    /// Readings that the end of the text cut short.
    pub cut: Vec<[u8; HEAD]>,
    /// Readings of full length.
    pub whole: Vec<[u8; HEAD + 1]>,
    /// Where the text branched, so that what many ways lead to is read once.
    pub seen: Vec<(usize, Head)>,
}

impl<'a> Readings<'a> {
    /// Nothing has been read yet.
    pub fn of(firsts: &'a Firsts, spot: Spot<'a>, heads: &'a mut Heads) -> Readings<'a> {
        heads.cut.clear();
        heads.whole.clear();
        heads.seen.clear();
        Readings { firsts, spot, open: false, heads }
    }

    /// Reads on at `at` behind this head.
    pub fn read(&mut self, at: usize, head: Head) {
        if self.open || !self.is_plausible(head) {
            return;
        }
        if head.len > HEAD {
            if !self.heads.whole.contains(&head.bytes) {
                self.heads.whole.push(head.bytes);
            }
            return;
        }
        let Some(byte) = self.spot.text.get(at) else { return self.cut(head) };
        if introduces(byte) {
            if self.heads.seen.contains(&(at, head)) {
                return;
            }
            self.heads.seen.push((at, head));
            self.unit(at, byte, head);
        }
        self.read(at + 1, head.and(&[byte]));
    }

    fn is_plausible(&self, head: Head) -> bool {
        match head.bytes[..head.len] {
            [] => true,
            [one] => self.firsts.has_one(one, self.spot),
            [one, two, ..] => self.firsts.has_two(one, two, self.spot),
        }
    }

    /// The text ends behind this head.
    fn cut(&mut self, head: Head) {
        match head.bytes[..head.len] {
            [one, two, three] => self.heads.cut.push([one, two, three]),
            _ => self.open = true,
        }
    }

    fn unit(&mut self, at: usize, byte: u8, head: Head) {
        // What is skipped lies inside: a control sequence before the first character is no part of
        // a match.
        if byte == ESCAPE && !self.may_skip(head) {
            return;
        }
        let text = self.spot.text;
        // Of several backslashes some may be read as such.
        let alone = |(_, _): &(u8, usize)| text.get(at + 1) != Some(b'\\');
        if let Some((byte, length)) = only(text, at).filter(alone) {
            return self.read(at + length, head.and(&[byte]));
        }
        let mut units = Units::default();
        decode(text, at, &mut units);
        if units.more && (head.len > 0 || self.may_escape(byte)) {
            self.cut(head);
        }
        for unit in units.found() {
            match unit.bytes() {
                [] if self.may_skip(head) => {
                    self.read(unit.end, Head { skips: head.skips + 1, ..head })
                }
                [] => {}
                bytes => self.read(unit.end, head.and(bytes)),
            }
        }
    }

    fn may_skip(&self, head: Head) -> bool {
        let first =
            head.len > 1 || (head.len == 1 && self.firsts.has_skip(head.bytes[0], self.spot));
        first && head.skips < MAX_SKIPS
    }

    /// Whether an escape that `byte` introduces may be a match's first: those of quotes and dollars
    /// stand for themselves, those of mail for few bytes.
    fn may_escape(&self, byte: u8) -> bool {
        match byte {
            b'$' | b'"' | b'\'' => self.firsts.has_one(byte, self.spot),
            b'=' => {
                (0..=255).any(|byte| is_quoted(byte) && self.firsts.escaped_one.has(byte as usize))
            }
            _ => true,
        }
    }
}
