//! Where in the file something stands, and what is said of a fault: path, line and column, then the
//! line with a caret.

use std::path::Path;

use crate::code;
use crate::error::{Error, Kind};
use crate::text::{printable, printable_path};

/// Finds the lines of a text.
pub(super) struct Place {
    starts: Vec<usize>,
}

impl Place {
    pub(super) fn of(text: &str) -> Place {
        let newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1);
        Place { starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// The line, from 1, in which this byte stands.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }
}

/// `PATH:LINE:COLUMN: what is wrong`, then the line and a caret.
pub(super) fn refused(error: &toml::de::Error, text: &str, path: &Path) -> Error {
    let at = error.span().map_or(text.len(), |span| span.start).min(text.len());
    let before = text.get(..at).unwrap_or_default();
    let (line, start) = (before.matches('\n').count() + 1, before.rfind('\n').map_or(0, |n| n + 1));
    let column = before[start..].chars().count() + 1;
    let what = printable(error.message().as_bytes());
    // The first line of what toml shows says in its own words where it is, the next three show it.
    let shown = error.to_string();
    let shown: String =
        shown.lines().skip(1).take(3).map(|l| format!("\n{}", printable(l.as_bytes()))).collect();
    bad(format!("{}:{line}:{column}: {what}{shown}", printable_path(path)))
}

/// Bytes that are no text from `at` on.
pub(super) fn not_text(bytes: &[u8], at: usize, path: &Path) -> Error {
    let line = 1 + bytes[..at].iter().filter(|b| **b == b'\n').count();
    bad(format!("{}:{line}: not UTF-8", printable_path(path)))
}

fn bad(message: String) -> Error {
    Error::new(Kind::Config, code::BAD_POLICY, message)
        .hint("nothing is granted while it is not clear what may be: see man hasp-policy.toml")
}
