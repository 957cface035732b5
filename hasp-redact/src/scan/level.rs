//! The search of one text for everything that is watched: the text is probed where values may stand
//! as they are, and what may be an encoding is decoded and searched the same way.

use super::bytes::escape::{Within, dense, none, places};
use super::bytes::masks::Words;
use super::bytes::runs::{Class, before_pair, begins_pair, each_run, is_wide, runs};
use super::bytes::words::{Stretch, Stretches};
use super::table::{Batch, Table};
use super::trail::Trail;
use crate::decode::alphabet::{base32_may_begin, base64_may_begin, is_base32, is_symbol};
use crate::decode::ansi::ESCAPE;
use crate::decode::join::{list_start, literal_gap};
use crate::decode::layer::{DENSE, ESCAPED, Layer, SPARSE, line_break};
use crate::decode::text::{Text, nibble};
use crate::decode::unit::{Units, decode};
use crate::scan::watch::key::WINDOW;

/// The most layers that may lie over each other: JSON in base64 in a URL.
const DEPTH: usize = 3;

/// The shortest encodings of a window, in characters.
const BASE64: usize = 20;
const BASE32: usize = 24;
const HEX: usize = 2 * WINDOW;

/// Wrapped base64 has lines of at least this many characters.
const LINE: usize = 16;

/// How much text around an escape is decoded: a window of escaped characters on both sides.
const AROUND: usize = 6 * WINDOW;

/// How often, in one text, a place is looked into where a window is and the value is not: what is
/// cut off, or escaped in part.
const NEAR: usize = 256;

/// The most places that are told of one text; finding the place of each means reading its
/// layers again.
const FOUND: usize = 1000;

/// How many of the last finds a place is compared with.
const RECENT: usize = 32;

/// A value, or a line of one, in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which mark.
    pub mark: u32,
    /// Where it begins in the text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The layers through which it was read, the outermost first; empty for the value as it is.
    pub layers: Vec<Layer>,
}

/// Searches texts; its memory is used again for the next one.
pub(crate) struct Searcher<'t> {
    table: &'t Table,
    spare: Vec<Vec<u8>>,
    stretches: Vec<Stretches>,
    found: Vec<Found>,
    /// Windows whose mark reaches beyond the decoded text in which they are.
    cut: Vec<(u32, usize)>,
    near: usize,
    nearing: bool,
}

impl<'t> Searcher<'t> {
    /// A searcher for what is in this table.
    pub fn new(table: &'t Table) -> Searcher<'t> {
        Searcher {
            table,
            spare: Vec::new(),
            stretches: Vec::new(),
            found: Vec::new(),
            cut: Vec::new(),
            near: 0,
            nearing: false,
        }
    }

    /// Everything in a text, in order.
    pub fn search(&mut self, text: &[u8]) -> Vec<Found> {
        self.near = NEAR;
        self.level(text, None);
        self.cut.clear();
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|f| (f.start, f.layers.len()));
        found
    }

    fn level(&mut self, text: &[u8], trail: Option<&Trail<'_>>) {
        let table = self.table;
        if text.len() < WINDOW || table.is_empty() {
            return;
        }
        let (mut batch, mut hits) = (Batch::new(), Vec::new());
        let mut stretches = self.stretches.pop().unwrap_or_default();
        let words = if table.printable.is_some() { Words::Graphic } else { Words::Symbols };
        stretches.find(text, words);
        if let Some(stride) = table.any {
            batch.probe(table, text, (0, text.len()), stride, &mut hits);
        }
        for word in &stretches.words {
            if let Some(stride) = table.printable {
                batch.probe(table, text, *word, stride, &mut hits);
            }
            if let Some(stride) = table.plain {
                let probe = |run| batch.probe(table, text, run, stride, &mut hits);
                each_run(text, *word, words, Class::Plain, WINDOW - 1 + stride, probe);
            }
        }
        if trail.map_or(0, Trail::depth) < DEPTH {
            self.symbols(text, &stretches.words, words, trail);
            stretches.digits.iter().for_each(|stretch| self.apart(text, *stretch, trail));
            self.wide(text, trail);
            self.literals(text, trail);
            self.numbers(text, trail);
            self.escapes(text, &stretches.words, trail);
            // A program may have taken each byte of the value for a character.
            if table.any.is_some() && trail.is_some_and(|t| t.layer.makes_characters()) {
                self.through(Layer::Latin, text, 0..text.len(), trail);
            }
        }
        self.stretches.push(stretches);
        batch.flush(table, &mut hits);
        self.confirm(text, &hits, trail);
    }

