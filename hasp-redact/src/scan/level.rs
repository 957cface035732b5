//! The search of one text for everything that is watched: the text is probed where values may stand as they are, and what may be
//! an encoding is decoded and searched the same way.

use super::escape::{dense, none, places};
use super::layer::{DENSE, Layer, SPARSE, line_break};
use super::symbol::{is_base32, is_symbol, plausible};
use super::table::{Batch, Table};
use super::words::{Stretch, Stretches};
use crate::decode::ansi::ESCAPE;
use crate::decode::text::{Text, nibble};
use crate::decode::unit::{Units, decode};
use crate::watch::key::WINDOW;

/// So many layers may lie over each other: JSON in base64 in a URL.
const DEPTH: usize = 3;

/// The shortest encodings of a window, in characters.
const BASE64: usize = 20;
const BASE32: usize = 24;
const HEX: usize = 2 * WINDOW;
/// The shortest with something between the pairs.
const APART: usize = 3 * WINDOW - 1;

/// Wrapped base64 has lines of at least this many characters.
const LINE: usize = 16;

/// How much text around an escape is decoded: a window of escaped characters on both sides.
const AROUND: usize = 6 * WINDOW;

/// How often, in one text, a place is looked into where a window is and the value is not: what is cut off, or escaped in part.
const NEAR: usize = 256;

/// So many places are told of one text; finding the place of each means reading its layers again.
const FOUND: usize = 1000;

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

/// How a decoded text came about.
struct Trail<'a> {
    outer: Option<&'a Trail<'a>>,
    text: &'a [u8],
    start: usize,
    layer: Layer,
}

impl Trail<'_> {
    /// The place in the outermost text that this one of the decoded text was read from.
    fn place(&self, at: usize) -> usize {
        let inner = self.step(at);
        self.outer.map_or(inner, |outer| outer.place(inner))
    }

    fn step(&self, at: usize) -> usize {
        self.start + self.layer.read(self.text, &mut Vec::new(), at)
    }

    fn layers(&self) -> Vec<Layer> {
        let mut layers = self.outer.map(Trail::layers).unwrap_or_default();
        layers.push(self.layer);
        layers
    }

    fn depth(&self) -> usize {
        1 + self.outer.map_or(0, Trail::depth)
    }
}

/// Searches texts; its memory is used again for the next one.
pub(crate) struct Searcher<'t> {
    table: &'t Table,
    spare: Vec<Vec<u8>>,
    found: Vec<Found>,
    /// Windows whose mark reaches beyond the decoded text in which they are.
    cut: Vec<(u32, usize)>,
    near: usize,
    nearing: bool,
}

