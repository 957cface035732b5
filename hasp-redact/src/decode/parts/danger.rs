//! Values that should not be searched for, or only with a warning: a filter that redacts every
//! `localhost` of a log is turned off by its user, and then protects nothing.

use std::fmt;

/// A value shorter than this many bytes is not searched for: it would be found everywhere.
pub const MIN_VALUE: usize = 6;

/// Words that are values of settings rather than secrets, and stand in any log.
const COMMON: [&str; 28] = [
    "default",
    "enabled",
    "disabled",
    "production",
    "staging",
    "development",
    "localhost",
    "127.0.0.1",
    "0.0.0.0",
    "password",
    "secret",
    "changeme",
    "username",
    "administrator",
    "postgres",
    "mariadb",
    "mongodb",
    "sqlite",
    "github",
    "gitlab",
    "docker",
    "kubernetes",
    "main",
    "master",
    "public",
    "private",
    "undefined",
    "testing",
];

/// Why a value is not searched for, or why finding it may mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its length in bytes, fewer than 6.
    TooShort(usize),
    /// Digits only: a date, a size or a port is soon the same.
    DigitsOnly,
    /// A word that stands in many logs.
    CommonWord,
    /// One character over and over.
    OneCharacter,
    /// A value has more parts than this number, the most that are searched for.
    TooMany(usize),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::TooShort(1) => f.write_str("1 byte long, and under 6 nothing is searched for"),
            Reason::TooShort(length) => {
                write!(f, "{length} bytes long, and under 6 nothing is searched for")
            }
            Reason::DigitsOnly => f.write_str("digits only, so other numbers may be taken for it"),
            Reason::CommonWord => f.write_str("a common word, so other text may be taken for it"),
            Reason::TooMany(most) => write!(f, "of a value {most} parts are"),
            Reason::OneCharacter => {
                f.write_str("one character repeated, so other text may be taken for it")
            }
        }
    }
}

/// Why a value of at least 6 bytes may be found where it was not meant.
pub(crate) fn risk(value: &[u8]) -> Option<Reason> {
    if value.iter().all(u8::is_ascii_digit) {
        return Some(Reason::DigitsOnly);
    }
    if COMMON.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(value)) {
        return Some(Reason::CommonWord);
    }
    value.iter().all(|b| *b == value[0]).then_some(Reason::OneCharacter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_values_are_recognised() {
        assert_eq!(risk(b"20261123"), Some(Reason::DigitsOnly));
        assert_eq!(risk(b"Localhost"), Some(Reason::CommonWord));
        assert_eq!(risk(b"xxxxxxxx"), Some(Reason::OneCharacter));
        assert_eq!(risk(b"ghp_i7WeDj"), None);
    }
}
