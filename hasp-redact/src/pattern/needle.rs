//! What is searched for: the values, their long lines, and strings derived from them, all in one block of memory that is
//! erased when the last filter is dropped.

use zeroize::Zeroizing;

use crate::decode::unit::lone;
use crate::form::repetition::Repetition;
use crate::form::{Case, Form, Machine};

/// A value shorter than this many bytes is not searched for: it would be found everywhere.
pub const MIN_VALUE: usize = 6;

/// A line of a multi-line value is searched for alone from this many bytes on.
pub(crate) const MIN_LINE: usize = 8;

/// Letters of a value are also looked for in the other case from this many bytes on.
const MIN_FOLD: usize = 8;

/// What a needle was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A value or one of its lines.
    Value,
    /// The value in UTF-16, which is searched for as it is.
    Wide,
    /// The value in base64, which is searched for in base64 once more.
    Encoded,
}

/// One string that is searched for in several forms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle {
    /// Where it lies in the arena.
    start: usize,
    /// Its length in bytes.
    pub len: usize,
    /// The index of the value's name.
    pub name: u32,
    /// What it was made from.
    pub origin: Origin,
    /// Whether upper() and lower() of it are searched for.
    pub folds: bool,
    /// Whether each of its bytes, where it stands as it is, can be read as itself only.
    lone: bool,
    /// How it repeats itself, if it does.
    pub repetition: Repetition,
}

/// All needles and the memory that holds their bytes.
#[derive(Default)]
pub(crate) struct Needles {
    bytes: Zeroizing<Vec<u8>>,
    list: Vec<Needle>,
    /// Scratch memory.
    borders: Vec<u32>,
}

impl Needles {
    /// Needles with room for so many bytes: the memory must not move, or a copy would stay behind.
    pub fn with_room(bytes: usize) -> Needles {
        Needles { bytes: Zeroizing::new(Vec::with_capacity(bytes)), ..Needles::default() }
    }

    /// Adds a needle. Bytes beyond the room that was asked for are not added, which the caller's bound rules out.
    pub fn add(&mut self, name: u32, origin: Origin, bytes: &[u8]) {
        debug_assert!(self.bytes.len() + bytes.len() <= self.bytes.capacity(), "the arena would move");
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let mixed = bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
        let folds = origin == Origin::Value && mixed && bytes.len() >= MIN_FOLD;
        let (lone, repetition) = (lone(bytes) == bytes.len(), Repetition::of(bytes, &mut self.borders));
        self.list.push(Needle { start, len: bytes.len(), name, origin, folds, lone, repetition });
    }

    /// The needles in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Needle> {
        self.list.iter()
    }

    /// The needle with this index.
    pub fn get(&self, index: u32) -> &Needle {
        &self.list[index as usize]
    }

    /// The bytes of a needle.
    pub fn bytes(&self, needle: &Needle) -> &[u8] {
        &self.bytes[needle.start..needle.start + needle.len]
    }

    /// The machine that reads this form of a needle.
    pub fn machine(&self, index: u32, form: Form) -> Machine<'_> {
        let needle = self.get(index);
        Machine { value: self.bytes(needle), form, lone: needle.lone, repetition: needle.repetition }
    }
}

impl Needle {
    /// The forms in which this needle is searched for.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = match self.origin {
            Origin::Wide => return vec![Form::Literal],
            Origin::Encoded => vec![],
            Origin::Value => vec![Form::Plain(Case::Exact), Form::Hex],
        };
        forms.extend((0..3).map(Form::Base64));
        if self.origin == Origin::Value {
            forms.extend((0..5).map(Form::Base32));
        }
        if self.folds {
            forms.extend([Form::Plain(Case::Upper), Form::Plain(Case::Lower)]);
        }
        forms
    }
}
