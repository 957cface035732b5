//! Masking by the CI system itself, as a second net for what does not pass through this filter.

use std::io::Write;
use std::process::{Command, Stdio};

use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result};
use zeroize::Zeroizing;

use super::values::Named;
use crate::cli::Ci;

/// Tells the system to mask these values in its log.
pub(super) fn mask(system: Ci, named: &Named, context: &mut Context) -> Result<()> {
    match system {
        Ci::Github => named.iter().try_for_each(|(_, value)| context.out.value(&github(value))),
        Ci::Buildkite => named.iter().try_for_each(|(_, value)| buildkite(value, context)),
        Ci::Gitlab => {
            context
                .out
                .warn("GitLab has no command that masks a value while a job runs: mask the variable in its settings");
            Ok(())
        }
    }
}

/// Workflow commands: one for each line, with the characters escaped that would end or change the command.
fn github(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut commands = Zeroizing::new(Vec::with_capacity(16 * value.len() + 16));
    for line in value.split(|b| matches!(b, b'\n' | b'\r')).filter(|line| !line.is_empty()) {
        commands.extend_from_slice(b"::add-mask::");
        for byte in line {
            match byte {
                b'%' => commands.extend_from_slice(b"%25"),
                byte => commands.push(*byte),
            }
        }
        commands.push(b'\n');
    }
    commands
}

/// The agent takes the value on its stdin, so it is in no argument list.
fn buildkite(value: &[u8], context: &Context) -> Result<()> {
    let mut child = Command::new("buildkite-agent")
        .args(["redactor", "add"])
        .env_clear()
        .envs(context.env.for_child())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(|_| missing_agent())?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(value).map_err(|e| Error::system("write to buildkite-agent", e))?;
    }
    let status = child.wait().map_err(|e| Error::system("wait for buildkite-agent", e))?;
    if status.success() { Ok(()) } else { Err(missing_agent()) }
}

fn missing_agent() -> Error {
    Error::new(Kind::Io, "no-agent", "buildkite-agent cannot be run, or did not take the value")
        .hint("use --ci buildkite in a Buildkite job only: buildkite-agent redactor add")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_commands_cannot_be_broken_out_of() {
        assert_eq!(*github(b"a%b\r\n::stop-commands::x\n"), b"::add-mask::a%25b\n::add-mask::::stop-commands::x\n");
    }
}
