//! What is kept of a value: for the value, or for each long line of it, a few hashes of windows
//! that lie side by side, and a MAC.
//!
//! Windows are of the value itself only. Its encodings are found by decoding the text: 16
//! characters of a hexadecimal form would show 8 bytes of the value, which can be guessed.

use super::key::{Confirm, Key, WINDOW};
use crate::decode::parts::entropy::{LEAST, bits};
use crate::decode::parts::{Part, Place, parts};

/// The most windows that are kept, and how far apart the text is probed where every value has as
/// many.
pub(crate) const MOST: usize = 8;

/// The most lines of a value that are kept.
const LINES: usize = 256;

/// Where a form needs no escaping, whatever it is written into.
const PLAIN: fn(&u8) -> bool = |b| b.is_ascii_alphanumeric() || b"-._".contains(b);

/// What the windows are made of, which tells the scanner where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Alphabet {
    /// Letters, digits, `-`, `.` and `_`.
    Plain,
    /// Other printable ASCII too, which an encoder may change, but no blanks.
    Printable,
    /// Any bytes.
    Any,
}

/// A string that is looked for: a value, or a line of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its length in bytes.
    pub len: u32,
    /// Where the first window begins.
    pub offset: u32,
    /// What the windows are made of.
    pub alphabet: Alphabet,
    /// The hashes of the windows at `offset`, `offset + 1` and so on.
    pub windows: Vec<u64>,
    /// The MAC of the string.
    pub exact: Confirm,
    /// The MAC of the string in lower case, where it has letters of both cases.
    pub folded: Option<Confirm>,
}

/// Why a value is not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwatched {
    /// Fewer bytes than a window has.
    TooShort,
    /// No 16 bytes of it are hard enough to guess.
    TooWeak,
}

impl std::fmt::Display for Unwatched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unwatched::TooShort => write!(f, "it has fewer than {WINDOW} bytes"),
            Unwatched::TooWeak => {
                write!(f, "no {WINDOW} bytes of it hold {LEAST} bits that cannot be guessed")
            }
        }
    }
}

/// Whether a value can be watched without helping anybody to guess it.
///
/// # Errors
/// Why it cannot.
pub fn judge(value: &[u8]) -> Result<(), Unwatched> {
    let value = trimmed(value);
    if strings(value).any(|s| places(s).is_some()) {
        return Ok(());
    }
    Err(if value.len() < WINDOW { Unwatched::TooShort } else { Unwatched::TooWeak })
}

/// The parts of a value that are secret by themselves and cannot be watched, and why. The value may
/// be.
pub fn judge_parts(value: &[u8]) -> Vec<(Place, Unwatched)> {
    let apart = parts(value).kept;
    apart.iter().filter_map(|part| Some((part.place, judge(&part.bytes).err()?))).collect()
}

/// The marks of a value and of its parts.
pub(crate) fn marks(key: &Key, value: &[u8]) -> Result<Vec<Mark>, Unwatched> {
    let apart = parts(value).kept;
    let value = trimmed(value);
    let of_parts = apart
        .iter()
        .flat_map(|Part { bytes, .. }| strings(trimmed(bytes)).filter_map(|s| mark(key, s)));
    let mut marks: Vec<Mark> = strings(value).filter_map(|s| mark(key, s)).take(LINES).collect();
    for mark in of_parts.take(LINES) {
        if !marks.contains(&mark) {
            marks.push(mark);
        }
    }
    match marks.is_empty() {
        false => Ok(marks),
        true if value.len() < WINDOW => Err(Unwatched::TooShort),
        true => Err(Unwatched::TooWeak),
    }
}

/// The long lines of a value that has several and of which one can be watched, else the value.
fn strings(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = || {
        let lines = value.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
        lines.filter(|line| line.len() >= WINDOW && !line.starts_with(b"-----"))
    };
    let by_line = value.contains(&b'\n') && lines().any(|line| places(line).is_some());
    lines().filter(move |_| by_line).chain(std::iter::once(value).filter(move |_| !by_line))
}

fn mark(key: &Key, text: &[u8]) -> Option<Mark> {
    let (alphabet, offset, count) = places(text)?;
    let windows = text[offset..].windows(WINDOW).take(count).filter_map(|w| w.try_into().ok());
    let mixed = text.iter().any(u8::is_ascii_uppercase) && text.iter().any(u8::is_ascii_lowercase);
    Some(Mark {
        len: u32::try_from(text.len()).ok()?,
        offset: u32::try_from(offset).ok()?,
        alphabet,
        windows: windows.map(|w| key.hash(w)).collect(),
        exact: key.confirm(text),
        folded: mixed.then(|| key.confirm(&zeroize::Zeroizing::new(text.to_ascii_lowercase()))),
    })
}

