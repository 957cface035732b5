//! `rotate`: the command line becomes a plan, everything that was typed wrong is refused before
//! anything is asked, and each secret takes its steps by itself: one that fails does not hold up
//! the others.

mod due;
mod session;
mod source;

use std::ffi::OsStr;
use std::path::Path;

use hasp_core::terminal::Terminal;
use hasp_core::time::parse_duration;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Environ, Error, Kind, Result, VersionedName};

use super::{grants, names};
use crate::cli::RotateArgs;
use crate::code;
use crate::format::rotation::{Every, Program, Recipe};
use crate::open::vault::Vault;
use crate::rotate::program::{Job, Step};
use session::Session;
use source::Given;

pub fn run(args: &RotateArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if args.due {
        return due::run(vault, cx);
    }
    let listed = args.names == ["-"];
    let targets = names::read(&args.names, cx)?;
    let (plan, every) = plan(args, cx)?;
    let wanted = still_wanted(targets, vault, cx)?;
    if wanted.is_empty() {
        return Ok(Exit::OK);
    }
    if args.resume || args.abort {
        let session = Session::open(vault, Terminal::open(), cx)?;
        let how = if args.resume { Session::resume } else { Session::abort };
        return each(&wanted, cx, |target, cx| how(&session, &target.name, cx));
    }
    for program in [(Step::Run, &plan.run), (Step::Test, &plan.test), (Step::Retire, &plan.retire)]
    {
        if let (step, Some(program)) = program {
            Job { step, program, name: &wanted[0].name, version: 0 }.check()?;
        }
    }
    let given = Given::find(args, &plan, listed, &wanted, vault, cx)?;
    let asking = Terminal::open();
    if matches!(given, Given::Each) && !plan.makes() {
        asking.iter().for_each(Terminal::more_follows);
    }
    let session = Session::open(vault, asking, cx)?;
    let last = wanted.last().map(|w| &w.name);
    let done = each(&wanted, cx, |target, cx| {
        let how = (args.keep_newline, last == Some(&target.name));
        session.rotate(&target.name, (&plan, every), &given, how, cx)
    })?;
    grants::note_shared(vault, cx);
    Ok(done)
}

/// What was typed, as it will be signed.
fn plan(args: &RotateArgs, cx: &Context) -> Result<(Recipe, Option<Every>)> {
    let program =
        |p: &Option<std::path::PathBuf>| p.as_deref().map(|p| find_program(p, &cx.env)).transpose();
    let plan = Recipe {
        run: program(&args.run)?,
        kind: args.kind,
        length: args.length,
        alphabet: args.alphabet.clone(),
        test: program(&args.test)?,
        retire: program(&args.retire)?,
        overlap: args.overlap.as_deref().map(parse_duration).transpose()?,
    };
    Ok((plan, args.rotate_every.as_deref().map(str::parse).transpose()?))
}

/// A word without a slash is searched for on PATH, as a shell would; what is kept is absolute.
fn find_program(word: &Path, env: &Environ) -> Result<Program> {
    let missing = || {
        Error::new(
            Kind::Missing,
            code::PROGRAM_MISSING,
            "there is no such program (not shown: it may be a value)",
        )
        .hint("name it by its path: --run /usr/local/bin/new-db-password")
    };
    let slash = word.as_os_str().as_encoded_bytes().contains(&b'/');
    let found = if slash {
        std::path::absolute(word).map_err(|e| Error::io("find", word, e))?
    } else {
        let path = env.get("PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
        let places = std::env::split_paths(path).filter(|p| p.is_absolute());
        places.map(|p| p.join(word)).find(|p| p.is_file()).ok_or_else(missing)?
    };
    if !found.is_file() {
        return Err(missing());
    }
    Program::new(&found)
}

/// Each secret once, and not those whose named version is not the current one any more.
fn still_wanted(
    targets: Vec<VersionedName>,
    vault: &Vault,
    cx: &mut Context,
) -> Result<Vec<VersionedName>> {
    let mut wanted: Vec<VersionedName> = Vec::new();
    for target in targets {
        // What was let out may have been destroyed and forgotten since.
        let gone = target.version.is_some() && vault.item_if_present(&target.name)?.is_none();
        let current = if gone { 0 } else { vault.item(&target.name)?.current };
        match target.version {
            Some(version) if version != current => {
                cx.out.note(&format!(
                    "{}@{version} is not the current version any more: nothing to do",
                    target.name
                ));
            }
            _ if wanted.iter().any(|w| w.name == target.name) => {}
            _ => wanted.push(target),
        }
    }
    Ok(wanted)
}

/// One after the other; with several, what went wrong is said at once and the rest goes on.
fn each(
    targets: &[VersionedName],
    cx: &mut Context,
    mut one: impl FnMut(&VersionedName, &mut Context) -> Result<()>,
) -> Result<Exit> {
    let mut failures = Vec::new();
    for target in targets {
        match one(target, cx) {
            Ok(()) => {}
            Err(error) if targets.len() == 1 || stops(&error) => return Err(error),
            Err(error) => {
                cx.out.error(&error);
                failures.push(error.kind());
            }
        }
    }
    summary(&failures, targets.len())
}

/// Whoever typed ^C, or does not read any more, wants nothing of the rest either.
fn stops(error: &Error) -> bool {
    error.kind() == Kind::ClosedPipe || error.code() == code::INTERRUPTED
}

fn summary(failures: &[Kind], all: usize) -> Result<Exit> {
    let Some(kind) = failures.first() else { return Ok(Exit::OK) };
    let message = format!("{} of {all} secrets were not rotated", failures.len());
    Err(Error::new(*kind, code::ROTATIONS_FAILED, message)
        .hint("see how far each is: hasp-vault status"))
}
