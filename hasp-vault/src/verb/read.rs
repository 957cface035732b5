//! `get` and `reveal`: a value leaves the vault only after the record of it is durable.

use hasp_audit::EventKind;
use hasp_core::text::printable;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result, Secret, VersionedName};

use crate::asker::asker;
use crate::cli::{GetArgs, RevealArgs};
use crate::code;
use crate::format::events;
use crate::format::item::Item;
use crate::open::vault::Vault;

/// The age file as it lies in the vault, checked against the signed record; needs no unlock.
pub fn get(args: &GetArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let wanted: VersionedName = args.name.parse()?;
    if cx.out.stdout_is_terminal() {
        return Err(Error::new(
            Kind::Usage,
            code::TERMINAL,
            "ciphertext is not written to a terminal",
        )
        .hint(format!("hasp-vault get {} | age -d -i IDENTITY", args.name))
        .hint(format!("to see the value: hasp-vault reveal {}", args.name)));
    }
    let (item, number) = find(&wanted, vault)?;
    let version = item.version(number)?;
    let file = vault.value_file(&item.name, &version.file, &version.sha256)?;
    record(EventKind::VaultGet, &item, number, vault, cx)?;
    cx.out.data(&file)?;
    Ok(Exit::OK)
}

/// The value in the clear.
pub fn reveal(args: &RevealArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let wanted: VersionedName = args.name.parse()?;
    if !args.force && !cx.out.stdout_is_terminal() {
        return Err(Error::new(
            Kind::Denied,
            code::NOT_A_TERMINAL,
            "a value is shown on a terminal only",
        )
        .hint(format!(
            "let a command have it: hasp-grant -x -e VARIABLE={} -- COMMAND",
            wanted.name
        ))
        .hint(format!(
            "or write it in the clear all the same: hasp-vault reveal {} --force",
            args.name
        )));
    }
    let (item, number) = find(&wanted, vault)?;
    item.version(number)?;
    let value = vault.unlock(cx)?.value(&item, number)?;
    record(EventKind::VaultReveal, &item, number, vault, cx)?;
    warn_if_not_deliverable(&item, cx);
    show(&value, cx)?;
    Ok(Exit::OK)
}

fn find(wanted: &VersionedName, vault: &Vault) -> Result<(Item, u32)> {
    let item = vault.item(&wanted.name)?;
    let number = wanted.version.unwrap_or(item.current);
    Ok((item, number))
}

fn record(event: EventKind, item: &Item, number: u32, vault: &Vault, cx: &Context) -> Result<()> {
    let shown = event == EventKind::VaultReveal;
    let event = events::of_version(event, item, number).maybe("asker", shown.then(asker));
    vault.log()?.append(cx.now, &[event]).map(drop)
}

fn warn_if_not_deliverable(item: &Item, cx: &mut Context) {
    if let Err(error) = item.deliverable(cx.now) {
        cx.out.warn(error.message());
    }
}

/// Exactly as it is to a pipe. A terminal gets a newline behind it, and no control characters: a
/// value that holds an escape sequence must not paint over what is shown.
fn show(value: &Secret, cx: &mut Context) -> Result<()> {
    if !cx.out.stdout_is_terminal() {
        return cx.out.value(value.expose());
    }
    let text = std::str::from_utf8(value.expose()).ok();
    let plain = text.is_some_and(|t| {
        t.lines().all(|l| l.replace('\t', "") == printable(l.replace('\t', "").as_bytes()))
    });
    if plain {
        cx.out.value(value.expose())?;
    } else {
        cx.out.warn(
            "the value is not plain text: control characters are shown escaped; --force to a \
             pipe writes it as it is",
        );
        let shown = Secret::from_vec(printable(value.expose()).into_bytes())?;
        cx.out.value(shown.expose())?;
    }
    if value.expose().ends_with(b"\n") && plain { Ok(()) } else { cx.out.value(b"\n") }
}
