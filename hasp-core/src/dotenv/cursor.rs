//! A place in the text, and the number of its line: faults are told by line.

use super::fault::Reason;

/// A place in the text.
#[derive(Clone)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], at: usize, line: usize) -> Cursor<'a> {
        Cursor { bytes, at, line }
    }

    /// How far into the text.
    pub fn at(&self) -> usize {
        self.at
    }

    /// The number of the line.
    pub fn line(&self) -> usize {
        self.line
    }

    /// All that is left.
    pub fn ahead(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// What is left of the line, without its end.
    pub fn rest_of_line(&self) -> &'a [u8] {
        let ahead = self.ahead();
        let end = ahead.iter().position(|b| *b == b'\n').unwrap_or(ahead.len());
        &ahead[..end]
    }

    /// The next byte.
    pub fn take(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        self.line += usize::from(byte == b'\n');
        Some(byte)
    }

    /// Skips bytes of this line.
    pub fn forward(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Skips to the end of the line.
    pub fn skip_line(&mut self) {
        self.at += self.rest_of_line().len();
    }

    /// Skips blanks, and says whether there were any.
    pub fn skip_blanks(&mut self) -> bool {
        let blanks = self.ahead().iter().take_while(|b| is_blank(**b)).count();
        self.forward(blanks);
        blanks > 0
    }

    /// Skips to what is neither blank nor a comment; no at the end of the text.
    pub fn seek_statement(&mut self) -> bool {
        loop {
            match self.ahead().first() {
                None => return false,
                Some(b'#') => self.skip_line(),
                Some(byte) if byte.is_ascii_whitespace() => {
                    self.take();
                }
                Some(_) => return true,
            }
        }
    }

    /// Skips a comment at the end of the line, and says whether nothing else is there.
    pub fn ends_line(&mut self) -> bool {
        let rest = self.rest_of_line().trim_ascii_start();
        let over = rest.is_empty() || rest.starts_with(b"#");
        self.skip_line();
        over
    }

    /// At most `most` digits of this base.
    pub fn digits(&mut self, base: u32, most: usize) -> Vec<u32> {
        let ahead = self.ahead().iter().take(most);
        let found: Vec<u32> = ahead.map_while(|b| char::from(*b).to_digit(base)).collect();
        self.forward(found.len());
        found
    }

    /// The first byte between `from`, on this line, and here that is none of a text.
    pub fn wrong_bytes(&self, from: usize, line: usize) -> Option<(usize, Reason)> {
        let text = &self.bytes[from..self.at];
        let nul = text.iter().position(|b| *b == 0).map(|at| (at, Reason::Nul));
        let other = std::str::from_utf8(text).err().map(|e| (e.valid_up_to(), Reason::NotUtf8));
        let (at, reason) = nul.into_iter().chain(other).min_by_key(|(at, _)| *at)?;
        Some((line + text[..at].iter().filter(|b| **b == b'\n').count(), reason))
    }
}

/// A space or a tab.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
