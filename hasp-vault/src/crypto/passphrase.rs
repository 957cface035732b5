//! Where a passphrase comes from: a source, a program for IDEs, or the terminal; without any of
//! them nothing waits, ever.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use age::secrecy::SecretString;
use hasp_core::terminal::{self, Absence, Terminal};
use hasp_core::text::printable_path;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, Source, Var};

use crate::code;
use crate::trusted;

/// The longest passphrase, in bytes.
pub const MAX_PASSPHRASE: usize = 1024;
/// How often a person may try on the terminal.
pub const TRIES: u32 = 3;
/// Where a value that no prompt takes comes from.
pub const SEVERAL_LINES: &str =
    "a value of several lines is stored from a file: hasp-vault set NAME --from FILE";

/// Refuses what cannot be typed again: nothing, more than 1024 bytes, NUL, line breaks, invalid
/// UTF-8.
///
/// # Errors
/// `[bad-passphrase]`.
pub fn check(passphrase: &Secret) -> Result<SecretString> {
    let bytes = passphrase.expose();
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text"))?;
    match text {
        "" => Err(bad("it is empty")),
        _ if text.len() > MAX_PASSPHRASE => Err(bad("it is longer than 1024 bytes")),
        _ if text.contains(['\0', '\n', '\r']) => Err(bad("it holds a NUL or a line break")),
        // A String of exactly this capacity: boxing it moves no bytes and leaves no copy.
        _ => Ok(SecretString::from(String::from(text))),
    }
}

/// The passphrase that `HASP_PASSPHRASE` or `HASP_ASKPASS` gives, if one of them is set.
pub fn configured(cx: &mut Context) -> Result<Option<SecretString>> {
    if let Some(word) = cx.env.var(Var::Passphrase) {
        let source = Source::parse(word)?;
        let mut line = source.read(&mut cx.env, 2 * MAX_PASSPHRASE).map_err(too_long)?;
        line.trim_newline();
        return check(&line).map(Some);
    }
    let Some(program) = cx.env.var(Var::Askpass).map(PathBuf::from) else { return Ok(None) };
    let mut line = ask_program(&program, &find(&program)?, cx)?;
    line.trim_newline();
    check(&line).map(Some)
}

/// The passphrase of an ssh key that serves as identity: configured, or asked for once.
///
/// # Errors
/// `[locked]` without a way to ask.
pub fn of_ssh_key(cx: &mut Context) -> Result<SecretString> {
    if let Some(given) = configured(cx)? {
        return Ok(given);
    }
    let mut terminal = Terminal::find().map_err(no_way)?;
    cx.out.flush()?;
    terminal.introduce()?;
    let typed = terminal.ask_hidden_first("Passphrase of the ssh key: ").map_err(one_line)?;
    terminal.nothing_behind().map_err(one_line)?;
    check(&typed)
}

/// The passphrase for a new identity: configured, or asked twice on the terminal.
///
/// # Errors
/// `[locked]` without a way to ask, `[passphrases-differ]`.
pub fn choose(cx: &mut Context) -> Result<SecretString> {
    configured(cx)?.map_or_else(ask_twice, Ok)
}

/// A new passphrase, asked for twice on the terminal.
pub fn ask_twice() -> Result<SecretString> {
    let mut terminal = Terminal::find().map_err(no_way)?;
    let first =
        terminal.ask_hidden_first("New passphrase for your identity: ").map_err(one_line)?;
    let passphrase = check(&first)?;
    let second = terminal.ask_hidden("The same once more: ").map_err(one_line)?;
    if first.expose() != second.expose() {
        return Err(Error::new(
            Kind::Data,
            code::PASSPHRASES_DIFFER,
            "the two passphrases differ: nothing was changed",
        ));
    }
    Ok(passphrase)
}

/// One line from the terminal, which may have to be asked for again.
pub fn ask(terminal: &mut Terminal) -> Result<SecretString> {
    terminal.introduce()?;
    let typed =
        terminal.ask_hidden_first("Passphrase of your hasp identity: ").map_err(one_line)?;
    check(&typed)
}

