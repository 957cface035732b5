//! `.env` files, by the reader that all tools share. Only what is wanted is decoded.

use hasp_core::dotenv::{self, Dotenv, Reason, Variable};
use hasp_core::{Result, Secret};

use super::{Entry, Fault, Seen};

/// A file that was read, whose values are not decoded yet.
pub struct File<'a> {
    text: &'a [u8],
    found: Dotenv,
}

impl File<'_> {
    /// Reads a file; what cannot be read is among its faults.
    pub fn read(text: &Secret) -> File<'_> {
        let text = text.expose();
        File { text, found: dotenv::read(text) }
    }

    /// The names of all variables that have a value, in their order.
    pub fn keys(&self) -> Vec<String> {
        self.found.winning().into_iter().map(|v| v.name.clone()).collect()
    }

    /// What cannot be read; `file` is a word for a shell.
    pub fn faults(&self, file: &str) -> Vec<Fault> {
        let fault = |f: &dotenv::Fault| {
            let place = match f.reason {
                Reason::Encoding(_) => String::new(),
                _ => format!("line {}", f.line),
            };
            let (key, reason) = (f.name.clone(), f.reason.text().to_owned());
            Fault { key, place, reason, hint: f.reason.hint(file) }
        };
        self.found.faults.iter().map(fault).collect()
    }

    /// The value of a variable, the last if it has several.
    pub fn entry(&self, key: &str) -> Result<Option<Entry>> {
        let all: Vec<&Variable> = self.found.variables.iter().filter(|v| v.name == key).collect();
        let Some(last) = all.last() else { return Ok(None) };
        let places = if all.len() > 1 { all.iter().map(|v| v.line).collect() } else { Vec::new() };
        let seen = Seen { unexpanded: last.unexpanded, places };
        let value = last.value(self.text)?;
        Ok(Some(Entry { key: key.to_owned(), value, seen }))
    }
}
