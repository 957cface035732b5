//! Finding the grant: named by `-g` or `HASP_GRANT`, else kept, else the first line of a stdin that
//! is no terminal. Never a terminal, and never more of stdin than that line: the rest is the
//! child's.

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::PathBuf;

use hasp_core::secret::Secret;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Source, Var, files};
use hasp_grant::Ledger;
use hasp_grant::MAX_TOKEN;
use hasp_grant::malformed;

use crate::cli::Cli;
use crate::code;

/// The word that stands for the kept grants.
const KEPT: &str = "kept";

/// Where the token is.
pub(crate) enum Found {
    /// This one.
    Token(Secret),
    /// One of these kept ones, the newest first: the first that passes the checks is used.
    Kept(Vec<PathBuf>),
}

/// Finds the token, in the order of the design.
///
/// # Errors
/// `[no-grant]` if there is none anywhere, `[token-empty]` for an empty line on stdin; the codes of
/// [`Source`].
pub(crate) fn find(cli: &Cli, ledger: &Ledger, context: &mut Context) -> Result<Found> {
    let named = cli.grant.clone().or_else(|| context.env.var(Var::Grant).map(OsStr::to_owned));
    if let Some(word) = named {
        return named_source(&word, ledger, context);
    }
    if cli.target.is_some() || cli.argv.is_some() {
        let kept = kept(ledger)?;
        return if kept.is_empty() { Err(none_kept(cli)) } else { Ok(Found::Kept(kept)) };
    }
    if std::io::stdin().is_terminal() {
        return Err(no_grant());
    }
    first_line(context).map(Found::Token)
}

fn named_source(word: &OsString, ledger: &Ledger, context: &mut Context) -> Result<Found> {
    if word == KEPT {
        let kept = kept(ledger)?;
        return if kept.is_empty() { Err(no_grant()) } else { Ok(Found::Kept(kept)) };
    }
    match Source::parse(word)? {
        Source::Stdin if std::io::stdin().is_terminal() => Err(no_grant()),
        Source::Stdin => first_line(context).map(Found::Token),
        source => source.read(&mut context.env, MAX_TOKEN).map(Found::Token).map_err(bounded),
    }
}

/// Kept tokens, the newest first.
fn kept(ledger: &Ledger) -> Result<Vec<PathBuf>> {
    let folder = ledger.runtime().dir("kept")?;
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::io("read", &folder, e))?;
    let mut dated: Vec<_> = entries
        .filter_map(std::result::Result::ok)
        .filter(|e| {
            e.file_name().to_str().is_some_and(|n| n.parse::<hasp_grant::GrantId>().is_ok())
        })
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    dated.sort();
    Ok(dated.into_iter().rev().map(|(_, path)| path).collect())
}

/// Reads a kept token under the file discipline of the runtime directory.
pub(crate) fn read_kept(path: &std::path::Path) -> Result<Secret> {
    files::read(path, files::Guard::Private, MAX_TOKEN).and_then(Secret::from_vec)
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
    Error::new(Kind::Denied, code::NO_GRANT, "there is no grant to use")
        .hint("grant and run at once: hasp-grant -x -t TARGET")
        .hint("or through a pipe: hasp-grant -t TARGET | hasp-exec")
}

fn none_kept(cli: &Cli) -> Error {
    let target = cli.target.as_deref().unwrap_or("TARGET");
    Error::new(Kind::Denied, code::NO_GRANT, "no kept grant, and stdin is the command's")
        .hint(format!("keep one: hasp-grant -t {target} --for 8h --keep"))
        .hint("or name where the token is: hasp-exec -g - (stdin), -g fd:N, -g FILE")
}
