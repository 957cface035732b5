//! Looking through a file and through what is packed in it, within bounds: an archive may be made
//! to be larger than any disk when it is unpacked. What is beyond them is named.

mod packed;
mod tar;
mod zip;

pub(crate) use packed::{Packed, packed};

use std::cell::Cell;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use hasp_core::Result;

use super::finder::{Finder, Hit, Wanted};
use super::report::{Part, Unseen};
use packed::HEAD;
use tar::Tar;
use zip::Method;

/// The most that is unpacked of one file, in bytes.
const MOST: u64 = 1 << 30;
/// The most members of one file, those of archives in it counted.
const MEMBERS: usize = 100_000;
/// How deep archives may lie in each other; a packed tar counts as two.
const DEPTH: usize = 6;
/// The largest archive that is read into memory, in bytes.
const IN_MEMORY: u64 = 64 << 20;
/// What unpacking zstd may take of memory, as a power of two.
const WINDOW_LOG: u32 = 27;

/// Stands between an archive's path and that of a member.
const WITHIN: &[u8] = b"!";

/// What came of one file.
#[derive(Default)]
pub(crate) struct Looked {
    /// What was found: in what, under which path behind the file's own, and where.
    pub hits: Vec<(Part, Vec<u8>, Hit)>,
    /// What could not be looked into: the path behind the file's own, and why.
    pub unseen: Vec<(Vec<u8>, &'static str)>,
    /// How many bytes the file had.
    pub size: u64,
    /// The file's first bytes, enough for any pointer.
    pub head: Vec<u8>,
}

/// Looks through files; its memory is used again.
pub(crate) struct Opener<'w> {
    finder: Finder<'w>,
    looked: Looked,
    left: Cell<u64>,
    members: usize,
}

impl<'w> Opener<'w> {
    /// One that looks for what is wanted.
    pub fn new(wanted: &'w Wanted) -> Opener<'w> {
        let (finder, looked) = (Finder::new(wanted), Looked::default());
        Opener { finder, looked, left: Cell::new(0), members: 0 }
    }

    /// Everything in a file and in what is packed in it.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn look(&mut self, mut file: impl Read) -> Result<Looked> {
        (self.left, self.members) = (Cell::new(MOST), 0);
        let failed = Cell::new(None);
        let size = Cell::new(0);
        let mut source = Source { from: &mut file, failed: &failed, read: &size };
        self.text(&[], &mut source, 0);
        let mut looked = std::mem::take(&mut self.looked);
        looked.size = size.get();
        match failed.take() {
            Some(cause) => Err(hasp_core::Error::system("read", cause)),
            None => Ok(looked),
        }
    }

    /// What is found in a short text that is no file.
    pub fn find(&mut self, text: &[u8]) -> Vec<Hit> {
        self.finder.look(text).unwrap_or_default()
    }

    /// A name with markers in place of the values in it.
    pub fn masked(&mut self, name: &[u8]) -> Vec<u8> {
        self.finder.masked(name)
    }

    /// A text, and what is packed in it if it is an archive.
    fn text(&mut self, name: &[u8], from: &mut dyn Read, depth: usize) {
        let mut head = [0; HEAD];
        let read = fill(from, &mut head);
        let head = &head[..read];
        if depth == 0 {
            self.looked.head = head.to_vec();
        }
        let kind = packed(head);
        let mut whole = head.chain(from);
        match kind {
            None => self.plain(name, &mut whole),
            Some(Packed::Closed(what)) => {
                self.plain(name, &mut whole);
                self.unseen(name, what);
            }
            Some(_) if depth >= DEPTH => self.unseen(name, "an archive in too many others"),
            Some(Packed::Gzip) => {
                if let Some(kept) = gzip_name(head) {
                    let found = self.find(kept);
                    let place = |hit| (Part::Name, name.to_vec(), hit);
                    self.looked.hits.extend(found.into_iter().map(place));
                }
                self.unpack(name, MultiGzDecoder::new(whole), depth);
            }
            Some(Packed::Zstd) => match zstd::stream::read::Decoder::new(whole) {
                Ok(mut decoder) => {
                    let _ = decoder.window_log_max(WINDOW_LOG);
                    self.unpack(name, decoder, depth);
                }
                Err(_) => self.unseen(name, "zstd that is damaged"),
            },
            Some(Packed::Tar) => self.tar(name, &mut whole, depth),
            Some(Packed::Zlib) => self.in_memory(name, &mut whole, |opener, name, bytes| {
                opener.plain(name, &mut &bytes[..]);
                // It may be no zlib after all, so damage says nothing.
                let known = opener.looked.unseen.len();
                opener.unpack(name, ZlibDecoder::new(bytes), depth);
                opener.looked.unseen.truncate(known);
            }),
            Some(Packed::Zip) => self.in_memory(name, &mut whole, |opener, name, bytes| {
                opener.zip(name, bytes, depth);
            }),
        }
    }

    fn plain(&mut self, name: &[u8], text: &mut dyn Read) {
        // What cannot be read is told by whoever reads it.
        let found = self.finder.look(text).unwrap_or_default();
        let hits = found.into_iter().map(|hit| (Part::Content, name.to_vec(), hit));
        self.looked.hits.extend(hits);
    }