impl<'t> Searcher<'t> {
    /// A searcher for what is in this table.
    pub fn new(table: &'t Table) -> Searcher<'t> {
        Searcher { table, spare: Vec::new(), found: Vec::new(), cut: Vec::new(), near: 0, nearing: false }
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
        let (table, mut batch, mut hits) = (self.table, Batch::new(), Vec::new());
        if text.len() < WINDOW || table.is_empty() {
            return;
        }
        if let Some(stride) = table.any {
            (0..text.len()).step_by(stride).for_each(|at| batch.push(table, text, at, &mut hits));
        }
        let (mut stretches, mut joined) = (Stretches::of(text), 0);
        while let Some(stretch) = stretches.next() {
            match stretch {
                Stretch::Printable(start, end) => {
                    if let Some(stride) = table.printable {
                        let last = end - WINDOW;
                        (start..=last).step_by(stride).for_each(|at| batch.push(table, text, at, &mut hits));
                    }
                    self.symbols(text, start, end, &mut joined, trail);
                    let mut at = start;
                    while end - start >= APART && at < end {
                        at = self.apart(text, at, trail).max(at + APART / 2);
                    }
                }
                Stretch::Wide(at) => stretches.skip_to(self.wide(text, at, trail)),
                Stretch::Pairs(at) => stretches.skip_to(self.apart(text, at, trail)),
            }
        }
        self.escapes(text, trail);
        // A program may have taken each byte of the value for a character.
        if table.any.is_some() && trail.is_some_and(|t| t.layer.makes_characters()) {
            self.through(Layer::Latin, text, 0..text.len(), trail);
        }
        batch.flush(table, &mut hits);
        self.confirm(text, &hits, trail);
    }

    /// Keeps what is there in full, and looks more closely where only a window is.
    fn confirm(&mut self, text: &[u8], hits: &[(usize, u64)], trail: Option<&Trail<'_>>) {
        let mut known: Vec<(u32, usize)> = Vec::new();
        for (at, hash) in hits {
            for (mark, before) in self.table.find(*hash) {
                let length = self.table.mark(mark).len as usize;
                let whole = at.checked_sub(before).and_then(|start| Some((start, text.get(start..start + length)?)));
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

    fn keep(&mut self, mark: u32, start: usize, end: usize, trail: Option<&Trail<'_>>) {
        if self.found.len() == FOUND {
            return;
        }
        let place = |at| trail.map_or(at, |t| t.place(at));
        let (start, end) = (place(start), place(end));
        let known = |f: &Found| self.table.secret(f.mark) == self.table.secret(mark) && f.start < end && start < f.end;
        if !self.found.iter().rev().take(32).any(known) {
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

    /// Decodes a part of the text and searches what comes of it.
    fn through(&mut self, layer: Layer, text: &[u8], range: std::ops::Range<usize>, outer: Option<&Trail<'_>>) {
        if outer.map_or(0, Trail::depth) >= DEPTH {
            return;
        }
        let mut out = self.spare.pop().unwrap_or_default();
        out.clear();
        let (start, part) = (range.start, &text[range]);
        layer.read(part, &mut out, usize::MAX);
        let trail = Trail { outer, text: part, start, layer };
        let before = self.cut.len();
        if layer == Layer::Joined {
            self.encoded(&out, 0, out.len(), Some(&trail));
        } else {
            self.level(&out, Some(&trail));
        }
        // What reaches beyond this part may be whole in the text around it.
        for (mark, at) in self.cut.split_off(before) {
            if self.near > 0 && !self.nearing {
                self.near(text, trail.step(at), mark, outer);
            }
        }
        self.spare.push(out);
    }

    /// Symbols of base64, base32 and hexadecimal within printable text; wrapped ones across their lines.
    fn symbols(&mut self, text: &[u8], start: usize, end: usize, joined: &mut usize, trail: Option<&Trail<'_>>) {
        for (a, b) in runs(text, start, end, LINE, is_symbol) {
            if a < *joined {
                continue;
            }
            let skipped = line_break(&text[b..]);
            if skipped > 0 && text.get(b + skipped).is_some_and(|s| is_symbol(*s)) {
                let length = Layer::Joined.read(&text[a..], &mut Vec::new(), usize::MAX);
                self.through(Layer::Joined, text, a..a + length, trail);
                *joined = a + length;
            } else {
                self.encoded(text, a, b, trail);
            }
        }
    }

    /// A run of symbols, in each encoding and at each place within a group.
    fn encoded(&mut self, text: &[u8], start: usize, end: usize, trail: Option<&Trail<'_>>) {
        let bytes = self.table.any.is_some();
        if end - start >= BASE64 {
            for skip in 0..4 {
                let layer = Layer::Base64(skip);
                if bytes || plausible(&text[start + usize::from(skip)..end], layer) {
                    self.through(layer, text, start..end, trail);
                }
            }
        }
        for (a, b) in runs(text, start, end, BASE32, is_base32) {
            for skip in 0..8 {
                let layer = Layer::Base32(skip);
                if bytes || plausible(&text[a + usize::from(skip)..b], layer) {
                    self.through(layer, text, a..b, trail);
                }
            }
        }
        for (a, b) in runs(text, start, end, HEX, |b| nibble(b) < 16) {
            (0..2).for_each(|skip| self.through(Layer::Hex(skip), text, a..b, trail));
        }
    }

    /// Pairs of digits with something between them, near this place. Where to go on.
    fn apart(&mut self, text: &[u8], at: usize, trail: Option<&Trail<'_>>) -> usize {
        let digit = |at: usize| text.get(at).is_some_and(|b| nibble(*b) < 16);
        let around = at..text.len().min(at + 12);
        let pair = |at: usize| digit(at) && digit(at + 1);
        let Some(first) = around
            .clone()
            .find(|i| pair(*i) && (*i == 0 || !text[i - 1].is_ascii_alphanumeric() || text[i - 1] == b'x'))
        else {
            return at;
        };
        let start = first - before_pair(text, first, 6 * self.table.longest + 64);
        let length = Layer::Hex(0).read(&text[start..], &mut Vec::new(), usize::MAX);
        if length >= HEX && start + length > at {
            self.through(Layer::Hex(0), text, start..start + length, trail);
            return start + length;
        }
        at
    }

    /// UTF-16 around four characters of it. Where to go on.
    fn wide(&mut self, text: &[u8], at: usize, trail: Option<&Trail<'_>>) -> usize {
        let big = text[at] == 0;
        let reach = at.saturating_sub(4 * self.table.longest + 64);
        let unit = |at: usize| (text[at], text[at + 1]);
        let surrogate = |(a, b): (u8, u8)| matches!(if big { a } else { b }, 0xd8..=0xdf);
        let mut start = at;
        while start >= reach + 2 && unit(start - 2) != (0, 0) && !surrogate(unit(start - 2)) {
            start -= 2;
        }
        let length = Layer::Wide(big).read(&text[start..], &mut Vec::new(), usize::MAX);
        if length >= 2 * WINDOW {
            self.through(Layer::Wide(big), text, start..start + length, trail);
        }
        (start + length).max(at)
    }

    /// The text around escapes. Where every window that is kept lies in plain characters, only those count that follow each other at
    /// once, since an encoder that changes a plain character changes all.
    fn escapes(&mut self, text: &[u8], trail: Option<&Trail<'_>>) {
        let fragile = self.table.fragile > 0;
        if !fragile && none(text) {
            return;
        }
        let layers: &[Layer] = if fragile { &SPARSE[..SPARSE.len() - 1] } else { &SPARSE[..DENSE] };
        let mut open: [Option<(usize, usize)>; SPARSE.len()] = [None; SPARSE.len()];
        let mut units = Units::default();
        for at in places(text, fragile) {
            if !fragile && text[at] != ESCAPE && !dense(text, at) {
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

    fn region(&mut self, layer: Layer, text: &[u8], region: Option<(usize, usize)>, trail: Option<&Trail<'_>>) {
        if let Some((start, end)) = region {
            self.through(layer, text, start..end.min(text.len()), trail);
        }
    }
}

/// Runs of at least `least` bytes that pass the test, between `start` and `end`: one byte of each such stretch is looked at first.
fn runs(text: &[u8], start: usize, end: usize, least: usize, test: impl Fn(u8) -> bool) -> Vec<(usize, usize)> {
    let (mut runs, mut floor) = (Vec::new(), start);
    let mut at = start + least - 1;
    while at < end {
        if !test(text[at]) {
            at += least;
            continue;
        }
        let before = text[floor..at].iter().rev().take_while(|b| test(**b)).count();
        let after = text[at..end].iter().take_while(|b| test(**b)).count();
        if before + after >= least {
            runs.push((at - before, at + after));
        }
        floor = at + after;
        at += after + least;
    }
    runs
}

/// How far pairs of digits and what separates them reach back from a pair.
fn before_pair(text: &[u8], first: usize, most: usize) -> usize {
    let digits = |end: usize| end >= 2 && nibble(text[end - 1]) < 16 && nibble(text[end - 2]) < 16;
    let mut start = first;
    while first - start < most {
        // `0x` and `\x` belong to what separates.
        let marked = match &text[..start] {
            [.., b'0', b'x' | b'X'] | [.., b'\\', b'x'] => 2,
            _ => 0,
        };
        let between = text[..start - marked].iter().rev().take(4);
        let end = start - marked - between.take_while(|b| b" \t:,-_.;%=|".contains(b)).count();
        if !digits(end) {
            break;
        }
        start = end - 2;
    }
    first - start
}
