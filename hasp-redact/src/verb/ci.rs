//! Masking by the CI system itself, as a second net for what does not pass through this filter.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::code;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result};
use zeroize::Zeroizing;

use super::values::Named;
use crate::cli::Ci;
use crate::decode::parts::{Part, Place, parts};
use crate::filter::pattern::needle::MIN_LINE;

/// Tells the system to mask these values in its log. It masks what it is given wherever that
/// stands, so it is given no short line: the braces of a document would be masked in the whole log.
pub(crate) fn mask(system: Ci, named: &Named, context: &mut Context) -> Result<()> {
    match system {
        Ci::Github | Ci::Buildkite => {
            named.iter().try_for_each(|(name, value)| give(system, name, value, context))
        }
        Ci::Gitlab => {
            context.out.warn(
                "GitLab has no command that masks a value while a job runs: mask the \
                       variable in its settings",
            );
            Ok(())
        }
    }
}

/// Gives one value and its parts, line by line, each once.
fn give(system: Ci, name: &str, value: &[u8], context: &mut Context) -> Result<()> {
    let apart = parts(value).kept;
    // A number of a key is no text, and stands in no line of a log.
    let told = apart.iter().filter(|part| part.place != Place::Key);
    let texts = std::iter::once(value).chain(told.map(|Part { bytes, .. }| bytes.as_slice()));
    let mut given = BTreeSet::new();
    for line in texts.flat_map(lines) {
        if !given.insert(line) {
            continue;
        }
        match system {
            Ci::Github => context.out.value(&github(line))?,
            _ => buildkite(line, context)?,
        }
    }
    if given.is_empty() {
        context.out.warn(&format!(
            "{name} is not given to the CI system: it has no line of {MIN_LINE} bytes"
        ));
    }
    Ok(())
}

/// The lines of a value that say something by themselves, by the filter's rule; the systems end a
/// line at a carriage return too.
fn lines(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = value.split(|b| matches!(b, b'\n' | b'\r')).map(<[u8]>::trim_ascii);
    lines.filter(|line| line.len() >= MIN_LINE && !line.starts_with(b"-----"))
}

/// A workflow command, with the characters escaped that would end or change it.
fn github(line: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut command = Zeroizing::new(Vec::with_capacity(3 * line.len() + 16));
    command.extend_from_slice(b"::add-mask::");
    for byte in line {
        match byte {
            b'%' => command.extend_from_slice(b"%25"),
            byte => command.push(*byte),
        }
    }
    command.push(b'\n');
    command
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
    Error::new(Kind::Io, code::NO_AGENT, "buildkite-agent cannot be run, or did not take the value")
        .hint("use --ci buildkite in a Buildkite job only: buildkite-agent redactor add")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(value: &[u8]) -> Vec<u8> {
        lines(value).flat_map(|line| github(line).to_vec()).collect()
    }

    #[test]
    fn github_commands_cannot_be_broken_out_of() {
        let value = b"a%b-long-line\r\n::stop-commands::x\n";
        assert_eq!(
            commands(value),
            b"::add-mask::a%25b-long-line\n::add-mask::::stop-commands::x\n"
        );
        assert_eq!(
            commands(b"long-line-1\rlong-line-2"),
            b"::add-mask::long-line-1\n::add-mask::long-line-2\n"
        );
    }

    #[test]
    fn nothing_is_masked_that_stands_everywhere() {
        for (value, given) in [
            (&b"{\n  \"k\": \"valuevalue1234\"\n}\n"[..], vec![&b"\"k\": \"valuevalue1234\""[..]]),
            (
                b"-----BEGIN KEY-----\nAAsWISwS7Qk1\n\nxv==\n-----END KEY-----\n",
                vec![b"AAsWISwS7Qk1"],
            ),
            (b"\n\n  \n\t\n1234567\n12345678\n", vec![b"12345678"]),
            (b"1234567", vec![]),
            (b"12345678", vec![b"12345678"]),
            (b"      a      \r\n", vec![]),
            (b"", vec![]),
        ] {
            assert_eq!(lines(value).collect::<Vec<_>>(), given, "{}", value.escape_ascii());
        }
    }
}
