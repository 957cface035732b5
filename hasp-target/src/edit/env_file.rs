//! The names in a `.env` file and which of them are secrets. It is read by the very reader of
//! `hasp-vault import`, so that nothing is a plain setting here that is refused there; values are
//! looked at, kept nowhere and never shown.

use std::path::Path;

use hasp_core::dotenv::{self, Fault};
use hasp_core::text::{printable_path, shell_word};
use hasp_core::{Environ, Error, Kind, Result, Source};

use crate::code;
use crate::manifest::suspicion::suspicion;

/// The largest file taken, in bytes.
const MAX_SIZE: usize = 1 << 20;
/// The most lines that one error names.
const MAX_FAULTS: usize = 8;
/// Parts of a name that mean a secret.
const SECRET_PARTS: &str = "SECRET SECRETS TOKEN PASSWORD PASSWD PASS PWD PASSPHRASE KEY KEYS \
    APIKEY CREDENTIAL CREDENTIALS CREDS DSN PRIVATE SALT PEPPER AUTH COOKIE WEBHOOK PIN OTP CERT";
/// Last parts of a name that mean a place or a setting about a secret, not the secret.
const PLAIN_ENDS: &str =
    "FILE PATH DIR ID NAME USER HOST PORT TTL EXPIRY TYPE ALGORITHM ENABLED LENGTH";
/// Services whose address carries a password.
const SERVICES: &str = "DATABASE DB POSTGRES POSTGRESQL MYSQL REDIS MONGO MONGODB AMQP";

/// What a file names.
#[derive(Debug, Default)]
pub(crate) struct EnvFile {
    /// Each variable once, in the order of the file.
    pub(crate) variables: Vec<Variable>,
    /// Remarks on the file.
    pub(crate) remarks: Vec<String>,
}

/// A variable of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) secret: bool,
}

/// Reads a file, a FIFO or a descriptor by its path.
///
/// # Errors
/// `[no-such-file]`; `[bad-dotenv]` with each line that cannot be read, by number.
pub(crate) fn read(path: &Path) -> Result<EnvFile> {
    let text = Source::Path(path.to_owned()).read(&mut Environ::default(), MAX_SIZE)?;
    parse(text.expose(), path)
}

fn parse(text: &[u8], path: &Path) -> Result<EnvFile> {
    let file = dotenv::read(text);
    if !file.faults.is_empty() {
        return Err(refuse(path, &file.faults));
    }
    let mut found = EnvFile::default();
    for variable in file.winning() {
        let secret = is_secret(&variable.name, variable.value(text)?.expose());
        found.variables.push(Variable { name: variable.name.clone(), secret });
    }
    for (name, lines) in file.doubled() {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        found.remarks.push(format!(
            "{} sets {name} more than once, on lines {}: the last one counts",
            printable_path(path),
            lines.join(", ")
        ));
    }
    Ok(found)
}

/// All faults at once: whoever mends a file wants to do it in one go.
fn refuse(path: &Path, faults: &[Fault]) -> Error {
    let typed = shell_word(path.as_os_str());
    let mut lines: Vec<String> = faults.iter().take(MAX_FAULTS).map(ToString::to_string).collect();
    if faults.len() > MAX_FAULTS {
        lines.push(format!("and {} more", faults.len() - MAX_FAULTS));
    }
    let message = match lines.as_slice() {
        [one] => format!("{}: {one}", printable_path(path)),
        many => format!("{} cannot be read:\n  {}\n ", printable_path(path), many.join("\n  ")),
    };
    let mut hints: Vec<String> = faults.iter().filter_map(|f| f.reason.hint(&typed)).collect();
    hints.dedup();
    hints.truncate(2);
    let error = Error::new(Kind::Data, code::BAD_DOTENV, message);
    let error = hints.into_iter().fold(error, Error::hint);
    error.hint("or name each delivery by itself: hasp-target add TARGET -e VAR=REF -- COMMAND")
}

