//! The names in a `.env` file and which of them are secrets; the values are looked at, kept nowhere
//! and never shown.

use std::path::Path;

use hasp_core::text::printable_path;
use hasp_core::{Environ, Error, Kind, Result, Secret, Source};

use crate::code;
use crate::manifest::suspicion::suspicion;
use crate::manifest::variable::is_identifier;

/// The largest file taken, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// Parts of a name that mean a secret.
const SECRET_PARTS: [&str; 24] = [
    "SECRET",
    "SECRETS",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASS",
    "PWD",
    "PASSPHRASE",
    "KEY",
    "KEYS",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "CREDS",
    "DSN",
    "PRIVATE",
    "SALT",
    "PEPPER",
    "AUTH",
    "COOKIE",
    "WEBHOOK",
    "PIN",
    "OTP",
    "CERT",
];
/// Last parts of a name that mean a place or a setting about a secret, not the secret.
const PLAIN_ENDS: [&str; 14] = [
    "FILE",
    "PATH",
    "DIR",
    "ID",
    "NAME",
    "USER",
    "HOST",
    "PORT",
    "TTL",
    "EXPIRY",
    "TYPE",
    "ALGORITHM",
    "ENABLED",
    "LENGTH",
];
/// Services whose address carries a password.
const SERVICES: [&str; 9] =
    ["DATABASE", "DB", "POSTGRES", "POSTGRESQL", "MYSQL", "REDIS", "MONGO", "MONGODB", "AMQP"];

/// A variable of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) secret: bool,
}

/// The variables of a file, in their order, each once.
///
/// # Errors
/// `[bad-dotenv]` with the number of the line, which is never shown.
pub(crate) fn read(path: &Path) -> Result<Vec<Variable>> {
    let text = Source::Path(path.to_owned()).read(&mut Environ::default(), MAX_SIZE)?;
    parse(&text).map_err(|line| {
        let message = format!(
            "{}:{line}: that is not NAME=VALUE (not shown: it may be a value)",
            printable_path(path)
        );
        Error::new(Kind::Data, code::BAD_DOTENV, message)
            .hint("correct the line, or name the deliveries: -e VAR=REF")
    })
}

/// The names, or the number of the first line that has none.
fn parse(text: &Secret) -> std::result::Result<Vec<Variable>, usize> {
    let bytes = text.expose().strip_prefix(b"\xef\xbb\xbf").unwrap_or(text.expose());
    let mut found: Vec<Variable> = Vec::new();
    let mut lines = bytes.split(|b| *b == b'\n').enumerate();
    while let Some((index, line)) = lines.next() {
        let Some((name, value)) = assignment(line).ok_or(index + 1)? else { continue };
        if let Some(quote) = unclosed(value) {
            // A value in quotes may go over lines: none of them is a name.
            let _ = lines.find(|(_, l)| l.contains(&quote));
        }
        if !found.iter().any(|v| v.name == name) {
            found.push(Variable { name: name.to_owned(), secret: is_secret(name, value) });
        }
    }
    Ok(found)
}

/// `Some(None)` for a blank line or a comment.
fn assignment(line: &[u8]) -> Option<Option<(&str, &[u8])>> {
    let line = line.trim_ascii();
    if line.is_empty() || line.starts_with(b"#") {
        return Some(None);
    }
    let line = line.strip_prefix(b"export ").unwrap_or(line).trim_ascii_start();
    let at = line.iter().position(|b| *b == b'=')?;
    let name = std::str::from_utf8(line[..at].trim_ascii()).ok()?;
    is_identifier(name).then_some(Some((name, line[at + 1..].trim_ascii())))
}

/// The quote that a value opens and does not close on its line.
fn unclosed(value: &[u8]) -> Option<u8> {
    let quote = *value.first().filter(|b| matches!(b, b'"' | b'\'' | b'`'))?;
    let mut escaped = false;
    let closed = value[1..].iter().any(|b| {
        let closes = *b == quote && !escaped;
        escaped = *b == b'\\' && quote == b'"' && !escaped;
        closes
    });
    (!closed).then_some(quote)
}

/// By the name; else by the look of the value.
fn is_secret(name: &str, value: &[u8]) -> bool {
    let upper = name.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split('_').filter(|p| !p.is_empty()).collect();
    let public = parts.iter().any(|p| ["PUBLIC", "PUBLISHABLE"].contains(p));
    let plain = parts.last().is_some_and(|last| PLAIN_ENDS.contains(last));
    let named = parts.iter().any(|p| SECRET_PARTS.contains(p));
    let address = parts.last().is_some_and(|l| ["URL", "URI"].contains(l))
        && parts.iter().any(|p| SERVICES.contains(p));
    let looks =
        std::str::from_utf8(value).is_ok_and(|v| suspicion(v.trim_matches(['"', '\''])).is_some());
    looks || (!public && !plain && (named || address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<(String, bool)> {
        let found = parse(&Secret::copy_of(text.as_bytes()).unwrap()).unwrap();
        found.into_iter().map(|v| (v.name, v.secret)).collect()
    }

    #[test]
    fn secrets_and_settings_are_told_apart_by_name_and_look() {
        let text = "PORT=3000\nDATABASE_URL=x\nAPI_KEY=a\n\
                    AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLQ\nKEY_FILE=/k\nNEXT_PUBLIC_KEY=pk\n\
                    BASE_URL=https://u:hunter2@h/\nHOME_URL=https://h/\n\
                    MONKEY=1\nDEBUG=true\nJWT_SECRET=x\nDB_HOST=h\nDB_PASS=x\n";
        let found = names(text);
        let secrets: Vec<&str> =
            found.iter().filter(|(_, s)| *s).map(|(n, _)| n.as_str()).collect();
        assert_eq!(
            secrets,
            ["DATABASE_URL", "API_KEY", "AWS_ACCESS_KEY_ID", "BASE_URL", "JWT_SECRET", "DB_PASS"]
        );
    }

    #[test]
    fn quotes_comments_and_duplicates() {
        let text = "\u{feff}# c\r\nexport A='x # y'\r\n\nB=\"one\nTWO=x\nthree\"\nC=1\nA=2\n  D = \
                    4 \nE=\"a\\\"b\"\nF=1\n";
        let found: Vec<String> = names(text).into_iter().map(|(n, _)| n).collect();
        assert_eq!(found, ["A", "B", "C", "D", "E", "F"]);
    }

    #[test]
    fn a_line_without_a_name_is_named_by_number_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        std::fs::write(&path, "A=1\nhunter2\n").unwrap();
        let error = read(&path).unwrap_err();
        assert!(error.message().contains(":2:") && !format!("{error:?}").contains("hunter2"));
        for bad in ["1A=x", "=x", "A B=x", "A-B=x"] {
            assert_eq!(parse(&Secret::copy_of(bad.as_bytes()).unwrap()), Err(1));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            if let Ok(found) = parse(&Secret::copy_of(&bytes).unwrap()) {
                prop_assert!(found.iter().all(|v| is_identifier(&v.name)));
            }
        }
    }
}
