//! The error that every tool prints: kind, stable code, message and hints as data, so that the kind
//! alone picks the exit status and `--json` loses nothing.

use std::fmt;
use std::path::Path;

use crate::code::{self, Code};
pub use crate::kind::Kind;

/// The result of every fallible hasp function.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure: what sort, which one, in words, and what to type next.
///
/// The message is lower case without a full stop and never holds a value, a token or a key. A hint
/// is a sentence that ends in something to type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    code: Code,
    message: String,
    hints: Vec<String>,
}

impl Error {
    /// A failure of this kind with its stable code, which must be one of that kind.
    pub fn new(kind: Kind, code: impl Into<Code>, message: impl Into<String>) -> Error {
        let code = code.into();
        debug_assert!(code.fits(kind), "{code:?} is not of the kind {kind:?}");
        Error { kind, code, message: message.into(), hints: Vec::new() }
    }

    /// A failure of another tool: kind and code need not be a pair that is known here.
    pub(crate) fn relayed(kind: Kind, code: Code, message: &str) -> Error {
        Error { kind, code, message: message.to_owned(), hints: Vec::new() }
    }

    /// The same failure with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.hints.push(hint.into());
        self
    }

    /// The same failure with the hints of another one, whose words it says again.
    #[must_use]
    pub fn hints_of(mut self, other: &Error) -> Error {
        self.hints.extend_from_slice(&other.hints);
        self
    }

    /// A failed system call on a path: "cannot read /x: permission denied".
    pub fn io(doing: &str, path: &Path, cause: impl Into<std::io::Error>) -> Error {
        let cause: std::io::Error = cause.into();
        let code = match cause.kind() {
            std::io::ErrorKind::StorageFull => code::DISK_FULL,
            std::io::ErrorKind::ReadOnlyFilesystem => code::READ_ONLY,
            std::io::ErrorKind::PermissionDenied => code::PERMISSION,
            std::io::ErrorKind::NotFound => code::NOT_FOUND,
            _ => code::IO,
        };
        let text = crate::text::printable_path(path);
        Error::new(Kind::Io, code, format!("cannot {doing} {text}: {}", cause_text(&cause)))
    }

    /// A failed system call without a path.
    pub fn system(doing: &str, cause: impl Into<std::io::Error>) -> Error {
        let cause = cause.into();
        if cause.kind() == std::io::ErrorKind::BrokenPipe {
            return Error::new(
                Kind::ClosedPipe,
                code::CLOSED_PIPE,
                format!("cannot {doing}: the reader went away"),
            );
        }
        Error::new(Kind::Io, code::IO, format!("cannot {doing}: {}", cause_text(&cause)))
    }

    /// A state that the code rules out; the message asks for a report.
    pub fn bug(what: impl Into<String>) -> Error {
        Error::new(Kind::Bug, code::BUG, what)
            .hint("this is a bug in hasp: please report it with the command that you typed")
    }

    /// Which sort of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The stable code, as printed in brackets.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message without code and hints.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to type next.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The object that `--json` prints on stderr.
    pub fn to_json(&self) -> String {
        let object = serde_json::json!({"error": {
            "kind": self.kind.as_str(),
            "code": self.code,
            "message": self.message,
            "hints": self.hints,
        }});
        object.to_string()
    }
}

/// The text of a hint that is made apart from its failure. Whoever lists all hints that there are
/// looks for this name and for the method.
pub const fn hint(text: &'static str) -> &'static str {
    text
}

/// As [`hint`](crate::hint()), with what `format!` fills in.
#[macro_export]
macro_rules! hint {
    ($($part:tt)+) => { ::std::format!($($part)+) };
}

/// The operating system's words, lower case and without Rust's "(os error N)".
pub fn cause_text(cause: &std::io::Error) -> String {
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn io_errors_name_the_path_and_drop_rust_noise() {
        let cause = std::io::Error::from_raw_os_error(28);
        let error = Error::io("write", Path::new("/a/b"), cause);
        assert_eq!(error.to_string(), "cannot write /a/b: no space left on device [disk-full]");
        assert_eq!(error.kind().status(), 74);
    }

    #[test]
    fn json_carries_the_hints() {
        let error = Error::new(Kind::Missing, code::NO_VAULT, "target 'tset' is not in hasp.toml")
            .hint("did you mean 'test'?");
        let value: serde_json::Value = serde_json::from_str(&error.to_json()).expect("valid JSON");
        assert_eq!(value["error"]["hints"][0], "did you mean 'test'?");
        assert_eq!(value["error"]["kind"], "missing");
    }

    #[test]
    fn a_broken_pipe_is_silent() {
        let error =
            Error::system("write output", std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!(error.kind(), Kind::ClosedPipe);
    }
}