    /// Keeps what is there in full, and looks more closely where only a window is.
    fn confirm(&mut self, text: &[u8], hits: &[(usize, u64)], trail: Option<&Trail<'_>>) {
        let mut known: Vec<(u32, usize)> = Vec::new();
        for (at, hash) in hits {
            for (mark, before) in self.table.find(*hash) {
                let length = self.table.mark(mark).len as usize;
                let whole = at
                    .checked_sub(before)
                    .and_then(|start| Some((start, text.get(start..start + length)?)));
                let Some((start, value)) = whole else {
                    self.cut.push((mark, *at));
                    self.near(text, *at, mark, trail);
                    continue;
                };
                if known.iter().rev().take(8).any(|k| *k == (mark, start)) {
                    continue;
                }
                known.push((mark, start));
                if self.table.confirms(mark, value) {
                    self.keep(mark, start, start + length, trail);
                } else {
                    self.near(text, *at, mark, trail);
                }
            }
        }
    }

    /// Keeps a find, unless one that explains the place in fewer layers, or more of it in as many,
    /// is there.
    fn keep(&mut self, mark: u32, start: usize, end: usize, trail: Option<&Trail<'_>>) {
        let place = |at| trail.map_or(at, |t| t.place(at));
        let (start, end) = (place(start), place(end));
        let table = self.table;
        let same = |f: &Found| {
            table.secret(f.mark) == table.secret(mark) && f.start < end && start < f.end
        };
        let rank = |layers: usize, start: usize, end: usize| {
            (layers, std::cmp::Reverse(end.saturating_sub(start)))
        };
        let own = rank(trail.map_or(0, Trail::depth), start, end);
        let recent = self.found.len().saturating_sub(RECENT);
        let better = |f: &Found| same(f) && rank(f.layers.len(), f.start, f.end) <= own;
        if self.found[recent..].iter().any(better) {
            return;
        }
        let mut at = 0;
        self.found.retain(|f| {
            at += 1;
            at <= recent || !same(f)
        });
        if self.found.len() < FOUND {
            let layers = trail.map(Trail::layers).unwrap_or_default();
            self.found.push(Found { mark, start, end, layers });
        }
    }

    /// Reads the text around a window in every way that leaves some characters as they are.
    fn near(&mut self, text: &[u8], at: usize, mark: u32, trail: Option<&Trail<'_>>) {
        if self.near == 0 || std::mem::replace(&mut self.nearing, true) {
            return;
        }
        self.near -= 1;
        let reach = 6 * self.table.mark(mark).len as usize + 64;
        let range = at.saturating_sub(reach)..text.len().min(at + reach);
        for layer in SPARSE {
            if layer.applies(&text[range.clone()]) {
                self.through(layer, text, range.clone(), trail);
            }
        }
        self.nearing = false;
    }

    /// Decodes a part of the text and searches what comes of it, if that is long enough to hold
    /// anything. How much of the part was read.
    fn through(
        &mut self,
        layer: Layer,
        text: &[u8],
        range: std::ops::Range<usize>,
        outer: Option<&Trail<'_>>,
    ) -> usize {
        if outer.map_or(0, Trail::depth) >= DEPTH {
            return range.len();
        }
        let mut out = self.spare.pop().unwrap_or_default();
        out.clear();
        let (start, part) = (range.start, &text[range]);
        let length = layer.read(part, &mut out, usize::MAX);
        if out.len() >= WINDOW {
            self.decoded(&out, &Trail { outer, around: text, text: &part[..length], start, layer });
        }
        self.spare.push(out);
        length
    }

