//! The project of a new grant. In a directory that belongs to none, a person who can be asked is
//! offered to make it one; whoever cannot is told the one line that does.

use hasp_bind::Project;
use hasp_core::terminal::Terminal;
use hasp_core::{Error, Here, Result};
use hasp_target::Delivery;

use crate::cli::Mint;
use crate::mint::items::version::split;
use crate::mint::wanted::typed;

/// The project at the current directory.
///
/// # Errors
/// Those of [`Project::find`].
pub fn here(asked: &Mint, here: &Here<'_>) -> Result<Project> {
    let error = match Project::find(here) {
        Err(e) if is_none(&e) => e,
        found => return found,
    };
    let references = references(asked);
    if asked.target.is_some() || references.is_empty() {
        return Err(error);
    }
    let line = |flag: &str| format!("hasp-bind {flag}add {}", references.join(" "));
    match Project::at(here.cwd()?) {
        Ok(_) if Terminal::open().is_none() => {
            Err(without_hints(&error).hint(format!("bind this directory: {}", line(""))))
        }
        Err(e) if e.code() == hasp_bind::code::FOREIGN_PROJECT => {
            let error = without_hints(&e).hint(format!(
                "if it is meant that they share what is granted here: {}",
                line("--shared ")
            ));
            Err(error.hint("or work in a directory of your own: mkdir DIR && cd DIR"))
        }
        founded => founded,
    }
}

fn is_none(error: &Error) -> bool {
    let code = error.code();
    code == hasp_bind::code::NO_PROJECT || code == hasp_target::code::FOREIGN_DIRECTORY
}

fn without_hints(error: &Error) -> Error {
    Error::new(error.kind(), error.code(), error.message())
}

/// What was typed, each once; what is no delivery is refused later, by name of its option.
fn references(asked: &Mint) -> Vec<String> {
    let parsed = typed(asked).filter_map(|(c, word)| Delivery::parse(c, split(word).0).ok());
    let mut references: Vec<String> = parsed.map(|d| d.reference.to_string()).collect();
    references.sort();
    references.dedup();
    references
}
