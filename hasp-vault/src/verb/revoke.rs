//! `revoke`: the grants end first, which needs no keys, so that a forgotten passphrase delays
//! nothing.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, SecretName};

use super::grants;
use crate::cli::RevokeArgs;
use crate::item::revoke::Revoked;
use crate::open::vault::Vault;

pub fn run(args: &RevokeArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let names: Vec<SecretName> = args.names.iter().map(|n| n.parse()).collect::<Result<_>>()?;
    names.iter().try_for_each(|n| vault.item(n).map(drop))?;
    let given = args.reason.as_deref().unwrap_or_default();
    let reason = [given, &format!("(by {})", who(cx))].join(" ").trim_start().to_owned();
    let ended = grants::end(&names, cx);
    let unlocked = vault.unlock(cx)?;
    let mut unrecorded = None;
    for name in &names {
        let Revoked { item, unrecorded: failed } = unlocked.revoke(name, &reason, cx.now)?;
        unrecorded = unrecorded.or(failed);
        if cx.out.json {
            cx.out.object(
                &serde_json::json!({"v": 1, "secret": name, "state": item.state_word(cx.now)}),
            )?;
        } else {
            cx.out.note(&format!(
                "{name} is revoked; it is still good at the provider until it is changed there"
            ));
        }
    }
    grants::note_shared(vault, cx);
    // Where the record is gone hasp-grant has failed for the same reason, after ending the grants.
    unrecorded.map_or(Ok(()), |error| Err(not_on_record(&error)))?;
    ended.map(|()| Exit::OK)
}

/// The status must not say that all is well: whoever asks the record later finds nothing there.
fn not_on_record(error: &Error) -> Error {
    let message = format!("it is done, and not on record: {}", error.message());
    let told = Error::new(error.kind(), error.code(), message);
    told.hints_of(error).hint("see which grants are left: hasp-grant list")
}

/// Who types, for whoever is refused later.
fn who(cx: &Context) -> String {
    let named = cx
        .env
        .get("USER")
        .or_else(|| cx.env.get("LOGNAME"))
        .map(|u| u.to_string_lossy().into_owned());
    named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}
