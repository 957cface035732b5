//! What is wrong with a manifest, and where: kept as a span until the error is made, so that each
//! one names file, line and column.

use std::ops::Range;
use std::path::Path;

use hasp_core::suggest;
use hasp_core::text::printable_path;
use hasp_core::{Code, Error, Kind};

use crate::code;
use crate::manifest::excerpt::{Shown, excerpt, position};

/// A fault in a manifest.
#[derive(Debug)]
pub(crate) struct Fault {
    code: Code,
    span: Range<usize>,
    /// Boxed: a fault travels in every result of reading a manifest.
    message: Box<str>,
    hints: Vec<String>,
    shown: Shown,
    /// The error itself, of a file that the manifest names: it has its own line and caret.
    whole: Option<Box<Error>>,
}

/// The result of reading a part of a manifest.
pub(crate) type Checked<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A fault at these bytes of the manifest.
    pub(crate) fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault {
            code,
            span,
            message: message.into().into_boxed_str(),
            hints: Vec::new(),
            shown: Shown::Place,
            whole: None,
        }
    }

    /// An error of the command line, found in a manifest.
    pub(crate) fn from_error(error: &Error, span: Range<usize>) -> Fault {
        let fault = Fault::new(error.code(), span, error.message());
        error.hints().iter().fold(fault, Fault::hint)
    }

    /// An error of another file, as it is.
    pub(crate) fn whole(error: Error) -> Fault {
        Fault { whole: Some(Box::new(error)), ..Fault::new(code::MANIFEST_TEMPLATE, 0..0, "") }
    }

    /// The same with one more hint.
    pub(crate) fn hint(mut self, hint: impl AsRef<str>) -> Fault {
        self.hints.push(hint.as_ref().to_owned());
        self
    }

    /// The same with "did you mean", if one of the words is near.
    pub(crate) fn suggest<'a>(self, word: &str, words: impl IntoIterator<Item = &'a str>) -> Fault {
        match suggest::hint(word, words) {
            Some(hint) => self.hint(hint),
            None => self,
        }
    }

    /// The same, with less of the line shown.
    pub(crate) fn showing(mut self, shown: Shown) -> Fault {
        self.shown = shown;
        self
    }

    /// The error: `hasp.toml:12:9: message`, then the line and the caret.
    pub(crate) fn into_error(self, text: &str, path: &Path) -> Error {
        if let Some(error) = self.whole {
            return *error;
        }
        let (line, column) = position(text, self.span.start);
        let lines = excerpt(text, &self.span, self.shown);
        let message =
            format!("{}:{line}:{column}: {}\n{lines}", printable_path(path), self.message);
        self.hints
            .iter()
            .fold(Error::new(Kind::Config, self.code, message), |error, hint| error.hint(hint))
    }
}
