//! `.env` files, read once for all tools: as a shell reads them, and where no shell could have
//! written a line, as dotenv libraries do. One reader, so that no tool takes for a secret, or for a
//! plain setting, what another refuses.
//!
//! ```
//! # use hasp_core::dotenv;
//! let text = b"export A='it'\\''s me'\nB=\nA=again\nnonsense\n";
//! let file = dotenv::read(text);
//! // All faults of the file are there at once; a value is in none of them.
//! assert_eq!(file.faults[0].to_string(), "line 4: that is not NAME=VALUE");
//! // Each assignment, in order; only what is asked for is decoded.
//! assert_eq!(file.variables[0].value(text)?.expose(), b"it's me");
//! // What a caller may want to remark.
//! assert!(file.variables[1].empty && !file.variables[1].unexpanded);
//! assert_eq!(file.doubled(), [("A", vec![1, 3])]);
//! // Each name once, with the last of its values.
//! assert_eq!(file.winning()[0].value(text)?.expose(), b"again");
//! # Ok::<(), hasp_core::Error>(())
//! ```
//!
//! A fault of a variable that a person leaves out (`--except`) is none: compare [`Fault::name`].

mod cursor;
mod encoding;
mod fault;
mod foreign;
mod scan;
mod statement;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use encoding::Encoding;
pub use fault::{Fault, Reason};
pub use foreign::{Foreign, foreign};

use self::cursor::Cursor;
use self::statement::{Statement, statement};
use crate::error::Result;
use crate::secret::Secret;

/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What a file holds.
#[derive(Debug, Default)]
pub struct Dotenv {
    /// Every assignment that can be read, in the order of the file.
    pub variables: Vec<Variable>,
    /// Everything that cannot, in the order of the file.
    pub faults: Vec<Fault>,
}

/// An assignment. The value stays where it is, in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name: letters, digits, `_`, and `.` and `-`, which no shell takes.
    pub name: String,
    /// The number of the line that it begins on, from 1.
    pub line: usize,
    /// Where the value stands in the text, with its quotes.
    pub span: Range<usize>,
    /// Whether the value is empty.
    pub empty: bool,
    /// Whether the value holds `${..}`, `$(..)` or a command in backticks, which a shell would
    /// replace and nobody does here.
    pub unexpanded: bool,
}

impl Variable {
    /// The value: quotes and escapes resolved. `text` is what was given to [`read`].
    ///
    /// # Errors
    /// Without memory.
    pub fn value(&self, text: &[u8]) -> Result<Secret> {
        let raw = text.get(self.span.clone()).unwrap_or_default();
        // Never longer than it is written: the secret does not grow, which would leave copies.
        let mut value = Secret::with_capacity(raw.len())?;
        let mut pushed = Ok(());
        let mut cursor = Cursor::new(raw, 0, self.line);
        // It was read without a fault before.
        let _ = scan::value(&mut cursor, false, &mut |bytes| {
            if pushed.is_ok() {
                pushed = value.push(bytes);
            }
        });
        pushed.map(|()| value)
    }

    /// Whether a shell would take the name: a letter or `_`, then letters, digits and `_`.
    pub fn is_identifier(&self) -> bool {
        self.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    }
}

impl Dotenv {
    /// Each name once, in the order of the file, with the last of its values, as a shell has it.
    pub fn winning(&self) -> Vec<&Variable> {
        let mut last: Vec<&Variable> = Vec::new();
        for variable in &self.variables {
            match last.iter_mut().find(|v| v.name == variable.name) {
                Some(before) => *before = variable,
                None => last.push(variable),
            }
        }
        last
    }

    /// The names that are assigned more than once, with the lines of each.
    pub fn doubled(&self) -> Vec<(&str, Vec<usize>)> {
        let lines = |name: &str| -> Vec<usize> {
            self.variables.iter().filter(|v| v.name == name).map(|v| v.line).collect()
        };
        let all = self.winning().into_iter().map(|v| (v.name.as_str(), lines(&v.name)));
        all.filter(|(_, lines)| lines.len() > 1).collect()
    }
}

/// Reads a file. There is no error: what cannot be read is in the answer.
pub fn read(text: &[u8]) -> Dotenv {
    if let Some(encoding) = Encoding::of(text) {
        let fault = Fault { name: None, line: 1, reason: Reason::Encoding(encoding) };
        return Dotenv { variables: Vec::new(), faults: vec![fault] };
    }
    let start = if text.starts_with(MARK) { MARK.len() } else { 0 };
    let mut cursor = Cursor::new(text, start, 1);
    let mut found = Dotenv::default();
    while cursor.seek_statement() {
        let from = cursor.clone();
        match statement(&mut cursor) {
            Ok(Statement::Variable(variable)) => found.variables.push(variable),
            Ok(Statement::Nothing) => {}
            Err(fault) => {
                // A quote that is not closed would take the rest of the file with it.
                if !fault.reason.is_of_bytes() {
                    cursor = from;
                    cursor.skip_line();
                }
                found.faults.push(fault);
            }
        }
    }
    found
}
