//! Running another hasp tool: always the one installed beside this one, never what PATH would find
//! first. What it says is said once, as this tool's own: whoever typed one command knows of one.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::code;
use crate::code::Code;
use crate::error::{Error, Kind, Result};
use crate::output::Output;
use crate::text::printable;

/// The path of the tool `name` beside the running executable.
///
/// # Errors
/// `[no-sibling]` if it is not installed there.
pub fn path(name: &str) -> Result<PathBuf> {
    let own =
        std::env::current_exe().map_err(|e| Error::system("find this program's own path", e))?;
    // A program replaced while it runs is "/path (deleted)": its directory is still right.
    let beside = own.with_file_name(name);
    if beside.is_file() {
        return Ok(beside);
    }
    Err(Error::new(
        Kind::Missing,
        code::NO_SIBLING,
        format!("{name} is not installed beside {}", crate::text::printable_path(&own)),
    )
    .hint("install all tools in one directory: make install"))
}

/// A command that runs the tool `name`; it inherits this process's environment and terminal.
pub fn command(name: &str) -> Result<Command> {
    path(name).map(Command::new)
}

/// What a tool that was run with `--json` said on its standard error.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    error: Option<Error>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl Said {
    /// Takes it apart: an error, warnings, and what else there is line by line.
    pub fn of(tool: &str, stderr: &[u8]) -> Said {
        let mut said = Said::default();
        for line in stderr.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            let object: Value = serde_json::from_slice(line).unwrap_or_default();
            if let Some(error) = relayed(&object["error"]) {
                said.error = Some(error);
            } else if let Some(text) = object["warning"]["message"].as_str() {
                said.warnings.push(text.to_owned());
            } else if let Some(text) = object["note"]["message"].as_str() {
                said.notes.push(text.to_owned());
            } else {
                let text = printable(line);
                let own = text.strip_prefix(tool).and_then(|rest| rest.strip_prefix(": "));
                said.notes.push(own.map_or(text.clone(), str::to_owned));
            }
        }
        said
    }

    /// Passes on what is no error; returns the error that the tool ended with: of its own kind,
    /// with its own code, words and hints.
    pub fn pass_on(self, out: &mut Output) -> Option<Error> {
        self.notes.iter().for_each(|text| out.note(text));
        self.warnings.iter().for_each(|text| out.warn(text));
        self.error
    }

    /// The error alone, where there is nobody to pass the rest on to.
    pub fn error(self) -> Option<Error> {
        self.error
    }
}

/// The error that an object of `--json` describes.
fn relayed(object: &Value) -> Option<Error> {
    let kind = Kind::ALL.into_iter().find(|kind| object["kind"] == kind.as_str())?;
    let code = Code::relayed(object["code"].as_str()?);
    let hints = object["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let error = Error::relayed(kind, code, object["message"].as_str()?);
    Some(hints.fold(error, |error, hint| error.hint(hint)))
}

#[cfg(test)]
mod tests;