/// What to do with a text of several lines that was meant for a prompt.
pub fn one_line(error: Error) -> Error {
    if error.code() != code::SEVERAL_LINES {
        return error;
    }
    error
        .hint("a passphrase is one line; from a file: HASP_PASSPHRASE=FILE before the command")
        .hint(SEVERAL_LINES)
}

/// The error where nobody can be asked.
pub fn no_way(absence: Absence) -> Error {
    let message = format!(
        "the identity is locked, and nobody can be asked for the passphrase: {}",
        absence.text()
    );
    let error = Error::new(Kind::Locked, code::LOCKED, message)
        .hint("give it by descriptor: HASP_PASSPHRASE=fd:3 before the command and 3<FILE after it")
        .hint("or name a program that asks: HASP_ASKPASS=/absolute/path");
    match terminal::command() {
        Some(command) => error.hint(format!("or type it in a terminal of your own: {command}")),
        None => error,
    }
}

/// Runs what was found under the name of a program.
fn ask_program(program: &Path, found: &Path, cx: &mut Context) -> Result<Secret> {
    let failed = |e: std::io::Error| Error::io("run", program, e);
    let mut command = Command::new(found);
    let prompt = format!("Passphrase of your hasp identity, for {}:", terminal::purpose());
    command.arg0(program).arg(prompt).stdin(Stdio::null()).stdout(Stdio::piped());
    command.env_clear().envs(cx.env.for_child());
    let mut child = command.spawn().map_err(failed)?;
    let line = child.stdout.take().map(|mut out| Secret::read_from(&mut out, 2 * MAX_PASSPHRASE));
    let status = child.wait().map_err(failed)?;
    match line {
        Some(line) if status.success() => line.map_err(too_long),
        _ => Err(Error::new(
            Kind::Locked,
            code::ASKPASS_FAILED,
            format!("{} gave no passphrase", printable_path(program)),
        )
        .hint(
            "it must print the passphrase and end with 0; to be asked on the terminal: unset \
             HASP_ASKPASS",
        )),
    }
}

fn find(program: &Path) -> Result<PathBuf> {
    trusted::find(program).map_err(|why| {
        Error::new(
            Kind::Denied,
            code::ASKPASS_UNTRUSTED,
            format!("HASP_ASKPASS is not used: {why}"),
        )
        .hint(
            "name a program by its absolute path: only you or root may be able to change \
                 it and what leads to it",
        )
    })
}

fn too_long(error: Error) -> Error {
    if error.code() == code::VALUE_TOO_LARGE { bad("it is longer than 1024 bytes") } else { error }
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Data, code::BAD_PASSPHRASE, format!("that is no passphrase: {why}"))
        .hint("a passphrase is one line of text, 1 to 1024 bytes; six random words are a good one")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use hasp_core::Code;

    fn rule(bytes: &[u8]) -> std::result::Result<(), Code> {
        check(&Secret::copy_of(bytes).unwrap()).map(drop).map_err(|e| e.code())
    }

    #[test]
    fn what_is_no_passphrase() {
        assert!(rule("six w\u{f6}rds".as_bytes()).is_ok() && rule(&[b'x'; 1024]).is_ok());
        for bytes in [&b""[..], b"a\0b", b"a\nb", b"a\r", b"\xff", &[b'x'; 1025]] {
            assert_eq!(rule(bytes), Err(code::BAD_PASSPHRASE));
        }
    }

    #[test]
    fn only_a_program_that_nobody_else_can_change() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("askpass");
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        find(&program).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o770)).unwrap();
        assert_eq!(find(&program).unwrap_err().code(), code::ASKPASS_UNTRUSTED);
        assert_eq!(find(Path::new("askpass")).unwrap_err().code(), code::ASKPASS_UNTRUSTED);
    }
}
