//! The grants that a change ends: by hasp-grant, which knows them. Where it is not installed and
//! there is no grant, nothing is left to be done; where there is one, that is said and not passed
//! over.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use hasp_core::files::Guard;
use hasp_core::sibling::{self, Said};
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Runtime, SecretName};

use crate::code;
use crate::open::vault::Vault;

/// The directory of a runtime directory that has a file for each grant.
const LEDGER: &str = "grants";

/// What an entry has of its vault stands within so many bytes, and nothing that is secret.
const HEAD: u64 = 64;

/// How many grants this user has.
fn count(cx: &Context) -> usize {
    entries(cx).count()
}

/// How many of them are of this vault.
pub fn count_of(vault: &Vault, cx: &Context) -> usize {
    let sign = format!("\"vault\":\"{}\"", vault.id());
    let is_of = |path: &PathBuf| {
        let mut head = Vec::new();
        let read = File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        read.is_ok() && head.windows(sign.len()).any(|w| w == sign.as_bytes())
    };
    entries(cx).filter(is_of).count()
}

fn entries(cx: &Context) -> impl Iterator<Item = PathBuf> {
    let runtimes = Runtime::all(&cx.env).into_iter();
    let files = runtimes.flat_map(|r| std::fs::read_dir(r.join(LEDGER)).into_iter().flatten());
    files.filter_map(|entry| Some(entry.ok()?.path()))
}

/// Ends every grant on these secrets, and says how many there were.
///
/// # Errors
/// `[grants-not-ended]`: the caller goes on with its own part and reports this at the end.
pub fn end(names: &[SecretName], cx: &mut Context) -> Result<()> {
    let before = count(cx);
    let ended = names.iter().try_for_each(|name| {
        run(&["--secret", name.as_str()], &format!("the grants on {name} are not ended"), cx)
    });
    tell(before, cx);
    ended
}

/// Ends every grant that this user has, and says how many there were: those on other vaults too,
/// which is said in the man page.
///
/// # Errors
/// `[grants-not-ended]`.
pub fn end_all(cx: &mut Context) -> Result<()> {
    let before = count(cx);
    let ended = run(&["--all"], "the grants are not ended", cx);
    tell(before, cx);
    ended
}

/// Nothing is said where there was none.
fn tell(before: usize, cx: &mut Context) {
    match before.saturating_sub(count(cx)) {
        0 => {}
        1 => cx.out.note("one grant has ended"),
        ended => cx.out.note(&format!("{ended} grants have ended")),
    }
}

/// What a change does not reach where several share a vault: each has a copy of it.
pub fn note_shared(vault: &Vault, cx: &mut Context) {
    if vault.guard() == Guard::Signed && vault.settings().recipients.len() > 1 {
        cx.out.note(
            "copies of the vault and grants on other machines go on until they take this over: \
             commit and push it; the record is this machine's",
        );
    }
}

fn run(which: &[&str], not_done: &str, cx: &Context) -> Result<()> {
    let failed = |why: &str| {
        let message = format!("{not_done}: {why}; all else is done");
        Error::new(Kind::Io, code::GRANTS_NOT_ENDED, message)
    };
    let mut command = match sibling::command("hasp-grant") {
        Ok(command) => command,
        // Nothing but hasp-grant makes them.
        Err(e) if e.code() == code::NO_SIBLING && count(cx) == 0 => return Ok(()),
        Err(e) => return Err(failed(e.message()).hints_of(&e)),
    };
    command.args(["--json", "revoke", "--quiet"]).args(which);
    command.env_clear().envs(cx.env.for_child());
    let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|e| Error::system("run hasp-grant", e))?;
    if output.status.success() {
        return Ok(());
    }
    Err(match Said::of("hasp-grant", &output.stderr).error() {
        Some(why) => failed(why.message()).hints_of(&why),
        None => failed("hasp-grant ended without a word"),
    }
    .hint(format!("end them: hasp-grant revoke {}", which.join(" "))))
}
