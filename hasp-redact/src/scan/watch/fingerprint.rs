//! One record of the fingerprint file, to the byte: what is kept of one version of a secret.
//!
//! `b"\xf6W"`, length (u32), MAC of the body (16 bytes), body, enciphered; numbers are
//! little-endian. A record whose MAC is wrong is skipped up to the next that holds, so that a torn
//! write costs one value and not all that follow.

use super::key::Key;
use super::mark::{Alphabet, Mark, Unwatched, judge_parts, marks};

const BEGIN: [u8; 2] = [0xf6, b'W'];
/// The bytes before the body.
const HEAD: usize = BEGIN.len() + 4 + 16;
/// The longest body: every line of a value of 1 MiB, with room.
const MAX_BODY: usize = 1 << 20;

/// One version of a secret and what is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The vault, as its id.
    pub origin: String,
    /// The secret.
    pub name: String,
    /// Which version.
    pub version: u32,
    /// The marks, or why there is none.
    pub marks: Result<Vec<Mark>, Unwatched>,
    /// Why a part of it is not watched, if one is not.
    pub weak: Option<Unwatched>,
}

impl Kept {
    /// What is kept of a value.
    pub fn of(key: &Key, origin: &str, name: &str, version: u32, value: &[u8]) -> Kept {
        let marks = marks(key, value);
        let weak = judge_parts(value).first().map(|(_, why)| *why);
        Kept { origin: origin.to_owned(), name: name.to_owned(), version, marks, weak }
    }

    /// The record with its head.
    pub fn encode(&self, key: &Key) -> Vec<u8> {
        let mut body = Vec::new();
        self.write(&mut body);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let seal = key.seal(&body);
        key.cipher(&seal, &mut body);
        [&BEGIN[..], &length.to_le_bytes(), &seal, &body].concat()
    }

    fn write(&self, body: &mut Vec<u8>) {
        word(body, &self.origin);
        word(body, &self.name);
        body.extend(self.version.to_le_bytes());
        let marks = match &self.marks {
            Ok(marks) => marks,
            Err(why) => return body.push(if *why == Unwatched::TooShort { 1 } else { 2 }),
        };
        body.push(match self.weak {
            None => 0,
            Some(Unwatched::TooShort) => 3,
            Some(Unwatched::TooWeak) => 4,
        });
        for mark in marks {
            body.extend(mark.len.to_le_bytes());
            body.extend(mark.offset.to_le_bytes());
            body.extend([
                mark.alphabet as u8,
                mark.windows.len() as u8,
                u8::from(mark.folded.is_some()),
            ]);
            mark.windows.iter().for_each(|w| body.extend(w.to_le_bytes()));
            body.extend(mark.exact);
            body.extend(mark.folded.iter().flatten());
        }
    }
}

/// Names of secrets whose newest version is not watched, or of which a part is not.
pub(crate) fn unwatched(kept: &[Kept]) -> Vec<String> {
    let mut newest = std::collections::BTreeMap::new();
    for one in kept {
        let latest = newest.entry((&one.name, &one.origin)).or_insert(one);
        if one.version >= latest.version {
            *latest = one;
        }
    }
    let passes = |one: &&&Kept| one.marks.is_err() || one.weak.is_some();
    let mut names: Vec<String> =
        newest.values().filter(passes).map(|one| one.name.clone()).collect();
    names.dedup();
    names
}

/// All records of a file that hold, and how many bytes belong to none.
pub(crate) fn decode(key: &Key, file: &[u8]) -> (Vec<Kept>, usize) {
    let (mut records, mut at, mut lost) = (Vec::new(), 0, 0);
    while at < file.len() {
        match whole(key, &file[at..]) {
            Some((record, length)) => {
                records.push(record);
                at += length;
            }
            None => {
                let next = memchr::memmem::find(&file[at + 1..], &BEGIN)
                    .map_or(file.len(), |n| at + 1 + n);
                lost += next - at;
                at = next;
            }
        }
    }
    (records, lost)
}

