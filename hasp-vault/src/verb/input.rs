//! Where a value is read from: what the user named, else a hidden prompt, else stdin. Only one
//! thing can come from stdin.

use std::ffi::OsStr;
use std::io::IsTerminal;

use age::secrecy::SecretString;
use hasp_core::secret::MAX_VALUE;
use hasp_core::terminal::{self, Terminal};
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Secret, SecretName, Source};
use hasp_redact::MIN_VALUE;

use crate::code;
use crate::crypto::passphrase;
use crate::item::set::check_value;

/// Whether values will be asked for on the terminal.
pub fn by_prompt(from: Option<&OsStr>) -> bool {
    from.is_none() && std::io::stdin().is_terminal()
}

/// Reads a value from a source, stdin by default, and refuses what is no value.
pub fn read_value(from: Option<&OsStr>, keep_newline: bool, cx: &mut Context) -> Result<Secret> {
    let source = from.map_or(Ok(Source::Stdin), Source::parse)?;
    refuse_two_readers(&source, cx)?;
    // Two bytes more than a value may have: the newline that is dropped below.
    let mut value = source.read(&mut cx.env, MAX_VALUE + 2)?;
    if !keep_newline && matches!(source, Source::Stdin | Source::Fd(_)) {
        value.trim_newline();
    }
    check_value(&value).map_err(|e| match (e.code(), &source) {
        (code::VALUE_EMPTY, Source::Fd(_)) => {
            e.hint("one descriptor serves one command: what it gave is read once")
        }
        _ => e,
    })?;
    Ok(value)
}

/// Asks for a value once, without echo, and says how long it was; nothing is asked after it.
pub fn ask_value(name: &SecretName, terminal: &mut Terminal) -> Result<Secret> {
    let asked = terminal.ask_hidden(&question(name));
    take(asked, name, terminal)
}

/// As [`ask_value`], with another to follow.
pub fn ask_value_amid(name: &SecretName, terminal: &mut Terminal) -> Result<Secret> {
    let asked = terminal.ask_hidden_amid(&question(name));
    take(asked, name, terminal)
}

/// The terminal that values are asked for on.
///
/// # Errors
/// `[no-terminal]`.
pub fn terminal(name: &SecretName) -> Result<Terminal> {
    Terminal::find().map_err(|absence| {
        let message = format!("nobody can be asked for the value of {name}: {}", absence.text());
        let error = Error::new(Kind::Locked, code::NO_TERMINAL, message)
            .hint("name where it comes from: --from FILE");
        match terminal::command() {
            Some(command) => error.hint(format!("or type it in a terminal of your own: {command}")),
            None => error,
        }
    })
}

fn question(name: &SecretName) -> String {
    format!("Value of {name} (not shown): ")
}

fn take(asked: Result<Secret>, name: &SecretName, terminal: &mut Terminal) -> Result<Secret> {
    let value = asked.map_err(|e| match e.code() {
        code::SEVERAL_LINES => {
            e.hint(format!("store it from a file: hasp-vault set {name} --from FILE"))
        }
        _ => e,
    })?;
    check_value(&value)?;
    terminal.show(&format!("{} bytes\n", value.len()))?;
    Ok(value)
}

/// Says which value will not be redacted, or not be found in files and commits: never skipped in
/// silence.
pub fn warn_if_short(name: &SecretName, value: &Secret, cx: &mut Context) {
    if value.len() < MIN_VALUE {
        cx.out.warn(&format!(
            "{name} has {} bytes: values under {MIN_VALUE} bytes are not redacted in output",
            value.len()
        ));
    } else if let Err(reason) = hasp_redact::judge(value.expose()) {
        cx.out.note(&format!("{name} is not watched for in files and commits: {reason}"));
    }
    for (place, reason) in hasp_redact::parts(value.expose()).left {
        cx.out.warn(&format!(
            "{name}: {} is not redacted in output by itself: {reason}",
            place.words()
        ));
    }
    for (place, reason) in hasp_redact::judge_parts(value.expose()) {
        cx.out.note(&format!("{name}: {} is not watched for by itself: {reason}", place.words()));
    }
}

/// A new passphrase: from a source, else asked for twice.
pub fn new_passphrase(from: Option<&OsStr>, cx: &mut Context) -> Result<SecretString> {
    let Some(word) = from else { return passphrase::ask_twice() };
    let mut line = Source::parse(word)?.read(&mut cx.env, 2 * passphrase::MAX_PASSPHRASE)?;
    line.trim_newline();
    let passphrase = passphrase::check(&line)?;
    passphrase::warn_if_weak(&passphrase, cx);
    Ok(passphrase)
}

/// Only one thing can come from a descriptor.
pub fn refuse_two_readers(source: &Source, cx: &Context) -> Result<()> {
    let taken = |variable: &str| {
        cx.env.get(variable).is_some_and(|w| Source::parse(w).is_ok_and(|s| s == *source))
    };
    let twice = ["HASP_PASSPHRASE", "HASP_IDENTITY"].into_iter().find(|v| taken(v));
    match (source, twice) {
        (Source::Stdin | Source::Fd(_), Some(variable)) => Err(Error::new(
            Kind::Usage,
            code::SOURCE_TWICE,
            format!("the value and {variable} cannot both be read from the same descriptor"),
        )
        .hint(format!(
            "give one of them another: {variable}=fd:3 before the command and 3<FILE after it"
        ))),
        _ => Ok(()),
    }
}
