//! Why a line is refused: each reason has its words, and none of them shows the line.

use std::fmt;

use super::encoding::Encoding;

/// Something in a file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable that cannot be read, where the line gives its name.
    pub name: Option<String>,
    /// The number of the line, from 1.
    pub line: usize,
    /// Why.
    pub reason: Reason,
}

/// Why a line, or a file, cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no `=` behind a name.
    NoAssignment,
    /// What stands before the `=` cannot be the name of a variable.
    BadName,
    /// A quote is opened and not closed.
    Unclosed,
    /// Something follows the closing quote.
    AfterQuote,
    /// The value is in backticks: a shell runs it, Node takes it for quoted.
    Backticks,
    /// The value is an array of a shell.
    Array,
    /// An escape in `$'..'` that gives no byte.
    Escape,
    /// A NUL byte.
    Nul,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The whole file is in another encoding.
    Encoding(Encoding),
}

impl Reason {
    /// What is wrong, without the value.
    pub fn text(self) -> &'static str {
        match self {
            Reason::NoAssignment => "that is not NAME=VALUE",
            Reason::BadName => "what stands before the = cannot be the name of a variable",
            Reason::Unclosed => "a quote is opened and not closed",
            Reason::AfterQuote => "something follows the closing quote",
            Reason::Backticks => "the value is in backticks, which a shell runs as a command",
            Reason::Array => "the value is an array of a shell",
            Reason::Escape => "an escape in $'..' stands for no byte",
            Reason::Nul => "there is a NUL byte",
            Reason::NotUtf8 => "there are bytes that are not UTF-8, as in Latin-1",
            Reason::Encoding(encoding) => encoding.text(),
        }
    }

    /// What to do about it: a sentence that ends in something to type. `file` is a word for a
    /// shell.
    pub fn hint(self, file: &str) -> Option<String> {
        let iconv =
            |from: &str| crate::hint!("turn it: iconv -f {from} -t UTF-8 {file} >OTHER.env");
        match self {
            Reason::Encoding(encoding) => Some(iconv(encoding.name())),
            Reason::NotUtf8 => Some(iconv("LATIN1")),
            Reason::Backticks => {
                Some(crate::hint("put the value in single quotes: NAME='VALUE'").to_owned())
            }
            _ => None,
        }
    }

    /// Whether the statement has an end, and only what it holds is wrong.
    pub(super) fn is_of_bytes(self) -> bool {
        matches!(self, Reason::Nul | Reason::NotUtf8)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.reason, &self.name) {
            (Reason::Encoding(_), _) => f.write_str(self.reason.text()),
            (_, Some(name)) => write!(f, "line {}: {name}: {}", self.line, self.reason.text()),
            (_, None) => write!(f, "line {}: {}", self.line, self.reason.text()),
        }
    }
}
