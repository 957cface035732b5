//! Everything that is looked for in one text: what is watched, values that were given, and markers
//! that were written back. A text of any length is read in parts that overlap by the longest form
//! of a value.

use std::io::Read;
use std::sync::Arc;

use hasp_core::{Error, Result};

use super::level::{Found, Searcher};
use super::table::Table;
use crate::decode::layer::Layer;
use crate::filter::{Filter, Patterns};

/// How much is read at once, if forms are not longer.
const PART: usize = 128 << 10;

/// What every marker begins with.
const OPENING: &[u8] = b"[hasp:";

/// What was found at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A value, or a line of one.
    Leak {
        /// The name of the secret, or of the value that was given.
        name: String,
        /// Which version, of a watched secret.
        version: Option<u32>,
        /// In which form.
        form: String,
    },
    /// `[hasp:NAME]` stands where a value was.
    Marker(String),
}

/// Something that was found in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// What it is.
    pub what: What,
    /// The line, from 1.
    pub line: u64,
    /// The byte in the line, from 1.
    pub column: u64,
    /// The character in the line, from 1; bytes that are no UTF-8 count as one each.
    pub character: u64,
    /// The line where it ends.
    pub last_line: u64,
    /// Which mark, of a watched value: its lines have one each, in order.
    pub mark: Option<u32>,
}

/// What is looked for.
pub(crate) struct Wanted {
    /// What is watched.
    pub table: Option<Table>,
    /// Values that were given.
    pub patterns: Option<Arc<Patterns>>,
}

impl Wanted {
    /// How many bytes two parts must share.
    fn overlap(&self) -> usize {
        let watched = self.table.as_ref().map_or(0, |t| 12 * t.longest + 512);
        let given = self.patterns.as_ref().map_or(0, |p| p.reach);
        watched.max(given).max(256)
    }
}

/// Looks through texts, one after the other; its memory is used again.
pub(crate) struct Finder<'w> {
    wanted: &'w Wanted,
    searcher: Option<Searcher<'w>>,
    buffer: Vec<u8>,
}

/// A match in a part of the text.
struct Match {
    start: usize,
    end: usize,
    what: What,
    mark: Option<u32>,
}

impl<'w> Finder<'w> {
    /// A finder of what is wanted.
    pub fn new(wanted: &'w Wanted) -> Finder<'w> {
        Finder { wanted, searcher: wanted.table.as_ref().map(Searcher::new), buffer: Vec::new() }
    }

    /// Everything in a text.
    pub fn look(&mut self, mut text: impl Read) -> Result<Vec<Hit>> {
        let overlap = self.wanted.overlap();
        let size = PART.max(4 * overlap);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(size, 0);
        let (mut hits, mut origin, mut held) =
            (Vec::new(), Origin { line: 1, ..Origin::default() }, 0);
        loop {
            let read = fill(&mut text, &mut buffer[held..])?;
            let part = &buffer[..held + read];
            let found = self.part(part);
            // What ends in the shared stretch was found in the part before.
            hits.extend(place(part, &found, held, origin));
            if held + read < size {
                break;
            }
            let keep = overlap.min(part.len());
            let gone = part.len() - keep;
            origin = origin.behind(&part[..gone]);
            buffer.copy_within(gone..size, 0);
            held = keep;
        }
        self.buffer = buffer;
        Ok(merge(hits))
    }

    /// A short text with markers in place of the values in it.
    pub fn masked(&mut self, text: &[u8]) -> Vec<u8> {
        let (mut shown, mut at) = (Vec::new(), 0);
        for found in self.part(text) {
            let What::Leak { name, .. } = &found.what else { continue };
            shown.extend_from_slice(&text[at..found.start.max(at)]);
            if found.end > at {
                shown.extend_from_slice(format!("[hasp:{name}]").as_bytes());
                at = found.end;
            }
        }
        shown.extend_from_slice(&text[at..]);
        shown
    }

    fn part(&mut self, text: &[u8]) -> Vec<Match> {
        let mut found = self.wanted.patterns.as_ref().map(|p| given(p, text)).unwrap_or_default();
        if let (Some(searcher), Some(table)) = (&mut self.searcher, &self.wanted.table) {
            let watched: Vec<Found> = searcher.search(text);
            let other = |f: &&Found| !found.iter().any(|m| m.start < f.end && f.start < m.end);
            let watched: Vec<Match> =
                watched.iter().filter(other).map(|f| watched_match(table, text, f)).collect();
            found.extend(watched);
        }
        found.extend(markers(text));
        found.sort_by_key(|m| m.start);
        found
    }
}

/// Reads until the buffer is full or the text ends.
fn fill(text: &mut impl Read, buffer: &mut [u8]) -> Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match text.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::system("read", e)),
        }
    }
    Ok(filled)
}

