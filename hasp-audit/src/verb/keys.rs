//! Keys come from the vault's own tool, over a descriptor: this crate cannot open a vault, and no
//! key travels in argv, a file or the environment.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use ed25519_dalek::VerifyingKey;
use hasp_core::{Environ, Error, Home, Kind, LogId, Result, descriptors, sibling, system};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::log::Log;

/// What `hasp-vault status` says of the vault that applies here.
pub struct Status {
    /// Its current log.
    pub log: LogId,
    /// The key that verifies its heads.
    pub public: VerifyingKey,
}

/// The codes with which no vault is found: they are passed on as they are.
const CODES: [&str; 15] = [
    "no-home",
    "no-vault",
    "home-relative",
    "home-unset",
    "unknown-vault",
    "other-vault",
    "key-changed",
    "tampered",
    "rolled-back",
    "open-mode",
    "open-parent",
    "foreign-owner",
    "symlink",
    "not-a-file",
    "newer-format",
];

/// Asks `hasp-vault status --json`; it needs no unlock.
///
/// # Errors
/// As `hasp-vault` ends: `Kind::Missing` without a vault, and so on.
pub fn status() -> Result<Status> {
    let mut command = sibling::command("hasp-vault")?;
    let output = command.args(["status", "--json"]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| Error::system("run hasp-vault", e))?;
    if !output.status.success() {
        let error = failed("status", output.status.code());
        return Err(said(&output.stderr, &error).unwrap_or(error));
    }
    let unclear =
        || Error::bug("hasp-vault status --json has not the fields that hasp-audit reads");
    let object: Value = serde_json::from_slice(&output.stdout).map_err(|_| unclear())?;
    let log = object["log"].as_str().and_then(|id| id.parse().ok()).ok_or_else(unclear)?;
    let public = object["public_key"].as_str().and_then(public_key).ok_or_else(unclear)?;
    Ok(Status { log, public })
}

/// The log of the vault that is used here, for tools that know no vaults.
///
/// # Errors
/// Those of finding the vault, in `hasp-vault`'s words.
pub fn current_log(home: &Home) -> Result<Log> {
    Log::open(home, &status()?.log)
}

/// What `hasp-vault --json` said, in its own words and with its own hints.
fn said(stderr: &[u8], failed: &Error) -> Option<Error> {
    let objects =
        stderr.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice::<Value>(l).ok());
    let error = objects.map(|mut o| o["error"].take()).find(|e| e["message"].is_string())?;
    let code = CODES.into_iter().find(|c| error["code"] == *c).unwrap_or(failed.code().as_str());
    let hints = error["hints"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(
        hints.fold(Error::new(failed.kind(), code, error["message"].as_str()?), |e, hint| {
            e.hint(hint)
        }),
    )
}

/// A public key in base64, with or without padding, of either alphabet.
pub fn public_key(text: &str) -> Option<VerifyingKey> {
    let plain = text.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    let bytes = data_encoding::BASE64_NOPAD.decode(plain.as_bytes()).ok()?;
    VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok()
}

/// The audit root of this log.
///
/// # Errors
/// `Kind::Locked` if the vault cannot be unlocked: without the key there is no answer.
pub fn audit_root(id: &LogId) -> Result<Zeroizing<[u8; 32]>> {
    let mut command = sibling::command("hasp-vault")?;
    command.args(["key", "audit", "--log", id.as_str()]).stdin(Stdio::inherit());
    let bytes = ask("key audit", command, None, None)?;
    let root = <[u8; 32]>::try_from(bytes.as_slice())
        .map_err(|_| Error::bug("the audit root has not 32 bytes"))?;
    Ok(Zeroizing::new(root))
}

/// A signature of the vault over `message`.
pub fn sign_head(message: &[u8]) -> Result<[u8; 64]> {
    let mut command = sibling::command("hasp-vault")?;
    command.args(["key", "sign-head"]).stdin(Stdio::piped());
    let bytes = ask("key sign-head", command, None, Some(message))?;
    <[u8; 64]>::try_from(bytes.as_slice()).map_err(|_| Error::bug("the signature has not 64 bytes"))
}

/// Has the vault begin a log in the place of its current one, which is gone.
///
/// # Errors
/// `Kind::Locked` if the vault cannot be unlocked.
pub fn replace_log() -> Result<()> {
    descriptors::lend(&Environ::capture(), None);
    let mut command = sibling::command("hasp-vault")?;
    let status = command.args(["--quiet", "key", "replace-log"]).stdout(Stdio::null()).status();
    let status = status.map_err(|e| Error::system("run hasp-vault", e))?;
    if status.success() { Ok(()) } else { Err(failed("key replace-log", status.code())) }
}

/// The keyed fingerprint of the value that a source names.
pub fn fingerprint(from: &OsStr) -> Result<String> {
    let mut command = sibling::command("hasp-vault")?;
    command.args(["key", "fp", "--from"]).arg(from).stdin(Stdio::inherit());
    let bytes = ask("key fp", command, Some(from), None)?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { Ok(text) } else { Err(Error::bug("the fingerprint has not 32 digits")) }
}

/// Runs `hasp-vault` with one end of a pipe and returns what it wrote there. It reads the sources
/// of the environment, and this one.
fn ask(
    what: &str,
    mut command: Command,
    source: Option<&OsStr>,
    input: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>> {
    let run = |e: std::io::Error| Error::system("run hasp-vault", e);
    descriptors::lend(&Environ::capture(), source);
    let (reader, writer) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|e| run(e.into()))?;
    system::set_inherited(writer.as_raw_fd(), true).map_err(run)?;
    command.arg("--fd").arg(writer.as_raw_fd().to_string()).stdout(Stdio::null());
    let mut child = command.spawn().map_err(run)?;
    drop(writer);
    if let (Some(message), Some(mut stdin)) = (input, child.stdin.take()) {
        // If it does not read, its exit status says why.
        let _ = stdin.write_all(message);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = File::from(reader).take(4096).read_to_end(&mut bytes);
    let status = child.wait().map_err(run)?;
    read.map_err(run)?;
    if status.success() { Ok(bytes) } else { Err(failed(what, status.code())) }
}

/// `hasp-vault` has said on stderr what is wrong; its exit status becomes ours.
fn failed(what: &str, status: Option<i32>) -> Error {
    let (kind, code) = match status {
        Some(1) => (Kind::No, "interrupted"),
        Some(64) => (Kind::Usage, "usage"),
        Some(65) => (Kind::Data, "vault-data"),
        Some(66) => (Kind::Missing, "no-vault"),
        Some(69) => (Kind::Locked, "locked"),
        Some(75) => (Kind::Busy, "busy"),
        Some(77) => (Kind::Denied, "vault-denied"),
        Some(78) => (Kind::Config, "config"),
        _ => (Kind::Io, "vault-failed"),
    };
    let error = Error::new(kind, code, format!("hasp-vault {what} gave no answer"));
    match kind {
        Kind::Locked => error.hint(format!(
            "unlock it: HASP_PASSPHRASE=fd:N, HASP_IDENTITY=SRC, or type the passphrase in a terminal of your own: {}",
            hasp_core::terminal::command().unwrap_or_else(|| format!("hasp-vault {what}"))
        )),
        _ => error.hint(format!("see what it says: hasp-vault {}", if what == "status" { "status" } else { "fsck" })),
    }
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
