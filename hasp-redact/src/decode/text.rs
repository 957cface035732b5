//! The text that is being matched: a window of the stream whose end is either the end of what has been read so far or
//! the end of the stream, because "not yet" and "no" are different answers for every decoder.

/// A window of the stream; positions are offsets into it.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    /// The bytes read so far that are still needed.
    pub bytes: &'a [u8],
    /// Whether nothing follows the last byte.
    pub eof: bool,
}

impl Text<'_> {
    /// The byte at `at`, if it has been read.
    pub fn get(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether `word` stands at `at`; `Unknown` if the text ends within it.
    pub fn has(&self, at: usize, word: &[u8]) -> Answer {
        let rest = self.bytes.get(at..).unwrap_or_default();
        if rest.starts_with(word) {
            Answer::Yes
        } else if !self.eof && word.starts_with(rest) {
            Answer::Unknown
        } else {
            Answer::No
        }
    }
}

/// What can be said about a text that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

/// The value of a hexadecimal digit, 255 for anything else.
pub(crate) fn nibble(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        b'A'..=b'F' => byte - b'A' + 10,
        _ => 255,
    }
}
