//! What is searched for: the values, their long lines, and strings derived from them, all in one
//! block of memory that is erased when the last filter is dropped.

use hasp_core::Secret;

use crate::decode::unit::lone;
use crate::filter::form::repetition::Repetition;
use crate::filter::form::{Case, Form, Machine, reach};

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
    /// The value as JSON or a URL escapes it, which is searched for in base64.
    Escaped,
    /// The value in UTF-16 without its first NUL or its last, so that it is in both byte orders,
    /// which is searched for encoded.
    Inner,
    /// The value in UTF-32, which is searched for as it is.
    Wider,
    /// The value's bytes as decimal numbers, which are searched for as they are.
    Decimal,
    /// The value with each two bytes swapped, as a dump shows it in words of 16 bits.
    Swapped,
}

/// The most strings with which rare forms are looked for, lines and parts counted: where there are
/// many, each piece costs speed.
pub(crate) const FEW: usize = 64;

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
pub(crate) struct Needles {
    bytes: Secret,
    list: Vec<Needle>,
    /// Scratch memory.
    borders: Vec<u32>,
}

impl Needles {
    /// Needles with room for `bytes`, on pages of their own that are locked as those of a
    /// value.
    pub fn with_room(bytes: usize) -> Needles {
        // Where there is no memory for them, there would be none for a vector either.
        let no_memory = |_| std::alloc::handle_alloc_error(std::alloc::Layout::new::<Needles>());
        let bytes = Secret::with_capacity(bytes).unwrap_or_else(no_memory);
        Needles { bytes, list: Vec::new(), borders: Vec::new() }
    }

    /// Adds a needle.
    pub fn add(&mut self, name: u32, origin: Origin, bytes: &[u8]) {
        let start = self.bytes.len();
        if self.bytes.push(bytes).is_err() {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<Needle>());
        }
        let mixed =
            bytes.iter().any(u8::is_ascii_uppercase) && bytes.iter().any(u8::is_ascii_lowercase);
        let folds = origin == Origin::Value && mixed && bytes.len() >= MIN_FOLD;
        let (lone, repetition) =
            (lone(bytes) == bytes.len(), Repetition::of(bytes, &mut self.borders));
        self.list.push(Needle { start, len: bytes.len(), name, origin, folds, lone, repetition });
    }

    /// The needles in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Needle> {
        self.list.iter()
    }

    /// Whether these are few enough to look for rare forms too.
    pub fn are_few(&self) -> bool {
        self.list.iter().filter(|n| n.origin == Origin::Value).count() <= FEW
    }

    /// The needle with this index.
    pub fn get(&self, index: u32) -> &Needle {
        &self.list[index as usize]
    }

    /// The bytes of a needle.
    pub fn bytes(&self, needle: &Needle) -> &[u8] {
        &self.bytes.expose()[needle.start..needle.start + needle.len]
    }

    /// The machine that reads this form of a needle.
    pub fn machine(&self, index: u32, form: Form) -> Machine<'_> {
        let needle = self.get(index);
        Machine {
            value: self.bytes(needle),
            form,
            lone: needle.lone,
            repetition: needle.repetition,
        }
    }
}

impl Needle {
    /// How many bytes before the end of the input a match of it can have begun that is not
    /// complete.
    pub fn reach(&self) -> usize {
        match self.origin {
            Origin::Wide | Origin::Wider | Origin::Decimal => self.len,
            _ => 2 * reach(self.len),
        }
    }

    /// The forms in which this needle is searched for.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = match self.origin {
            Origin::Wide | Origin::Wider | Origin::Decimal => return vec![Form::Literal],
            Origin::Swapped => return vec![Form::Hex],
            Origin::Encoded | Origin::Escaped => vec![],
            Origin::Inner => vec![Form::Hex],
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
