//! `status`: which vault this is, where it lies and what verifies it; needs no unlock.

use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Result, Var};

use crate::format::item::Item;
use crate::format::public_key;
use crate::format::rotation::Rotation;
use crate::open::unlocked::{IDENTITY_LOCKED, IDENTITY_PLAIN};
use crate::open::vault::Vault;

pub fn run(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let identity = identity(vault, cx);
    let survey = vault.survey_unverified("")?;
    let secrets = survey.items.len() + survey.faults.len();
    let rotating: Vec<&Item> = survey.items.iter().filter(|i| i.rotation.is_some()).collect();
    let retiring: Vec<String> = survey.items.iter().flat_map(waiting).collect();
    let recipients: Vec<&str> = vault.settings().recipients.iter().map(|r| r.as_str()).collect();
    let key = public_key::encode(vault.record_key());
    let known = vault.known();
    if cx.out.json {
        cx.out.object(&serde_json::json!({
            "v": 1, "vault": vault.id(), "dir": printable_path(vault.dir()),
            "home": printable_path(vault.home().root()),
            "log": vault.log_id(), "public_key": key, "identity": identity,
            "recipients": recipients, "secrets": secrets,
            "since": known.since, "how": known.how,
            "rotating": rotating.iter().map(|i| &i.name).collect::<Vec<_>>(),
            "retiring": retiring,
        }))?;
        return Ok(Exit::OK);
    }
    let lines = [
        ("vault", vault.id().to_string()),
        ("directory", printable_path(vault.dir())),
        ("home", printable_path(vault.home().root())),
        ("public key", format!("{key} (pinned by {} on {})", known.how, known.since.local())),
        ("log", vault.log_id().to_string()),
        ("identity", identity.to_owned()),
        ("recipients", recipients.join(", ")),
        ("secrets", secrets.to_string()),
    ];
    lines.iter().try_for_each(|(label, text)| cx.out.line(&format!("{label:11} {text}")))?;
    for item in rotating {
        let how = item.rotation.as_ref().map(Rotation::describe).unwrap_or_default();
        cx.out.line(&format!(
            "rotating    {}: {how}; finish it with: hasp-vault rotate {} --resume",
            item.name, item.name
        ))?;
    }
    retiring.iter().try_for_each(|version| cx.out.line(&format!("to retire   {version}")))?;
    Ok(Exit::OK)
}

/// Old versions that wait to be taken back, as `NAME@N`.
fn waiting(item: &Item) -> Vec<String> {
    let waiting = item.versions.iter().filter(|v| v.retiring.is_some());
    waiting.map(|v| format!("{}@{}", item.name, v.number)).collect()
}

fn identity(vault: &Vault, cx: &Context) -> &'static str {
    let there = |name| vault.home().join(name).symlink_metadata().is_ok();
    if cx.env.var(Var::Identity).is_some() {
        "from HASP_IDENTITY"
    } else if there(IDENTITY_LOCKED) && there(IDENTITY_PLAIN) {
        // A crash while the passphrase was changed.
        "passphrase, and in the clear too: finish with hasp-vault passphrase"
    } else if there(IDENTITY_LOCKED) {
        "passphrase"
    } else if there(IDENTITY_PLAIN) {
        "plain"
    } else {
        "none"
    }
}
