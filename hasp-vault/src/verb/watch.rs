//! `watch rebuild`: the fingerprints of all values again, for the leak watch, which hasp-redact
//! owns.

use std::cell::RefCell;
use std::ffi::OsString;

use hasp_audit::{Event, EventKind};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Secret, SecretName};
use hasp_redact::{Hook, NOT_OPENED, Watch};

use crate::cli::WatchVerb;
use crate::code;
use crate::format::events;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;

/// What the verb says, with the vault or why there is none.
pub fn run(verb: &WatchVerb, vault: Result<Vault>, cx: &mut Context) -> Result<Exit> {
    match verb {
        WatchVerb::Rebuild => rebuild(&vault?, cx),
        WatchVerb::Look { hook, words } => look(vault, *hook, words, cx),
    }
}

fn rebuild(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let names = vault.names()?;
    let unlocked = vault.unlock(cx)?;
    let events = RefCell::new(Vec::new());
    let values = names.iter().flat_map(|name| versions(&unlocked, name, &events));
    let rebuilt = vault.watch().rebuild(&vault.id().to_string(), values)?;
    vault.log()?.append(cx.now, &events.into_inner())?;
    if cx.out.json {
        let unwatched: Vec<&str> =
            rebuilt.unwatched.iter().map(|(name, _)| name.as_str()).collect();
        cx.out.object(&serde_json::json!({
            "v": 1, "watched": rebuilt.watched, "unwatched": unwatched, "destroyed": rebuilt.kept,
        }))?;
        return Ok(Exit::OK);
    }
    let also = if rebuilt.kept > 0 {
        format!(", and {} destroyed ones still", rebuilt.kept)
    } else {
        String::new()
    };
    let values = match rebuilt.watched {
        1 => "1 value is".to_owned(),
        count => format!("{count} values are"),
    };
    cx.out.note(&format!("{values} watched{also}"));
    for (name, reason) in rebuilt.unwatched {
        cx.out.note(&format!("{name} is not: {reason}"));
    }
    Ok(Exit::OK)
}

/// Looks, for a hook of hasp-redact, for the values that have no fingerprints. They stay in this
/// process, which nobody is asked for: where the vault does not open without a question, or is
/// none, that is an end of its own and not a word.
fn look(vault: Result<Vault>, hook: Hook, words: &[OsString], cx: &mut Context) -> Result<Exit> {
    let opened = vault.and_then(|vault| vault.unlock_for_keys(cx));
    let Ok(unlocked) = opened else { return Ok(Exit(NOT_OPENED)) };
    let (vault, mut values) = (unlocked.vault(), Vec::new());
    for (name, version) in vault.watch().unwatched_of(&vault.id().to_string())? {
        let item = match vault.item(&name) {
            // Destroyed and forgotten: there is nothing left to look with.
            Err(e) if e.code() == code::SECRET_UNKNOWN => continue,
            item => item?,
        };
        if item.version(version).is_ok_and(|v| v.destroyed.is_none()) {
            values.push((name.to_string(), unlocked.value(&item, version)?));
        }
    }
    hasp_redact::look_for(&values, hook, words, cx)
}

/// Every version of a secret that still has a value, opened one at a time; and an event for each
/// that has parts, so that the record knows those of values that were stored elsewhere or before
/// there was such a record.
fn versions(
    unlocked: &Unlocked,
    name: &SecretName,
    events: &RefCell<Vec<Event>>,
) -> Vec<Result<(SecretName, u32, Secret)>> {
    let mut item = match unlocked.vault().item(name) {
        Ok(item) => item,
        Err(e) => return vec![Err(e)],
    };
    let alive: Vec<u32> =
        item.versions.iter().filter(|v| v.destroyed.is_none()).map(|v| v.number).collect();
    let mut one = |n: u32| {
        let value = unlocked.value(&item, n)?;
        let parts = unlocked.part_fingerprints(&value)?;
        if let Some(version) =
            item.versions.iter_mut().find(|v| v.number == n).filter(|_| !parts.is_empty())
        {
            version.parts = parts;
            events.borrow_mut().push(events::of_version(EventKind::VaultParts, &item, n));
        }
        Ok((name.clone(), n, value))
    };
    alive.into_iter().map(&mut one).collect()
}

impl Vault {
    /// The leak watch of the home, in which the values of every vault have their fingerprints.
    pub fn watch(&self) -> Watch {
        Watch::of(self.home())
    }
}
