//! `key`: what the other tools need from the keys without having them, over descriptors, never
//! through argv or a terminal.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use hasp_core::output::write_all;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Source, platform};

use super::input;
use crate::code;
use crate::open::vault::Vault;

/// The longest head that is signed, in bytes.
const MAX_HEAD: usize = 4096;
/// What the text of a head begins with. Only that is signed here: the same key signs records, which
/// begin with `hasp/v1/`, and whoever may ask for one must not get the other.
const HEAD: &[u8] = b"hasp-audit/";

pub fn audit(log: Option<&str>, fd: i32, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let log = log.map_or_else(|| Ok(*vault.log_id()), str::parse)?;
    let out = descriptor(fd)?;
    let keys = vault.unlock_for_keys(cx)?.keys_of_log(&log)?;
    write_all(&out, keys.audit_root())?;
    Ok(Exit::OK)
}

pub fn sign_head(fd: i32, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let out = descriptor(fd)?;
    let head = Source::Stdin.read(&mut cx.env, MAX_HEAD)?;
    if !head.expose().starts_with(HEAD) {
        return Err(Error::new(
            Kind::Data,
            code::NOT_A_HEAD,
            "stdin does not hold the head of a log",
        ));
    }
    let signature = vault.unlock_for_keys(cx)?.keys().sign_record(head.expose());
    write_all(&out, &signature)?;
    Ok(Exit::OK)
}

/// Of the records of the current log, or of an earlier one if it is named.
pub fn fingerprint(
    from: &OsStr,
    log: Option<&str>,
    fd: i32,
    vault: &Vault,
    cx: &mut Context,
) -> Result<Exit> {
    let out = descriptor(fd)?;
    let value = input::read_value(Some(from), false, cx)?;
    let log = log.map_or_else(|| Ok(*vault.log_id()), str::parse)?;
    let print = vault.unlock_for_keys(cx)?.keys_of_log(&log)?.fingerprint(&value);
    write_all(&out, print.as_bytes())?;
    Ok(Exit::OK)
}

/// For `hasp-audit accept-loss`, which has asked.
pub fn replace_log(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if let Some(kept) = vault.unlock_for_keys(cx)?.replace_log(cx.now)? {
        let shown = printable_path(&kept);
        cx.out.warn(&format!("what stood in the place of the record is kept as {shown}"));
    }
    Ok(Exit::OK)
}

fn descriptor(fd: i32) -> Result<OwnedFd> {
    let out = platform::duplicate(fd).map_err(|_| {
        Error::new(Kind::Usage, code::FD_CLOSED, format!("descriptor {fd} is not open"))
            .hint("this verb is for other hasp tools")
    })?;
    if rustix::termios::isatty(&out) {
        return Err(Error::new(Kind::Usage, code::TERMINAL, "keys are not written to a terminal"));
    }
    Ok(out)
}
