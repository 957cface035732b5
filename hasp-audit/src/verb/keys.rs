//! Keys come from the vault's own tool, over a descriptor: this crate cannot open a vault, and no
//! key travels in argv, a file or the environment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Output, Stdio};

use ed25519_dalek::VerifyingKey;
use hasp_core::sibling::{self, Said};
use hasp_core::tool::Context;
use hasp_core::{Environ, Error, Kind, LogId, Result, code, descriptors, platform, terminal};
use zeroize::Zeroizing;

/// The tool that has the keys.
const VAULT: &str = "hasp-vault";

/// A public key in base64, with or without padding, of either alphabet.
pub(crate) fn public_key(text: &str) -> Option<VerifyingKey> {
    let plain = text.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    let bytes = data_encoding::BASE64_NOPAD.decode(plain.as_bytes()).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

/// The audit root of this log.
///
/// # Errors
/// As `hasp-vault` ends: `Kind::Locked` if it cannot be unlocked; without a key, no answer.
pub(crate) fn audit_root(id: &LogId, cx: &mut Context) -> Result<Zeroizing<[u8; 32]>> {
    let mut command = vault(&["key", "audit", "--log", id.as_str()])?;
    command.stdin(Stdio::inherit());
    let bytes = ask("key audit", command, None, None, cx)?;
    let root = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| Error::bug("the audit root has not 32 bytes"))?;
    Ok(Zeroizing::new(root))
}

/// A signature of the vault over `message`.
pub(crate) fn sign_head(message: &[u8], cx: &mut Context) -> Result<[u8; 64]> {
    let mut command = vault(&["key", "sign-head"])?;
    command.stdin(Stdio::piped());
    let bytes = ask("key sign-head", command, None, Some(message), cx)?;
    <[u8; 64]>::try_from(bytes.as_slice()).map_err(|_| Error::bug("the signature has not 64 bytes"))
}

/// Has the vault begin a log in the place of its current one, which is gone.
///
/// # Errors
/// `Kind::Locked` if the vault cannot be unlocked.
pub(crate) fn replace_log(cx: &mut Context) -> Result<()> {
    descriptors::lend(&Environ::capture(), None);
    let mut command = vault(&["--quiet", "key", "replace-log"])?;
    let output = run(command.stdin(Stdio::inherit()).stdout(Stdio::null()))?;
    end("key replace-log", &output, cx)
}

/// The keyed fingerprint of the value that a source names, as the records of an earlier log have
/// it if one is named.
pub(crate) fn fingerprint(
    from: &OsStr,
    earlier: Option<&LogId>,
    cx: &mut Context,
) -> Result<String> {
    let mut command = vault(&["key", "fp", "--from"])?;
    command.arg(from).stdin(Stdio::inherit());
    if let Some(id) = earlier {
        command.args(["--log", id.as_str()]);
    }
    let bytes = ask("key fp", command, Some(from), None, cx)?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { Ok(text) } else { Err(Error::bug("the fingerprint has not 32 digits")) }
}

fn vault(words: &[&str]) -> Result<Command> {
    let mut command = sibling::command(VAULT)?;
    // What it says is read, and said by this tool.
    command.arg("--json").args(words).stderr(Stdio::piped());
    Ok(command)
}

fn run(command: &mut Command) -> Result<Output> {
    let child = command.spawn();
    child.and_then(|c| c.wait_with_output()).map_err(|e| Error::system("run hasp-vault", e))
}

/// Runs `hasp-vault` with one end of a pipe and returns what it wrote there. It reads the sources
/// of the environment, and this one.
fn ask(
    what: &str,
    mut command: Command,
    source: Option<&OsStr>,
    input: Option<&[u8]>,
    cx: &mut Context,
) -> Result<Zeroizing<Vec<u8>>> {
    let run = |e: std::io::Error| Error::system("run hasp-vault", e);
    descriptors::lend(&Environ::capture(), source);
    let (reader, writer) = platform::pipe().map_err(run)?;
    platform::set_inherited(writer.as_raw_fd(), true).map_err(run)?;
    command.arg("--fd").arg(writer.as_raw_fd().to_string()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(run)?;
    drop(writer);
    if let (Some(message), Some(mut stdin)) = (input, child.stdin.take()) {
        // If it does not read, its exit status says why.
        let _ = stdin.write_all(message);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = File::from(reader).take(4096).read_to_end(&mut bytes);
    let output = child.wait_with_output().map_err(run)?;
    end(what, &output, cx)?;
    read.map_err(run)?;
    Ok(bytes)
}

/// What `hasp-vault` said becomes what this tool says.
fn end(what: &str, output: &Output, cx: &mut Context) -> Result<()> {
    let error = Said::of(VAULT, &output.stderr).pass_on(&mut cx.out);
    match output.status.success() {
        true => Ok(()),
        false => Err(in_person(error.unwrap_or_else(|| silent(what)))),
    }
}

/// Where nobody could be asked, the line that a person types is this tool's, not its sibling's.
fn in_person(error: Error) -> Error {
    match terminal::command().filter(|_| error.code() == code::LOCKED) {
        Some(command) => error.hint(format!("or type it in a terminal of your own: {command}")),
        None => error,
    }
}

/// It ended without a word: killed, perhaps.
fn silent(what: &str) -> Error {
    Error::new(Kind::Io, code::IO, format!("hasp-vault {what} ended without an answer"))
        .hint("see whether the vault is whole: hasp-vault fsck")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_is_read_in_every_base64() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[3; 32]).verifying_key();
        for encoding in [data_encoding::BASE64, data_encoding::BASE64URL_NOPAD] {
            assert_eq!(public_key(&encoding.encode(key.as_bytes())), Some(key));
        }
        assert_eq!(public_key("AAAA"), None);
    }
}
