//! Encodings that are no UTF-8, known by their mark or by where their NUL bytes stand, since what
//! PowerShell writes is refused by name and not line by line.

/// How many bytes are looked at.
const SAMPLE: usize = 4096;

/// An encoding that is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two bytes a unit, the lower one first.
    Utf16Le,
    /// Two bytes a unit, the higher one first.
    Utf16Be,
    /// Four bytes a character, the lowest one first.
    Utf32Le,
    /// Four bytes a character, the highest one first.
    Utf32Be,
}

impl Encoding {
    /// The encoding of a text, `None` if it may be UTF-8.
    pub fn of(text: &[u8]) -> Option<Encoding> {
        match text {
            [0xff, 0xfe, 0, 0, ..] => Some(Encoding::Utf32Le),
            [0, 0, 0xfe, 0xff, ..] => Some(Encoding::Utf32Be),
            [0xff, 0xfe, ..] => Some(Encoding::Utf16Le),
            [0xfe, 0xff, ..] => Some(Encoding::Utf16Be),
            _ => Encoding::without_mark(&text[..text.len().min(SAMPLE)]),
        }
    }

    /// Text that is mostly ASCII has its NUL bytes at the same place of every unit.
    fn without_mark(text: &[u8]) -> Option<Encoding> {
        let nul = |at: usize, of: usize| {
            let units = text.len() / of;
            let zeros = text.chunks_exact(of).filter(|unit| unit[at] == 0).count();
            units >= 2 && zeros * 4 >= units * 3
        };
        let has = |at: usize, of: usize| text.chunks_exact(of).any(|unit| unit[at] == 0);
        if nul(1, 4) && nul(2, 4) && nul(3, 4) && !has(0, 4) {
            return Some(Encoding::Utf32Le);
        }
        if nul(0, 4) && nul(1, 4) && nul(2, 4) && !has(3, 4) {
            return Some(Encoding::Utf32Be);
        }
        if nul(1, 2) && !has(0, 2) {
            return Some(Encoding::Utf16Le);
        }
        (nul(0, 2) && !has(1, 2)).then_some(Encoding::Utf16Be)
    }

    /// The name that iconv knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf16Le => "UTF-16LE",
            Encoding::Utf16Be => "UTF-16BE",
            Encoding::Utf32Le => "UTF-32LE",
            Encoding::Utf32Be => "UTF-32BE",
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Encoding::Utf16Le | Encoding::Utf16Be => "this is UTF-16, and UTF-8 is read",
            Encoding::Utf32Le | Encoding::Utf32Be => "this is UTF-32, and UTF-8 is read",
        }
    }
}
