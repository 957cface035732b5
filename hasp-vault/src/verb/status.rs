//! `status`: which vault this is, where it lies and what verifies it; needs no unlock.

use hasp_core::Result;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};

use crate::format::public_key;
use crate::unlocked::{IDENTITY_LOCKED, IDENTITY_PLAIN};
use crate::vault::Vault;

pub fn run(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let identity = identity(vault, cx);
    let secrets = vault.names()?.len();
    let recipients: Vec<&str> = vault.settings().recipients.iter().map(|r| r.as_str()).collect();
    let key = public_key::encode(vault.record_key());
    let known = vault.known();
    if cx.out.json {
        cx.out.object(&serde_json::json!({
            "v": 1, "vault": vault.id(), "dir": printable_path(vault.dir()), "home": printable_path(vault.home().root()),
            "log": vault.log_id(), "public_key": key, "identity": identity, "recipients": recipients, "secrets": secrets,
            "since": known.since, "how": known.how,
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
    Ok(Exit::OK)
}

fn identity(vault: &Vault, cx: &Context) -> &'static str {
    let there = |name| vault.home().join(name).symlink_metadata().is_ok();
    if cx.env.get("HASP_IDENTITY").is_some() {
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