    fn decoded(&mut self, out: &[u8], trail: &Trail<'_>) {
        let before = self.cut.len();
        if trail.layer == Layer::Joined {
            self.encoded(out, 0, out.len(), Some(trail));
        } else {
            self.level(out, Some(trail));
        }
        // What reaches beyond this part may be whole in the text around it.
        for (mark, at) in self.cut.split_off(before) {
            if self.near > 0 && !self.nearing {
                self.near(trail.around, trail.step(at), mark, trail.outer);
            }
        }
    }

    /// Symbols of base64, base32 and hexadecimal; wrapped ones across their lines.
    fn symbols(&mut self, text: &[u8], found: &[Stretch], words: Words, trail: Option<&Trail<'_>>) {
        let mut joined = 0;
        for word in found {
            // A short run is nothing unless it is a line of something wrapped; in a string literal
            // line breaks are part of the word.
            let ends_line = matches!(text.get(word.1), Some(b'\n' | b'\r' | b'\\'));
            let least = if ends_line || words == Words::Graphic { LINE } else { BASE64 };
            each_run(text, *word, words, Class::Symbol, least, |(start, end)| {
                if start < joined {
                    return;
                }
                let skipped = line_break(&text[end..]);
                if skipped > 0 && text.get(end + skipped).is_some_and(|s| is_symbol(*s)) {
                    joined = start + self.through(Layer::Joined, text, start..text.len(), trail);
                } else {
                    self.encoded(text, start, end, trail);
                }
            });
        }
    }

    /// A run of symbols, in each encoding and at each place within a group.
    fn encoded(&mut self, text: &[u8], start: usize, end: usize, trail: Option<&Trail<'_>>) {
        if end - start < BASE64 {
            return;
        }
        let bytes = self.table.any.is_some();
        for skip in (0..4).filter(|skip| bytes || base64_may_begin(&text[start..end], *skip)) {
            self.through(Layer::Base64(skip), text, start..end, trail);
        }
        for (a, b) in runs(text, start, end, BASE32, is_base32) {
            for skip in (0..8).filter(|skip| bytes || base32_may_begin(&text[a..b], *skip)) {
                self.through(Layer::Base32(skip), text, a..b, trail);
            }
        }
        for (a, b) in runs(text, start, end, HEX, |b| nibble(b) < 16) {
            for skip in 0..2 {
                self.through(Layer::Hex(skip), text, a..b, trail);
            }
        }
    }

    /// Pairs of digits with something between them, somewhere in this stretch.
    fn apart(&mut self, text: &[u8], (start, end): Stretch, trail: Option<&Trail<'_>>) {
        let mut at = start;
        while let Some(first) = (at..end).find(|i| begins_pair(text, *i)) {
            let start = first - before_pair(text, first, 6 * self.table.longest + 64);
            at = (first + 1)
                .max(start + self.through(Layer::Hex(0), text, start..text.len(), trail));
        }
    }

