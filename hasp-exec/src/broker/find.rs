//! Finding the grant: named by `-g` or `HASP_GRANT`, else kept, else the first line of a stdin that
//! is no terminal. Never a terminal, and never more of stdin than that line: the rest is the
//! child's.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;

use hasp_core::secret::Secret;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Source, Var};
use hasp_grant::MAX_TOKEN;
use hasp_grant::{Found, kept, malformed};

use crate::broker::Broker;
use crate::cli::Cli;

/// The word that stands for the kept grants.
const KEPT: &str = "kept";

/// Finds the token, in the order of the design.
///
/// # Errors
/// `[no-grant]` if there is none anywhere, those of [`kept`], `[token-empty]` for an empty line on
/// stdin; the codes of [`Source`].
pub(crate) fn find(cli: &Cli, broker: &Broker, context: &mut Context) -> Result<Found> {
    let named = cli.grant.clone().or_else(|| context.env.var(Var::Grant).map(OsStr::to_owned));
    if let Some(word) = named {
        return named_source(&word, cli, broker, context);
    }
    if cli.target.is_some() || cli.argv.is_some() {
        return among_kept(cli, broker, context);
    }
    if std::io::stdin().is_terminal() {
        return Err(no_grant());
    }
    first_line(context).map(Found::Token)
}

fn named_source(
    word: &OsString,
    cli: &Cli,
    broker: &Broker,
    context: &mut Context,
) -> Result<Found> {
    if word == KEPT {
        return among_kept(cli, broker, context);
    }
    match Source::parse(word)? {
        Source::Stdin if std::io::stdin().is_terminal() => Err(no_grant()),
        Source::Stdin => first_line(context).map(Found::Token),
        source => {
            let token = source.read(&mut context.env, MAX_TOKEN).map_err(bounded)?;
            match source {
                Source::Fd(number) if token.is_empty() => Err(drained(number)),
                _ => Ok(Found::Token(token)),
            }
        }
    }
}

fn among_kept(cli: &Cli, broker: &Broker, context: &Context) -> Result<Found> {
    let at = broker.situation(cli, true, context)?;
    kept(&at, &broker.home, &broker.unreached).map(Found::Kept)
}

/// The error for a descriptor that has nothing any more.
fn drained(number: i32) -> Error {
    let message =
        format!("descriptor {number}, where the token should be, was read to its end before");
    Error::new(Kind::Denied, hasp_grant::code::TOKEN_EMPTY, message)
        .hint(format!("one descriptor serves one command: give each its own {number}<FILE"))
}

/// The first line of stdin, byte by byte, so that what follows stays there for the child (see
/// [`crate::child::stdin`]).
fn first_line(context: &mut Context) -> Result<Secret> {
    context.env.claim_descriptor(0);
    let mut line = Secret::with_capacity(8192)?;
    let mut byte = [0u8; 1];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut byte) {
            Ok(0) => return Ok(line),
            Ok(_) if byte[0] == b'\n' => return Ok(line),
            Ok(_) if line.len() == MAX_TOKEN => return Err(too_long()),
            Ok(_) => line.push(&byte)?,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(Error::system("read the token from stdin", e)),
        }
    }
}

fn bounded(error: Error) -> Error {
    if error.code() == hasp_core::code::VALUE_TOO_LARGE { too_long() } else { error }
}

fn too_long() -> Error {
    malformed(&format!("it is longer than {MAX_TOKEN} bytes"))
}

fn no_grant() -> Error {
    Error::new(Kind::Denied, hasp_grant::code::NO_GRANT, "there is no grant to use")
        .hint("grant and run at once: hasp-grant -x -t TARGET")
        .hint("or through a pipe: hasp-grant -t TARGET | hasp-exec")
}