/// The best place for windows: plain if there is room for half of the most, else where there is
/// most room without a blank, else anywhere. The alphabet, the offset of the first window, and how
/// many there are.
fn places(text: &[u8]) -> Option<(Alphabet, usize, usize)> {
    let place =
        |alphabet, test| longest(text, test).map(|(offset, count)| (alphabet, offset, count));
    let plain = place(Alphabet::Plain, PLAIN);
    if plain.is_some_and(|(_, _, count)| count >= MOST / 2) {
        return plain;
    }
    let printable = place(Alphabet::Printable, u8::is_ascii_graphic);
    let roomier = printable.filter(|p| plain.is_none_or(|q| p.2 > q.2));
    roomier.or(plain).or_else(|| place(Alphabet::Any, |_| true))
}

/// Where most windows in a row pass the test and are hard to guess, up to [`MOST`]. The last such
/// place: values of one alphabet begin alike.
fn longest(text: &[u8], test: fn(&u8) -> bool) -> Option<(usize, usize)> {
    let (mut best, mut run) = (None, 0);
    for (at, window) in text.windows(WINDOW).enumerate().rev() {
        let good = window.iter().all(test) && window.try_into().is_ok_and(|w| bits(w) >= LEAST);
        run = if good { run + 1 } else { 0 };
        if good && best.is_none_or(|(_, count)| run > count) {
            best = Some((at, run));
        }
        if run == MOST {
            break;
        }
    }
    best
}

/// The value without line breaks at its end, which many programs drop.
fn trimmed(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|b| !matches!(b, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &value[..end]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_where_no_encoder_changes_anything() {
        let text = b"postgres://app:Zx81Q7artzFj0rdKq9wPm3@db.internal:5432/app";
        let (alphabet, offset, count) = places(text).unwrap();
        assert!(alphabet == Alphabet::Plain && count >= MOST / 2, "{count} at {offset}");
        assert!(text[offset..offset + count + WINDOW - 1].iter().all(PLAIN));
        assert_eq!(places(b"p@ss w0rd/'q\"&<+>$=%!\\z").unwrap().0, Alphabet::Printable);
        assert_eq!(
            places(&(0x80..0xa0).map(|b: u8| b.wrapping_mul(73)).collect::<Vec<_>>()).unwrap().0,
            Alphabet::Any
        );
    }

    #[test]
    fn lines_are_watched_alone_and_armour_is_not() {
        let key = Key::new(&[7; 32]);
        let lines = ["AAsWISwS7Qk1YY25h5Hi+apbC7wxHc5", "xvBqTz81Q7artzFj0rdKq9wPm3LkJhG"];
        let value = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n{}\n-----END PRIVATE KEY-----\n",
            lines[0], lines[1]
        );
        let marks = marks(&key, value.as_bytes()).unwrap();
        assert_eq!(marks.len(), 2);
        assert!(lines.iter().zip(&marks).all(|(l, m)| key.confirm(l.as_bytes()) == m.exact));
    }

    #[test]
    fn parts_are_watched_too_and_what_cannot_be_is_told() {
        let key = Key::new(&[7; 32]);
        let password = b"xvBqTz81Q7artzFj0rdKq9wPm3LkJhG";
        let url = [b"postgres://app:", &password[..], b"@db.internal:5432/app"].concat();
        assert!(marks(&key, &url).unwrap().iter().any(|m| m.exact == key.confirm(password)));
        assert_eq!(judge_parts(&url), []);
        // Of what only the name says that it is a password, guesses could be tested.
        assert_eq!(
            judge_parts(b"postgres://app:hunter2-x@db/app"),
            [(Place::Url, Unwatched::TooShort)]
        );
        assert_eq!(
            judge_parts(b"DB_PASSWORD=correct horse battery"),
            [(Place::Field, Unwatched::TooWeak)]
        );
    }

    #[test]
    fn what_is_short_or_weak_is_refused_by_name() {
        assert_eq!(judge(b"hunter2"), Err(Unwatched::TooShort));
        assert_eq!(judge(b"correct horse battery staple"), Err(Unwatched::TooWeak));
        assert_eq!(judge(b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV"), Ok(()));
    }
}
