//! The words that run: those approved, and behind them those given now where the grant leaves that
//! open.

use std::ffi::OsString;

use hasp_core::text::{printable, shell_word, shell_words};
use hasp_core::{Error, Kind, Result};

use crate::action::{Action, Extent};
use crate::code;
use crate::spend::situation::Situation;

/// The words that run: what was approved, and after it the words given now where the grant leaves
/// that open.
pub fn command(action: &Action, at: &Situation<'_>) -> Result<Vec<OsString>> {
    check_target(action, at)?;
    let approved: Vec<OsString> = action.argv.iter().map(|w| w.as_os().to_owned()).collect();
    let Some(words) = at.words else {
        return if action.extent == Extent::Any { Err(no_command()) } else { Ok(approved) };
    };
    match action.extent {
        Extent::Any if words.is_empty() => Err(no_command()),
        Extent::Any => Ok(words.to_vec()),
        Extent::Exact if approved[action.fixed..] == *words => Ok(approved),
        Extent::Exact => Err(other_command(action, &approved)),
        // What was approved beyond the target's own words is typed again; what follows it is new.
        Extent::Open => match words.strip_prefix(&approved[action.fixed..]) {
            Some(more) => Ok(approved.iter().chain(more).cloned().collect()),
            None => Err(other_command(action, &approved)),
        },
    }
}

fn check_target(action: &Action, at: &Situation<'_>) -> Result<()> {
    let granted = action.target.as_deref();
    let command_meant = at.searched && at.target.is_none() && at.words.is_some();
    if at.target.is_some_and(|asked| Some(asked) != granted) || (command_meant && granted.is_some())
    {
        let granted = granted.map_or("a command".to_owned(), |t| format!("target '{t}'"));
        let asked = at
            .target
            .map_or("a command".to_owned(), |t| format!("target '{}'", printable(t.as_bytes())));
        let error = Error::new(
            Kind::Denied,
            code::OTHER_TARGET,
            format!("the grant is for {granted}, not for {asked}"),
        );
        return Err(match at.target {
            Some(target) => {
                error.hint(format!("hasp-grant -t {} | hasp-exec", shell_word(target.as_ref())))
            }
            None => error.hint(
                "name the target, with its further words after --: hasp-exec -t TARGET -- WORDS",
            ),
        });
    }
    Ok(())
}

fn no_command() -> Error {
    Error::new(Kind::Denied, code::NO_COMMAND, "the grant is for any command, and none was given")
        .hint("hasp-exec -- COMMAND ARGS..")
}

/// A target's own words are not typed: what stands after `--` comes behind them.
fn other_command(action: &Action, approved: &[OsString]) -> Error {
    let own = &approved[action.fixed..];
    let shown = shell_words(own.iter().map(OsString::as_os_str));
    let message = match (&action.target, own.is_empty()) {
        (Some(target), true) => format!(
            "the grant for target '{}' names its command; words after -- are further words for it, \
             and it takes none",
            printable(target.as_bytes())
        ),
        (Some(target), false) => format!(
            "the grant for target '{}' names its command; words after -- are further words for it, \
             and exactly these were granted: {shown}",
            printable(target.as_bytes())
        ),
        (None, _) => format!("the grant is for exactly: {shown}"),
    };
    let error = Error::new(Kind::Denied, code::OTHER_COMMAND, message);
    match (&action.target, own.is_empty()) {
        (Some(target), true) => error.hint(format!(
            "leave out -- and what follows it: hasp-exec -t {}",
            shell_word(target.as_ref())
        )),
        _ => error.hint(format!("these words do: hasp-exec -- {shown}")),
    }
}
