//! How a token leaves: a line on stdout that is no terminal, a private file, the runtime directory,
//! or a sealed memory file that hasp-exec inherits in our place.

use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use zeroize::Zeroizing;

use hasp_core::descriptors::{self, Sources};
use hasp_core::output::write_all;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Source, named, platform, sibling};

use crate::cli::Mint;
use crate::code;
use crate::ledger::tombstone::Why;
use crate::mint::Minted;
use crate::mint::jobserver;
use crate::token::line::use_line;

/// Refuses, before anything is asked or minted, an output that could not take the token, and a run
/// without the tool that runs.
///
/// # Errors
/// `[no-sibling]`, `[token-terminal]` for a terminal without `-o -`, `[bad-output]`, and the codes
/// of [`named::check`].
pub fn check(asked: &Mint, context: &Context) -> Result<()> {
    match destination(asked)? {
        Some(Source::Path(path)) => drop(named::check(&path)?),
        Some(Source::Env(_)) => return Err(bad_output()),
        _ => {}
    }
    if asked.exec {
        sibling::path("hasp-exec")?;
    }
    let elsewhere = asked.exec || asked.keep || asked.output.is_some();
    if elsewhere || !context.out.stdout_is_terminal() {
        return Ok(());
    }
    Err(Error::new(Kind::Usage, code::TOKEN_TERMINAL, "the token is not written to a terminal")
        .hint("run the action at once: add -x")
        .hint("or pipe it: | hasp-exec")
        .hint("or keep it for hasp-exec to find: --for 8h --keep"))
}

/// Hands the token over as the command line says, with `-x` also make's jobserver; a grant whose
/// token nobody gets is ended.
pub fn hand_over(
    asked: &Mint,
    minted: &Minted,
    jobserver: &[RawFd],
    context: &mut Context,
) -> Result<Exit> {
    let outcome = if asked.exec {
        Err(run(asked, minted, jobserver, context))
    } else {
        put(asked, minted, context)
    };
    outcome.map(|()| Exit::OK).or_else(|error| {
        minted.ledger.lock()?.end(&minted.terms.jti, Why::Undelivered, None)?;
        Err(error)
    })
}

fn put(asked: &Mint, minted: &Minted, context: &mut Context) -> Result<()> {
    let mut line = Zeroizing::new(Vec::with_capacity(minted.token.len() + 1));
    line.extend_from_slice(minted.token.as_bytes());
    line.push(b'\n');
    if asked.keep {
        minted.ledger.lock()?.keep(&minted.vault, &minted.terms, &line)?;
        if context.out.json {
            context.out.object(&serde_json::json!({
                "v": 1, "grant": minted.terms.jti, "target": asked.target,
                "exp": minted.terms.exp, "uses": minted.terms.uses, "kept": true,
                "use": use_line(&minted.terms),
            }))?;
        }
        context.out.note(&format!(
            "kept as {}; use it with: {}",
            minted.terms.jti.short(),
            use_line(&minted.terms)
        ));
        return Ok(());
    }
    match destination(asked)? {
        None | Some(Source::Stdin) => context.out.value(&line),
        Some(Source::Fd(number)) => {
            let descriptor =
                platform::duplicate(number).map_err(|e| Error::system("write the token", e))?;
            write_all(descriptor, &line)
        }
        Some(Source::Env(_)) => Err(bad_output()),
        Some(Source::Path(path)) => named::write(&path, &line),
    }
}

/// Where `-o` says that the token goes.
fn destination(asked: &Mint) -> Result<Option<Source>> {
    let Some(path) = asked.output.as_deref() else { return Ok(None) };
    let place = match path.to_str() {
        Some("/dev/stdout") => Source::Stdin,
        Some("/dev/stderr") => Source::Fd(2),
        _ => Source::parse(path.as_os_str())?,
    };
    Ok(Some(place))
}

fn bad_output() -> Error {
    Error::new(Kind::Usage, code::BAD_OUTPUT, "a token cannot be written to a variable")
        .hint("-o FILE, -o - or -o fd:N")
}

/// Becomes hasp-exec; returns only if that fails, and then the grant stays to expire.
fn run(asked: &Mint, minted: &Minted, jobserver: &[RawFd], context: &mut Context) -> Error {
    match exec_command(asked, minted, jobserver, context) {
        Ok(mut command) => {
            rustix::process::umask(context.umask);
            Error::system("run hasp-exec", command.exec())
        }
        Err(e) => e,
    }
}

/// hasp-exec in our place: it inherits the token, make's jobserver and our streams. What a source
/// of ours has read is closed by exec.
fn exec_command(
    asked: &Mint,
    minted: &Minted,
    jobserver: &[RawFd],
    context: &mut Context,
) -> Result<Command> {
    let token = jobserver::apart(memory_file(minted.token.as_bytes())?, &context.env)?;
    let number = token.as_raw_fd();
    for passed in jobserver.iter().chain([&number]) {
        platform::set_inherited(*passed, true)
            .map_err(|e| Error::system("pass the token on", e))?;
    }
    // It must stay open across exec; the process image ends here.
    std::mem::forget(token);
    keep_stdin_back(context)?;
    let mut command = sibling::command("hasp-exec")?;
    command.env_clear().envs(context.env.for_child());
    command.env("HASP_GRANT", format!("fd:{number}"));
    command.args(exec_args(asked, context));
    Ok(command)
}

/// A file on standard input that a source of ours is read from is not the command's to read again.
/// hasp-exec could not tell: the descriptor that a source names may be closed by then.
fn keep_stdin_back(context: &mut Context) -> Result<()> {
    if !hasp_core::source::can_be_read_again(0) {
        return Ok(());
    }
    if context.env.has_read(0) {
        return descriptors::close_stdin();
    }
    if Sources::of(&context.env).hold_file(0) {
        context.out.warn(
            "standard input is a file that a source of hasp names: the command does not get it",
        );
        return descriptors::close_stdin();
    }
    Ok(())
}

fn exec_args(asked: &Mint, context: &Context) -> Vec<OsString> {
    let mut args: Vec<OsString> = Vec::new();
    args.extend(context.out.quiet.then(|| "--quiet".into()));
    args.extend(context.out.json.then(|| "--json".into()));
    if asked.any_command {
        args.push("--".into());
        args.extend(asked.argv.iter().cloned());
    }
    args
}

/// A sealed memory file that holds these bytes; a pipe where the kernel has none.
fn memory_file(content: &[u8]) -> Result<OwnedFd> {
    let made = platform::memory_file(content);
    match made.map_err(|e| Error::system("make a memory file", e))? {
        Some(file) => Ok(file),
        None => pipe(content),
    }
}

/// A pipe takes 64 KiB without a reader, more than any token without a very long command.
fn pipe(content: &[u8]) -> Result<OwnedFd> {
    if content.len() > 64 * 1024 {
        return Err(Error::new(
            Kind::Io,
            hasp_core::code::NO_MEMFD,
            "this kernel has no memory files, and the token is too long for a pipe",
        )
        .hint("write it to a private file: -o FILE; then: hasp-exec -g FILE"));
    }
    let (reader, writer) = platform::pipe().map_err(|e| Error::system("make a pipe", e))?;
    write_all(&writer, content)?;
    Ok(reader)
}