    /// UTF-16: wherever four characters of it stand, which are ASCII. With a byte between two of
    /// them left out it looks like the other byte order, in which the character at one end is lost;
    /// so both are read.
    fn wide(&mut self, text: &[u8], trail: Option<&Trail<'_>>) {
        let mut at = memchr::memchr(0, text).map_or(text.len(), |nul| nul.saturating_sub(1));
        while let Some(four) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let ends = [at, at + 1]
                .map(|at| if is_wide(*four) { self.wide_around(text, at, trail) } else { 0 });
            at = ends[0].max(ends[1]).max(at + 8);
        }
    }

    /// UTF-16 around four characters of it. Where to go on.
    fn wide_around(&mut self, text: &[u8], at: usize, trail: Option<&Trail<'_>>) -> usize {
        let big = text[at] == 0;
        let reach = at.saturating_sub(4 * self.table.longest + 64);
        let unit = |at: usize| (text[at], text[at + 1]);
        let surrogate = |(a, b): (u8, u8)| matches!(if big { a } else { b }, 0xd8..=0xdf);
        let mut start = at;
        while start >= reach + 2 && unit(start - 2) != (0, 0) && !surrogate(unit(start - 2)) {
            start -= 2;
        }
        start + self.through(Layer::Wide(big), text, start..text.len(), trail)
    }

    /// The text around escapes. Where every window that is kept lies in plain characters, only
    /// those count that follow each other at once, since an encoder that changes a plain character
    /// changes all.
    fn escapes(&mut self, text: &[u8], words: &[Stretch], trail: Option<&Trail<'_>>) {
        let within = match (self.table.any, self.table.printable) {
            (Some(_), _) => Within::All,
            (None, Some(_)) => Within::Words,
            (None, None) => Within::Dense,
        };
        let dense_only = within == Within::Dense;
        if dense_only && none(text) {
            return;
        }
        let layers: &[Layer] = if dense_only { &SPARSE[..DENSE] } else { &SPARSE[..ESCAPED] };
        let mut open: [Option<(usize, usize)>; SPARSE.len()] = [None; SPARSE.len()];
        let mut units = Units::default();
        for at in places(text, words, within) {
            if dense_only && text[at] != ESCAPE && !dense(text, at) {
                continue;
            }
            units.clear();
            decode(Text { bytes: text, eof: true }, at, &mut units);
            let tells = |b: &u8| b.is_ascii_graphic() || self.table.any.is_some();
            if !units.found().iter().any(|u| u.bytes().iter().all(tells)) {
                continue;
            }
            for (layer, open) in layers.iter().zip(&mut open).filter(|(l, _)| l.decodes(text[at])) {
                match open {
                    Some((_, end)) if *end >= at => *end = at + 2 * AROUND,
                    _ => {
                        let before = open.replace((at.saturating_sub(AROUND), at + 2 * AROUND));
                        self.region(*layer, text, before, trail);
                    }
                }
            }
        }
        for (layer, open) in layers.iter().zip(open) {
            self.region(*layer, text, open, trail);
        }
    }

    /// The text around string literals that are put together.
    fn literals(&mut self, text: &[u8], trail: Option<&Trail<'_>>) {
        let mut open: Option<(usize, usize)> = None;
        let quotes = memchr::memchr3_iter(b'"', b'\'', b'`', text);
        for at in quotes.filter(|at| literal_gap(text, *at).is_some()) {
            match &mut open {
                Some((_, end)) if *end >= at => *end = at + 2 * AROUND,
                _ => {
                    let before = open.replace((at.saturating_sub(AROUND), at + 2 * AROUND));
                    self.region(Layer::Literals, text, before, trail);
                }
            }
        }
        self.region(Layer::Literals, text, open, trail);
    }

    /// Lists of decimal numbers, as programs print bytes.
    fn numbers(&mut self, text: &[u8], trail: Option<&Trail<'_>>) {
        let mut read = 0;
        for at in memchr::memchr2_iter(b',', b'[', text) {
            if at < read {
                continue;
            }
            if let Some(start) = list_start(text, at).filter(|start| *start >= read) {
                read = start + self.through(Layer::Decimal, text, start..text.len(), trail);
            }
        }
    }

    fn region(
        &mut self,
        layer: Layer,
        text: &[u8],
        region: Option<(usize, usize)>,
        trail: Option<&Trail<'_>>,
    ) {
        if let Some((start, end)) = region {
            self.through(layer, text, start..end.min(text.len()), trail);
        }
    }
}