/// By the name; else by the look of the value.
fn is_secret(name: &str, value: &[u8]) -> bool {
    let is_one_of = |list: &str, part: &str| list.split(' ').any(|word| word == part);
    let upper = name.to_ascii_uppercase();
    let parts: Vec<&str> = upper.split(['_', '-', '.']).filter(|p| !p.is_empty()).collect();
    let public = parts.iter().any(|p| ["PUBLIC", "PUBLISHABLE"].contains(p));
    let plain = parts.last().is_some_and(|last| is_one_of(PLAIN_ENDS, last));
    let named = parts.iter().any(|p| is_one_of(SECRET_PARTS, p));
    let address = parts.last().is_some_and(|l| ["URL", "URI"].contains(l))
        && parts.iter().any(|p| is_one_of(SERVICES, p));
    let looks = std::str::from_utf8(value).is_ok_and(|v| suspicion(v).is_some());
    looks || (!public && !plain && (named || address))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_text(text: &[u8]) -> Result<EnvFile> {
        parse(text, Path::new("/tmp/q.env"))
    }

    fn names(text: &str) -> Vec<(String, bool)> {
        let found = read_text(text.as_bytes()).unwrap();
        found.variables.into_iter().map(|v| (v.name, v.secret)).collect()
    }

    #[test]
    fn secrets_and_settings_are_told_apart_by_name_and_look() {
        let text = "PORT=3000\nDATABASE_URL=x\nAPI_KEY=a\nAWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLQ\n\
                    KEY_FILE=/k\nNEXT_PUBLIC_KEY=pk\nBASE_URL=https://u:hunter2@h/\n\
                    HOME_URL=https://h/\nMONKEY=1\nDEBUG=true\nJWT_SECRET=x\n\
                    DB_HOST=h\nDB_PASS=x\n";
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
        let text = "\u{feff}# c\r\nexport A='x # y'\r\n\nB=\"one\nTWO=x\nthree\"\nC=1\nA=2\n  \
                    D=4 \nE=\"a\\\"b\"\nexport\tF=1\n";
        let found: Vec<String> = names(text).into_iter().map(|(n, _)| n).collect();
        assert_eq!(found, ["A", "B", "C", "D", "E", "F"]);
        let remarks = read_text(text.as_bytes()).unwrap().remarks;
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].contains("sets A more than once, on lines 2, 8"), "{remarks:?}");
    }

    #[test]
    fn what_import_refuses_is_refused_by_line_and_never_shown() {
        for (text, line) in [
            (&b"A=\"hunter2\n"[..], "line 1: A: a quote is opened and not closed"),
            (b"A=1\nhunter2\n", "line 2: that is not NAME=VALUE"),
            (b"A=hunter2\0x\n", "line 1: A: there is a NUL byte"),
            (b"A=hunter2\xff\n", "line 1: A: there are bytes that are not UTF-8"),
            (b"A=`hunter2`\n", "line 1: A: the value is in backticks"),
            (b"A=([hunter2])\n", "line 1: A: the value is an array"),
        ] {
            let error = read_text(text).expect_err(line);
            assert_eq!((error.code(), error.kind()), (code::BAD_DOTENV, Kind::Data));
            assert!(error.message().contains(line), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
        let utf16: Vec<u8> = "A=hunter2\nB=x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = read_text(&utf16).unwrap_err();
        assert!(error.message().contains("UTF-16") && error.hints()[0].contains("iconv"));
        let error = read_text(&b"hunter2\n".repeat(20)).unwrap_err();
        assert!(error.message().contains("line 8:") && error.message().contains("and 12 more"));
    }

    #[test]
    fn a_directory_is_refused_and_a_fifo_is_read() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap_err().code(), hasp_core::code::NO_SUCH_FILE);
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let writer = fifo.clone();
        let writer = std::thread::spawn(move || std::fs::write(writer, "API_KEY=x\n"));
        assert_eq!(read(&fifo).unwrap().variables.len(), 1);
        writer.join().unwrap().unwrap();
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = read_text(&bytes);
        }
    }
}
