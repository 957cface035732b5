//! `passphrase`: a new one for the identity, a first one, or none. The identity is written whole
//! under its new name before the old file goes, so that a crash in between leaves one that opens.

use hasp_audit::{Event, EventKind};
use hasp_core::files;
use hasp_core::terminal::Terminal;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use super::{input, own};
use crate::cli::PassphraseArgs;
use crate::code;
use crate::crypto::age_file;
use crate::open::public;
use crate::open::unlocked::{IDENTITY_LOCKED, IDENTITY_PLAIN, Unlocked};
use crate::open::vault::Vault;

pub fn run(args: &PassphraseArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if own::is_foreign(vault.home(), cx) {
        return own::renew(args, vault, cx);
    }
    let asking = Terminal::open().filter(|_| args.new.is_none() && !args.yes);
    asking.iter().for_each(Terminal::more_follows);
    let unlocked = vault.unlock(cx)?;
    if args.remove {
        confirm(args.yes)?;
        return remove(&unlocked, cx);
    }
    let chosen = input::new_passphrase(args.new.as_deref(), cx)?;
    drop(asking);
    let wrapped = age_file::encrypt_with_passphrase(unlocked.identity().text(), &chosen)?;
    replace(&unlocked, IDENTITY_LOCKED, &wrapped, IDENTITY_PLAIN, "set", cx)?;
    public::note(vault.home(), unlocked.identity())?;
    object("passphrase", cx)?;
    cx.out.note(
        "the identity has its new passphrase; copies of the old file still open with what they had",
    );
    Ok(Exit::OK)
}

fn remove(unlocked: &Unlocked, cx: &mut Context) -> Result<Exit> {
    replace(
        unlocked,
        IDENTITY_PLAIN,
        unlocked.identity().text().expose(),
        IDENTITY_LOCKED,
        "removed",
        cx,
    )?;
    object("in-the-clear", cx)?;
    cx.out.warn("the identity is in the clear now: file permissions are all that protects it");
    Ok(Exit::OK)
}

/// How the identity lies on the disk now.
fn object(identity: &str, cx: &mut Context) -> Result<()> {
    match cx.out.json {
        true => cx.out.object(&serde_json::json!({"v": 1, "identity": identity})),
        false => Ok(()),
    }
}

fn replace(
    unlocked: &Unlocked,
    name: &str,
    content: &[u8],
    other: &str,
    what: &str,
    cx: &Context,
) -> Result<()> {
    let (vault, home) = (unlocked.vault(), unlocked.vault().home());
    vault.log()?.append(cx.now, &[Event::new(EventKind::VaultPassphrase).field("what", what)])?;
    files::replace(&home.join(name), content)?;
    let old = home.join(other);
    match std::fs::remove_file(&old) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", &old, e)),
        _ => files::sync_parent(&old),
    }
}

fn confirm(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "there is no terminal to ask whether to remove the passphrase",
        )
        .hint("say it in advance: hasp-vault passphrase --remove --yes")
    })?;
    if terminal.confirm("Keep the identity in the clear, protected by file permissions only?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"))
}
