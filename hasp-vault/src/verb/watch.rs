//! `watch rebuild`: the fingerprints of all values anew, for the leak watch, which hasp-redact owns.

use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Secret, SecretName};
use hasp_redact::watch::Watch;

use crate::unlocked::Unlocked;
use crate::vault::Vault;

pub fn rebuild(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let names = vault.names()?;
    let unlocked = vault.unlock(cx)?;
    let values = names.iter().flat_map(|name| versions(&unlocked, name));
    let rebuilt = vault.watch().rebuild(&vault.id().to_string(), values)?;
    if cx.out.json {
        let unwatched: Vec<&str> = rebuilt.unwatched.iter().map(|(name, _)| name.as_str()).collect();
        cx.out.object(&serde_json::json!({
            "v": 1, "watched": rebuilt.watched, "unwatched": unwatched, "destroyed": rebuilt.kept,
        }))?;
        return Ok(Exit::OK);
    }
    let also = if rebuilt.kept > 0 { format!(", and {} destroyed ones still", rebuilt.kept) } else { String::new() };
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

/// Every version of a secret that still has a value, opened one at a time.
fn versions(unlocked: &Unlocked, name: &SecretName) -> Vec<Result<(SecretName, u32, Secret)>> {
    let item = match unlocked.vault().item(name) {
        Ok(item) => item,
        Err(e) => return vec![Err(e)],
    };
    let alive = item.versions.iter().filter(|v| v.destroyed.is_none()).map(|v| v.number);
    alive.map(|n| unlocked.value(&item, n).map(|value| (name.clone(), n, value))).collect()
}

impl Vault {
    /// The leak watch of the home, in which the values of every vault have their fingerprints.
    pub fn watch(&self) -> Watch {
        Watch::of(self.home())
    }
}