fn watched_match(table: &Table, text: &[u8], found: &Found) -> Match {
    let secret = table.secret(found.mark);
    let form = form(&found.layers, &text[found.start..found.end]);
    let what = What::Leak { name: secret.name.clone(), version: Some(secret.version), form };
    Match { start: found.start, end: found.end, what, mark: Some(found.mark) }
}

/// The form in words: the layers from the outside in, each once.
fn form(layers: &[Layer], text: &[u8]) -> String {
    let mut words: Vec<&str> = layers.iter().map(|l| l.word()).collect();
    words.dedup();
    if layers.is_empty() {
        return if text.contains(&b'\n') { "plain, several lines" } else { "plain" }.to_owned();
    }
    words.join(" in ")
}

/// Markers in the text, with the names in them.
fn markers(text: &[u8]) -> impl Iterator<Item = Match> {
    memchr::memmem::find_iter(text, OPENING).filter_map(|start| {
        let rest = &text[start + OPENING.len()..];
        let length = memchr::memchr(b']', &rest[..rest.len().min(hasp_core::name::MAX_NAME + 1)])?;
        let name = std::str::from_utf8(&rest[..length])
            .ok()
            .filter(|n| n.parse::<hasp_core::SecretName>().is_ok())?;
        Some(Match {
            start,
            end: start + OPENING.len() + length + 1,
            what: What::Marker(name.to_owned()),
            mark: None,
        })
    })
}

/// Values that were given, in all forms that the filter knows.
fn given(patterns: &Arc<Patterns>, text: &[u8]) -> Vec<Match> {
    let found = Filter::locate(patterns, text).into_iter();
    let what = |name: &str, form: &str| What::Leak {
        name: name.to_owned(),
        version: None,
        form: form.to_owned(),
    };
    found
        .map(|l| Match {
            start: l.range.start,
            end: l.range.end,
            what: what(l.name, l.form),
            mark: None,
        })
        .collect()
}

/// A place of a text, in lines.
#[derive(Clone, Copy, Default)]
struct Origin {
    line: u64,
    /// Bytes and characters of the line before the place.
    bytes: u64,
    characters: u64,
}

impl Origin {
    /// The place behind this text.
    fn behind(self, text: &[u8]) -> Origin {
        let last = memchr::memrchr(b'\n', text);
        let rest = &text[last.map_or(0, |at| at + 1)..];
        let characters: usize =
            rest.utf8_chunks().map(|c| c.valid().chars().count() + c.invalid().len()).sum();
        let (bytes, characters) = (rest.len() as u64, characters as u64);
        match last {
            None => Origin {
                line: self.line,
                bytes: self.bytes + bytes,
                characters: self.characters + characters,
            },
            Some(at) => {
                let lines = memchr::memchr_iter(b'\n', &text[..=at]).count() as u64;
                Origin { line: self.line + lines, bytes, characters }
            }
        }
    }
}

/// Matches as places in lines, but those that the part before had.
fn place(text: &[u8], found: &[Match], fresh: usize, mut origin: Origin) -> Vec<Hit> {
    let (mut counted, mut hits) = (0, Vec::new());
    for m in found.iter().filter(|m| m.end > fresh) {
        // A match with others in it may begin before the last one ended.
        origin = origin.behind(&text[counted..m.start.max(counted)]);
        counted = m.start.max(counted);
        let last_line =
            origin.line + memchr::memchr_iter(b'\n', &text[m.start..m.end]).count() as u64;
        hits.push(Hit {
            what: m.what.clone(),
            line: origin.line,
            column: origin.bytes + 1,
            character: origin.characters + 1,
            last_line,
            mark: m.mark,
        });
    }
    hits
}

/// One hit for the lines of one value that follow each other.
fn merge(hits: Vec<Hit>) -> Vec<Hit> {
    let mut merged: Vec<Hit> = Vec::new();
    for hit in hits {
        match merged.last_mut() {
            Some(last)
                if same(last, &hit) && hit.mark > last.mark && hit.line <= last.last_line + 1 =>
            {
                (last.last_line, last.mark) = (hit.last_line, hit.mark);
            }
            _ => merged.push(hit),
        }
    }
    merged
}

