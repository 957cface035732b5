//! Values made ready to be searched for: compiled once, then shared by the filters of several
//! streams.

use std::fmt;

use zeroize::Zeroizing;

use crate::decode::ansi::ESCAPE;
use crate::decode::parts::danger::{self, MIN_VALUE, Reason};
use crate::decode::parts::{self, Parts};
use crate::filter::form::Form;
use crate::filter::pattern::needle::{FEW, MIN_LINE, Needle, Needles, Origin};
use crate::filter::pattern::{rare, spell};
use crate::filter::seed::{Seeds, build, tier};
use crate::filter::starts::Starts;

/// From this many needles on their tables are built by two threads.
const THREAD_FROM: usize = 1_000;

/// A value and the name that stands in its place.
#[derive(Clone, Copy)]
pub struct Pattern<'a> {
    /// What the marker shows: `[hasp:NAME]`.
    pub name: &'a str,
    /// The bytes to find.
    pub value: &'a [u8],
}

impl fmt::Debug for Pattern<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.name)
    }
}

/// All values of a filter in all their forms; the memory is erased on drop.
pub struct Patterns {
    names: Vec<String>,
    markers: Vec<String>,
    unwatched: Vec<(String, Reason)>,
    risky: Vec<(String, Reason)>,
    /// Whether rare forms are searched for too.
    few: bool,
    pub(crate) needles: Needles,
    pub(crate) seeds: Option<Seeds>,
    pub(crate) starts: Starts,
    /// How many bytes before the end of the input a match can have begun that is not complete.
    pub(crate) reach: usize,
    /// The length of the shortest value.
    pub(crate) shortest: usize,
    /// Whether a value has the byte that begins control sequences.
    pub(crate) escapes: bool,
}

impl Patterns {
    /// Copies the values into memory of its own and builds the tables to find them.
    ///
    /// Values under 6 bytes are not searched for; [`Patterns::unwatched`] names them. The same
    /// value under two names is shown under the first. The parts of a value that are secret by
    /// themselves, see `mod@parts`, are searched for too.
    pub fn compile(values: &[Pattern<'_>]) -> Patterns {
        let apart: Vec<Parts> = values.iter().map(|p| parts::parts(p.value)).collect();
        let parts = apart.iter().flat_map(|a| &a.kept).map(|part| part.bytes.as_slice());
        let texts: Vec<&[u8]> =
            values.iter().map(|p| p.value).chain(parts).map(without_newlines).collect();
        let strings: usize = texts.iter().map(|text| 1 + long_lines(text).count()).sum();
        let few = strings <= FEW;
        let rare = texts.iter().map(|text| if few { rare::room(text) } else { 0 }).sum::<usize>();
        let room = texts.iter().map(|text| 11 * text.len() + 32).sum::<usize>() + rare;
        let mut patterns = Patterns {
            names: values.iter().map(|p| p.name.to_owned()).collect(),
            markers: values.iter().map(|p| format!("[hasp:{}]", p.name)).collect(),
            unwatched: Vec::new(),
            risky: Vec::new(),
            needles: Needles::with_room(room),
            few,
            seeds: None,
            starts: Starts::default(),
            reach: 0,
            shortest: 0,
            escapes: values.iter().any(|p| p.value.contains(&ESCAPE)),
        };
        for (index, pattern) in values.iter().enumerate() {
            patterns.add(index as u32, pattern.name, pattern.value);
        }
        for (index, (pattern, apart)) in values.iter().zip(&apart).enumerate() {
            patterns.add_parts(index as u32, pattern.name, apart);
        }
        (patterns.seeds, patterns.starts) = tables(&patterns.needles);
        patterns.shortest = patterns.needles.iter().map(|n| n.len).min().unwrap_or(0);
        patterns.reach = patterns.needles.iter().map(Needle::reach).max().unwrap_or(0);
        patterns
    }

    fn add(&mut self, name: u32, called: &str, value: &[u8]) {
        let value = without_newlines(value);
        if value.len() < MIN_VALUE {
            self.unwatched.push((called.to_owned(), Reason::TooShort(value.len())));
            return;
        }
        if let Some(reason) = danger::risk(value) {
            self.risky.push((called.to_owned(), reason));
        }
        self.needles.add(name, Origin::Value, value);
        for big in [false, true] {
            let wide = spell::wide(value, big);
            // Two characters may be fewer bytes than they were, too few to look for.
            if wide.len() >= MIN_VALUE {
                self.needles.add(name, Origin::Wide, &wide);
            }
        }
        let mut encoded = Zeroizing::new(Vec::with_capacity(2 * value.len() + 8));
        for align in 0..3 {
            encoded.clear();
            spell::own_characters(Form::Base64(align), value, &mut encoded);
            self.needles.add(name, Origin::Encoded, &encoded);
        }
        for line in long_lines(value) {
            self.needles.add(name, Origin::Value, line);
        }
        if self.few {
            rare::each(value, |origin, text| self.needles.add(name, origin, text));
        }
    }

    /// Adds the parts of a value under its name.
    fn add_parts(&mut self, name: u32, called: &str, apart: &Parts) {
        for part in &apart.kept {
            self.add(name, &format!("{called}: {}", part.place.words()), &part.bytes);
        }
        let left = apart
            .left
            .iter()
            .map(|(place, reason)| (format!("{called}: {}", place.words()), *reason));
        self.unwatched.extend(left);
        if apart.more {
            self.unwatched
                .push((format!("{called}: a further part of it"), Reason::TooMany(parts::MOST)));
        }
    }

    /// The names of values, and of parts of them, that are not searched for, and why.
    pub fn unwatched(&self) -> impl Iterator<Item = (&str, Reason)> {
        self.unwatched.iter().map(|(name, reason)| (name.as_str(), *reason))
    }

    /// The names of values that are searched for but will also be found where they were not meant,
    /// and why.
    pub fn risky(&self) -> impl Iterator<Item = (&str, Reason)> {
        self.risky.iter().map(|(name, reason)| (name.as_str(), *reason))
    }

    /// Whether nothing is searched for.
    pub fn is_empty(&self) -> bool {
        self.seeds.is_none()
    }

    /// How many strings are searched for, and by how many seeds.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.needles.iter().count(), self.seeds.as_ref().map_or(0, Seeds::count))
    }

    /// Whether the value is also searched for in the other case.
    pub(crate) fn folds(&self) -> bool {
        self.needles.iter().any(|n| n.folds)
    }

    /// Whether rare forms are searched for too.
    pub(crate) fn are_few(&self) -> bool {
        self.few
    }

    /// The name of a value.
    pub(crate) fn name(&self, name: u32) -> &str {
        &self.names[name as usize]
    }

    /// What is written in place of a value with this name.
    pub(crate) fn marker(&self, name: u32) -> &[u8] {
        self.markers[name as usize].as_bytes()
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patterns({:?})", self.names)
    }
}

/// Both tables; side by side where there are so many needles that a thread pays.
fn tables(needles: &Needles) -> (Option<Seeds>, Starts) {
    tier::both(
        needles.iter().len() >= THREAD_FROM,
        || build::build(needles),
        || Starts::new(needles),
    )
}

/// The value without line breaks at its end, which many programs drop.
pub(crate) fn without_newlines(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &value[..end]
}

/// The lines of a multi-line value that are secret by themselves; armour lines are not.
pub(crate) fn long_lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = value.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let several = value.contains(&b'\n');
    lines.filter(move |line| several && line.len() >= MIN_LINE && !line.starts_with(b"-----"))
}
