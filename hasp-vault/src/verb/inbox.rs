//! `inbox`, `accept`, `reject`: a deposit is shown before it is stored, and replaces a value only
//! when a person says so.

use hasp_audit::{Event, EventKind};
use hasp_core::terminal::Terminal;
use hasp_core::text::printable;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use super::{input, set};
use crate::cli::{AcceptArgs, RejectArgs};
use crate::code;
use crate::format::item::Item;
use crate::item::inbox::{Deposit, Waiting};
use crate::item::set::{SetOptions, check_value};
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;

/// Digits of an id that are shown.
const SHORT: usize = 12;

pub fn list(names: bool, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let all = vault.waiting()?;
    if all.is_empty() && !cx.out.json {
        cx.out.note("nothing waits");
    }
    for Waiting { id, size, arrived } in &all {
        if names {
            cx.out.line(&id[..SHORT])?;
        } else if cx.out.json {
            cx.out.object(
                &serde_json::json!({"v": 1, "deposit": id, "size": size, "arrived": arrived}),
            )?;
        } else {
            cx.out.line(&format!("{}  {}  {size:>8} bytes", &id[..SHORT], arrived.local()))?;
        }
    }
    Ok(Exit::OK)
}

pub fn accept(args: &AcceptArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let Some(id) = &args.id else { return accept_all(vault, cx) };
    let waiting = vault.find_waiting(id)?;
    // Echo stays off from the passphrase to the question.
    let asking = Terminal::open().filter(|_| !args.yes);
    asking.iter().for_each(Terminal::more_follows);
    let unlocked = vault.unlock(cx)?;
    let (deposit, before) = look(&waiting, &unlocked)?;
    let line = describe(&waiting, &deposit, before.as_ref());
    cx.out.note(&line);
    if before.is_some_and(|b| replaces(&b, &deposit, &unlocked)) && !args.yes {
        confirm(&line)?;
    }
    drop(asking);
    store(&waiting, &deposit, &unlocked, cx)?;
    Ok(Exit::OK)
}

/// What would replace a value waits on: nobody has looked at it.
fn accept_all(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let all = vault.waiting()?;
    let unlocked = vault.unlock(cx)?;
    let mut left = 0;
    for waiting in &all {
        let opened = look(waiting, &unlocked);
        let refused = match &opened {
            Ok((deposit, before)) => {
                before.as_ref().is_some_and(|b| replaces(b, deposit, &unlocked))
            }
            Err(_) => true,
        };
        match opened {
            Ok((deposit, before)) if refused => {
                cx.out.warn(&format!("left: {}", describe(waiting, &deposit, before.as_ref())))
            }
            Ok((deposit, _)) => store(waiting, &deposit, &unlocked, cx)?,
            Err(error) => cx.out.warn(&error.to_string()),
        }
        left += usize::from(refused);
    }
    if left == 0 {
        return Ok(Exit::OK);
    }
    cx.out.note(&format!("{left} left; look at each with: hasp-vault accept ID"));
    Ok(Exit::NO)
}

pub fn reject(args: &RejectArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let waiting = vault.find_waiting(&args.id)?;
    vault.log()?.append(
        cx.now,
        &[Event::new(EventKind::VaultReject).field("deposit", waiting.id.as_str())],
    )?;
    vault.discard(&waiting)?;
    if cx.out.json {
        cx.out.object(&serde_json::json!({"v": 1, "deposit": waiting.id, "state": "rejected"}))?;
    }
    cx.out.note(&format!("{} is gone", &waiting.id[..SHORT]));
    Ok(Exit::OK)
}

fn look(waiting: &Waiting, unlocked: &Unlocked) -> Result<(Deposit, Option<Item>)> {
    let deposit = unlocked.open_deposit(waiting)?;
    check_value(&deposit.value)?;
    let before = unlocked.vault().item_if_present(&deposit.slip.name)?;
    Ok((deposit, before))
}

fn describe(waiting: &Waiting, deposit: &Deposit, before: Option<&Item>) -> String {
    let replaced = match before {
        Some(item) if item.current > 0 => {
            format!("would replace version {} of {}", item.current, item.name)
        }
        _ => "replaces nothing".to_owned(),
    };
    let (name, by, at) =
        (&deposit.slip.name, printable(deposit.slip.by.as_bytes()), deposit.slip.at.local());
    format!(
        "{}: {name}, {} bytes, says to be from {by} at {at}; {replaced}",
        &waiting.id[..SHORT],
        deposit.value.len()
    )
}

/// The value that is there already replaces nothing: a crash after storing leaves such a deposit.
fn replaces(before: &Item, deposit: &Deposit, unlocked: &Unlocked) -> bool {
    before.current_version().is_some_and(|v| v.fp != unlocked.fingerprint(&deposit.value))
}

fn confirm(line: &str) -> Result<()> {
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "it would replace a value, and there is no terminal to ask",
        )
        .hint("say it in advance: hasp-vault accept ID --yes")
    })?;
    if terminal.confirm(&format!("{line}\nStore it?"))? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"))
}

fn store(
    waiting: &Waiting,
    deposit: &Deposit,
    unlocked: &Unlocked,
    cx: &mut Context,
) -> Result<()> {
    let name = &deposit.slip.name;
    let accepted = Event::new(EventKind::VaultAccept)
        .field("secret", name.as_str())
        .field("deposit", waiting.id.as_str());
    unlocked.vault().log()?.append(cx.now, &[accepted.field("by", deposit.slip.by.as_str())])?;
    let item = unlocked.set(name, &deposit.value, &SetOptions::default(), cx.now)?;
    unlocked.vault().discard(waiting)?;
    input::warn_if_short(name, &deposit.value, cx);
    set::report(&item, cx)
}