    /// What comes out of a decoder; what it read until it failed counts.
    fn unpack(&mut self, name: &[u8], decoder: impl Read, depth: usize) {
        let left = Cell::new(self.left.get());
        let broken = Cell::new(None);
        let mut bounded = Bounded { from: decoder, left: &left, broken: &broken };
        self.text(name, &mut bounded, depth + 1);
        // What an archive in it was not asked for may be damaged all the same.
        let _ = std::io::copy(&mut bounded, &mut std::io::sink());
        self.left.set(left.get().min(self.left.get()));
        if let Some(why) = broken.get() {
            self.unseen(name, why);
        }
    }

    fn tar(&mut self, name: &[u8], from: &mut dyn Read, depth: usize) {
        let mut tar = Tar::new(from);
        loop {
            match tar.next() {
                Ok(Some(member)) => {
                    let Some(within) = self.member(name, &member.name) else { return };
                    if member.is_file && member.size > 0 {
                        self.text(&within, &mut tar.content(), depth + 1);
                    }
                }
                Ok(None) => return,
                Err(()) => return self.unseen(name, "a tar that is damaged"),
            }
        }
    }

    fn zip(&mut self, name: &[u8], archive: &[u8], depth: usize) {
        let Some(members) = zip::members(archive) else {
            self.plain(name, &mut &archive[..]);
            return self.unseen(name, "a zip that is damaged");
        };
        for member in members {
            let Some(member) = member else {
                self.unseen(name, "a zip that is damaged in part");
                continue;
            };
            let Some(within) = self.member(name, member.name) else { return };
            match member.method {
                Method::Stored => self.text(&within, &mut &member.packed[..], depth + 1),
                Method::Deflate => self.unpack(&within, DeflateDecoder::new(member.packed), depth),
                Method::Zstd => match zstd::stream::read::Decoder::new(member.packed) {
                    Ok(decoder) => self.unpack(&within, decoder, depth),
                    Err(_) => self.unseen(&within, "zstd that is damaged"),
                },
                Method::Closed(why) => self.unseen(&within, why),
            }
        }
    }

    /// Looks at a member's name; its path, unless there are too many.
    fn member(&mut self, archive: &[u8], name: &[u8]) -> Option<Vec<u8>> {
        self.members += 1;
        if self.members > MEMBERS {
            self.unseen(archive, "more members than are looked at");
            return None;
        }
        let within = [archive, WITHIN, name].concat();
        for hit in self.find(name) {
            self.looked.hits.push((Part::Name, within.clone(), hit));
        }
        Some(within)
    }

    fn in_memory(
        &mut self,
        name: &[u8],
        from: &mut dyn Read,
        then: impl FnOnce(&mut Self, &[u8], &[u8]),
    ) {
        let mut bytes = Vec::new();
        let _ = from.take(IN_MEMORY + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > IN_MEMORY {
            self.plain(name, &mut bytes.chain(from));
            return self.unseen(name, "an archive over 64 MiB");
        }
        then(self, name, &bytes);
    }

    fn unseen(&mut self, name: &[u8], why: &'static str) {
        let one = (name.to_vec(), why);
        if !self.looked.unseen.contains(&one) {
            self.looked.unseen.push(one);
        }
    }
}

impl Unseen {
    /// What could not be looked into below this file.
    pub fn of(file: Vec<u8>, why: &str) -> Unseen {
        Unseen { file, why: why.to_owned(), pointer: false }
    }
}

/// A file, whose failure is kept rather than given, so that what was read of it counts.
struct Source<'a, R> {
    from: R,
    failed: &'a Cell<Option<std::io::Error>>,
    read: &'a Cell<u64>,
}

impl<R: Read> Read for Source<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.from.read(buffer) {
            Err(e) if e.kind() != std::io::ErrorKind::Interrupted => {
                self.failed.set(Some(e));
                Ok(0)
            }
            Ok(read) => {
                self.read.set(self.read.get() + read as u64);
                Ok(read)
            }
            other => other,
        }
    }
}

/// What a decoder gives, up to a bound.
struct Bounded<'a, R> {
    from: R,
    left: &'a Cell<u64>,
    broken: &'a Cell<Option<&'static str>>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.broken.get().is_some() {
            return Ok(0);
        }
        match self.from.read(buffer) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => Err(e),
            Err(_) => {
                self.broken.set(Some("packed data that is damaged"));
                Ok(0)
            }
            Ok(read) if read as u64 > self.left.get() => {
                self.left.set(0);
                self.broken.set(Some("more than 1 GiB when unpacked"));
                Ok(0)
            }
            Ok(read) => {
                self.left.set(self.left.get() - read as u64);
                Ok(read)
            }
        }
    }
}

/// The name of the file that was packed, where nothing stands before it.
fn gzip_name(head: &[u8]) -> Option<&[u8]> {
    let rest = head.get(10..).filter(|_| head[3] & 0x0c == 0x08)?;
    rest.split(|b| *b == 0).next()
}

fn fill(from: &mut dyn Read, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    filled
}