fn same(a: &Hit, b: &Hit) -> bool {
    let watched = |hit: &Hit| match &hit.what {
        What::Leak { name, version: Some(version), form } => {
            Some((name.clone(), *version, form.clone()))
        }
        _ => None,
    };
    watched(a).is_some_and(|a| watched(b) == Some(a))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scan::watch::fingerprint::Kept;
    use crate::scan::watch::key::Key;

    /// Values of lengths around a window and around as many windows as are kept, with characters
    /// that encoders change and without.
    const LENGTHS: [usize; 7] = [16, 17, 22, 23, 24, 31, 40];
    const PLAIN: &[u8] = b"Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT2yUcXsDo";
    const PRINTABLE: &[u8] = b"Z!81Q#artz&j0r%Kq9$Pm3LkJ*G5^BnT@yUc'sDo";

    fn wanted(values: &[&[u8]]) -> Wanted {
        let key = Key::new(&[3; 32]);
        let kept = |value: &&[u8]| Kept::of(&key, "v", &format!("n/{}", value.len()), 1, value);
        let kept: Vec<Kept> = values.iter().map(kept).collect();
        Wanted { table: Some(Table::new(Key::new(&[3; 32]), kept)), patterns: None }
    }

    /// What is found of values of each length alone, so that the text is probed as far apart as
    /// that allows.
    fn each_length(whole: &[u8], mut look: impl FnMut(&[u8], &mut dyn FnMut(&[u8]) -> usize)) {
        for value in LENGTHS.map(|length| &whole[..length]) {
            let wanted = wanted(&[value]);
            let mut finder = Finder::new(&wanted);
            look(value, &mut |text| finder.look(text).unwrap().len());
        }
    }

    #[test]
    fn a_value_is_found_at_every_place() {
        for whole in [PLAIN, PRINTABLE] {
            each_length(whole, |value, count| {
                for before in 0..150 {
                    for beside in [" ", "/", "z", "\n"] {
                        let text =
                            [beside.repeat(before).as_bytes(), value, beside.as_bytes()].concat();
                        assert_eq!(
                            count(&text),
                            1,
                            "{} bytes behind {before} of {beside:?}",
                            value.len()
                        );
                    }
                }
            });
        }
    }

    #[test]
    fn a_value_is_found_across_the_parts_that_are_read() {
        each_length(PLAIN, |value, count| {
            for before in PART - 60..PART + 20 {
                let text = [&vec![b'.'; before - 1], &b" "[..], value, &[b' '; 200]].concat();
                assert_eq!(count(&text), 1, "{} bytes behind {before}", value.len());
            }
        });
    }

    #[test]
    fn encodings_are_found_at_every_place() {
        let hex = |value: &[u8]| data_encoding::HEXLOWER.encode(value);
        let apart = |value: &[u8], each: usize, with: &str| {
            let hex = hex(value);
            let groups: Vec<&str> =
                hex.as_bytes().chunks(each).map(|g| std::str::from_utf8(g).unwrap()).collect();
            groups.join(with)
        };
        let wide = |value: &[u8], big: bool| -> Vec<u8> {
            value.iter().flat_map(|b| if big { [0, *b] } else { [*b, 0] }).collect()
        };
        each_length(PLAIN, |value, count| {
            for align in 0..40 {
                let within =
                    [&b"quite some text, in which it stands"[..align.min(3)], value].concat();
                let forms = [
                    data_encoding::BASE64.encode(&within).into_bytes(),
                    data_encoding::BASE32.encode(&within).into_bytes(),
                    hex(value).into_bytes(),
                    apart(value, 2, ":").into_bytes(),
                    apart(value, 4, " ").into_bytes(),
                    value.iter().flat_map(|b| format!("%{b:02X}").into_bytes()).collect(),
                    wide(value, false),
                    wide(value, true),
                ];
                for (number, form) in forms.iter().enumerate() {
                    let text = [&vec![b'\n'; align], &form[..], b"\n"].concat();
                    assert_eq!(
                        count(&text),
                        1,
                        "form {number} of {} bytes behind {align}",
                        value.len()
                    );
                }
            }
        });
    }
}