fn whole(key: &Key, rest: &[u8]) -> Option<(Kept, usize)> {
    let mut head = Reader(rest.get(..HEAD)?);
    if head.take(BEGIN.len())? != BEGIN {
        return None;
    }
    let length = head.number()? as usize;
    if length > MAX_BODY {
        return None;
    }
    let seal = head.array()?;
    let mut body = rest.get(HEAD..HEAD + length)?.to_vec();
    key.cipher(&seal, &mut body);
    let record = if key.seal(&body) == seal { read(&mut Reader(&body)) } else { None };
    record.map(|r| (r, HEAD + length))
}

fn read(body: &mut Reader<'_>) -> Option<Kept> {
    let (origin, name, version) = (body.word()?, body.word()?, body.number()?);
    let state = body.byte()?;
    let marks = match state {
        0 | 3 | 4 => Ok(std::iter::from_fn(|| body.mark()).collect()),
        1 => Err(Unwatched::TooShort),
        _ => Err(Unwatched::TooWeak),
    };
    let weak = [(3, Unwatched::TooShort), (4, Unwatched::TooWeak)]
        .into_iter()
        .find(|(number, _)| *number == state);
    Some(Kept { origin, name, version, marks, weak: weak.map(|(_, why)| why) })
}

fn word(body: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(255)];
    body.push(bytes.len() as u8);
    body.extend_from_slice(bytes);
}

/// What has not been read of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn word(&mut self) -> Option<String> {
        let length = self.byte()?;
        String::from_utf8(self.take(length.into())?.to_vec()).ok()
    }

    fn mark(&mut self) -> Option<Mark> {
        let (len, offset) = (self.number()?, self.number()?);
        let [alphabet, count, folded] = self.array()?;
        let alphabet = [Alphabet::Plain, Alphabet::Printable, Alphabet::Any]
            .into_iter()
            .find(|s| *s as u8 == alphabet)?;
        let windows =
            (0..count).map(|_| self.array().map(u64::from_le_bytes)).collect::<Option<_>>()?;
        let exact = self.array()?;
        let folded = if folded == 1 { Some(self.array()?) } else { None };
        Some(Mark { len, offset, alphabet, windows, exact, folded })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(key: &Key, name: &str, value: &[u8]) -> Kept {
        Kept::of(key, "v", name, 3, value)
    }

    #[test]
    fn what_follows_a_torn_record_is_read() {
        let key = Key::new(&[1; 32]);
        let records = [
            kept(&key, "a", b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV"),
            kept(&key, "b", b"short"),
            kept(&key, "c", b"AAsWISwS7Qk1YY25h5Hi+apbC7wxHc5"),
            kept(&key, "d", b"postgres://app:hunter2-x@AAsWISwS7Qk1YY25h5Hi"),
            kept(&key, "e", b"PASSWORD=correct horse battery\nTOKEN=AAsWISwS7Qk1YY25h5Hi"),
        ];
        assert_eq!(
            records.each_ref().map(|r| r.weak),
            [None, None, None, Some(Unwatched::TooShort), Some(Unwatched::TooWeak)]
        );
        let texts: Vec<Vec<u8>> = records.iter().map(|r| r.encode(&key)).collect();
        assert_eq!(decode(&key, &texts.concat()), (records.to_vec(), 0));
        let torn = [&texts[0][..texts[0].len() - 9], &texts[1..].concat()].concat();
        let (read, lost) = decode(&key, &torn);
        assert_eq!((&read[..], lost), (&records[1..], texts[0].len() - 9));
        assert_eq!(decode(&Key::new(&[2; 32]), &texts.concat()).0, []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_skipped(bytes: Vec<u8>, tail: Vec<u8>) {
            let key = Key::new(&[1; 32]);
            decode(&key, &bytes);
            let first = kept(&key, "a", b"ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV").encode(&key);
            let whole = [first, tail].concat();
            prop_assert!(!decode(&key, &whole).0.is_empty());
        }
    }
}
