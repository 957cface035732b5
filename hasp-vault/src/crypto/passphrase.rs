//! Where a passphrase comes from: a source, a program for IDEs, or the terminal; without any of
//! them nothing waits, ever.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use age::secrecy::{ExposeSecret, SecretString};
use hasp_core::terminal::{self, Absence, Terminal};
use hasp_core::text::printable_path;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, Source, Var};

use super::random;
use super::strength::{self, WEAK};
use crate::captured::{Captured, capture};
use crate::code;
use crate::trusted;

/// The longest passphrase, in bytes.
pub const MAX_PASSPHRASE: usize = 1024;
/// How many words a passphrase has that is made here.
const WORDS: usize = 6;
/// How often a person may try on the terminal.
pub const TRIES: u32 = 3;

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
        if let (true, Source::Fd(number)) = (line.is_empty(), &source) {
            return Err(drained("HASP_PASSPHRASE", *number));
        }
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
    let Some(given) = configured(cx)? else { return ask_twice() };
    warn_if_weak(&given, cx);
    Ok(given)
}

/// Says of a passphrase that was not typed here that it is guessed easily.
pub fn warn_if_weak(passphrase: &SecretString, cx: &mut Context) {
    let bits = strength::estimate(passphrase.expose_secret());
    if bits < WEAK {
        cx.out.warn(&format!(
            "the passphrase is guessed easily: about {bits} bits, where {WEAK} or more are good, \
             as four random words have"
        ));
    }
}

/// A new passphrase, asked for twice on the terminal.
pub fn ask_twice() -> Result<SecretString> {
    let mut terminal = Terminal::find().map_err(no_way)?;
    let first = terminal
        .ask_hidden_first("New passphrase for your identity (Enter alone makes one): ")
        .map_err(one_line)?;
    if first.is_empty() {
        return make(&mut terminal);
    }
    let passphrase = check(&first)?;
    let bits = strength::estimate(passphrase.expose_secret());
    let question = format!("That is guessed easily, {bits} bits of {WEAK}. Take it all the same?");
    if bits < WEAK && !terminal.confirm(&question)? {
        return Err(interrupted());
    }
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

/// A fresh one, shown once.
fn make(terminal: &mut Terminal) -> Result<SecretString> {
    let words = random::words(WORDS)?;
    let passphrase = check(&words)?;
    terminal.show("\nThis is your passphrase. Write it on paper; it is shown this once:\n\n  ")?;
    terminal.show(passphrase.expose_secret())?;
    terminal.show("\n\n")?;
    if terminal.confirm("Is it written down?")? { Ok(passphrase) } else { Err(interrupted()) }
}

fn interrupted() -> Error {
    Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed")
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
    pasted(error)
}

/// The error of a prompt that got more than one line.
pub fn pasted(error: Error) -> Error {
    error
        .hint("a passphrase is one line; from a file: HASP_PASSPHRASE=FILE before the command")
        .hint("a value of several lines is stored from a file: hasp-vault set NAME --from FILE")
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
    let captured = capture(command.spawn().map_err(failed)?, 2 * MAX_PASSPHRASE);
    let captured = captured.map_err(too_long)?;
    if let Some(left) = &captured.left {
        let shown = printable_path(program);
        cx.out.warn(&format!("{shown} left {left} running, which is not waited for"));
    }
    match captured {
        Captured { output, status, .. } if status.success() => Ok(output),
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

/// The error for a descriptor that has nothing any more.
pub fn drained(what: &str, number: i32) -> Error {
    let message = format!("descriptor {number}, which {what} names, was read to its end before");
    Error::new(Kind::Data, code::BAD_PASSPHRASE, message)
        .hint(format!("one descriptor serves one command: give each its own {number}<FILE"))
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
