//! An identity of the home's own, after one from elsewhere (a recovery key, a copy) opened the
//! vault: taken over if it is the operator's, or made again by `passphrase`. What it replaces is
//! kept, since other things may be encrypted to it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hasp_audit::{Event, EventKind};
use hasp_core::files::{self, Guard};
use hasp_core::terminal::Terminal;
use hasp_core::text::{printable_path, shell_word};
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Home, Kind, Result, Secret, Source, Var, VaultId, lead};

use super::{input, recipients};
use crate::cli::PassphraseArgs;
use crate::code;
use crate::crypto::age_file;
use crate::crypto::recipient::Recipient;
use crate::format::known;
use crate::item::revoke::remove;
use crate::open::identity::{self, Identity};
use crate::open::public;
use crate::open::unlocked::{IDENTITY_LOCKED, IDENTITY_PLAIN};
use crate::open::vault::Vault;
use crate::recipients::Change;
use crate::recipients::pin::{self, Keeper};

/// The new identity before everything is encrypted to it.
const STAGED: &str = "identity.new";

/// Whether `HASP_IDENTITY` names an identity that is not the home's own file.
pub fn is_foreign(home: &Home, cx: &Context) -> bool {
    let Some(word) = cx.env.var(Var::Identity) else { return false };
    let Ok(Source::Path(path)) = Source::parse(word) else { return true };
    let own = |name: &&str| {
        home.join(name).canonicalize().is_ok_and(|own| path.canonicalize().is_ok_and(|p| p == own))
    };
    ![IDENTITY_LOCKED, IDENTITY_PLAIN].iter().any(own)
}

/// Takes the identity that opened a vault into a home that has none, if it is the operator's own:
/// as it was, under its passphrase if it had one. A bare key may be one for paper, which must not
/// lie on a disk because it was used once.
pub fn take_over(
    home: &Home,
    identity: &Identity,
    keeper: &Keeper,
    id: VaultId,
    cx: &mut Context,
) -> Result<()> {
    if lead::has_identity(home.root()) {
        return Ok(());
    }
    let Some((name, content)) = keeper.own_file(identity, id)? else {
        let word = named(cx.env.var(Var::Identity));
        cx.out.note(
            "the identity that HASP_IDENTITY names stays where it is, and this home has none \
             of its own yet",
        );
        cx.out.note(&format!("to make one: HASP_IDENTITY={word} hasp-vault passphrase"));
        return Ok(());
    };
    files::create(&home.join(name), &content)?;
    cx.out.note(&format!("the identity is in this home now: {}", printable_path(&home.join(name))));
    if name == IDENTITY_PLAIN {
        cx.out.warn(
            "it has no passphrase: file permissions are all that protects it; give it one: \
             hasp-vault passphrase",
        );
    }
    Ok(())
}

/// A word that names the same source again, where that is possible.
fn named(word: Option<&OsStr>) -> String {
    match word.map(Source::parse) {
        Some(Ok(Source::Path(path))) => {
            shell_word(std::path::absolute(&path).unwrap_or(path).as_os_str())
        }
        _ => "FILE".to_owned(),
    }
}

/// `passphrase` with an identity from elsewhere: this home gets a new identity, and everything is
/// encrypted to that one too.
pub fn renew(args: &PassphraseArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    agree(args.yes)?;
    let home = vault.home();
    let (opened, _) = pin::open(home, cx)?;
    let unlocked = vault.unlock_opened(opened, cx)?;
    let fresh = Identity::generate(*vault.id(), vault.record_key(), cx.now)?;
    let recipient = fresh
        .recipients()
        .first()
        .cloned()
        .ok_or_else(|| Error::bug("a new identity has no recipient"))?;
    let (name, content) = file_of(args, &fresh, cx)?;
    // On disk before anything is encrypted to it.
    files::replace(&home.join(STAGED), &content)?;
    let outcome = recipients::change(&unlocked, &Change::Add(recipient.clone()), cx)
        .inspect_err(|_| drop(std::fs::remove_file(home.join(STAGED))))?;
    let replaced = Event::new(EventKind::VaultPassphrase)
        .field("what", "replaced")
        .field("recipient", recipient.as_str());
    outcome.vault.log()?.append(cx.now, &[replaced])?;
    let kept = install(home, name, &content, cx)?;
    public::note(home, &fresh)?;
    recipients::report(&outcome, &recipient, "added", cx)?;
    tell(unlocked.identity().recipients(), &recipient, &kept, &outcome.vault, cx)?;
    Ok(Exit::OK)
}

fn file_of(
    args: &PassphraseArgs,
    fresh: &Identity,
    cx: &mut Context,
) -> Result<(&'static str, Vec<u8>)> {
    if args.remove {
        return Ok((IDENTITY_PLAIN, fresh.text().expose().to_vec()));
    }
    let chosen = input::new_passphrase(args.new.as_deref(), cx)?;
    Ok((IDENTITY_LOCKED, age_file::encrypt_with_passphrase(fresh.text(), &chosen)?))
}

/// Puts a new identity in its place; whatever was there is kept under another name, never removed.
pub fn install(home: &Home, name: &str, content: &[u8], cx: &Context) -> Result<Vec<PathBuf>> {
    let staged = home.join(STAGED);
    files::replace(&staged, content)?;
    let mut kept = Vec::new();
    let old = [IDENTITY_LOCKED, IDENTITY_PLAIN].map(|n| home.join(n));
    // Copied first: whenever this ends, the home has one identity or the other.
    for path in old.iter().filter(|p| p.symlink_metadata().is_ok()) {
        let aside = free_name(path, cx);
        let text = Secret::read_from(&mut files::open(path, Guard::Private)?, identity::MAX_TEXT)?;
        files::create(&aside, text.expose())?;
        kept.push(aside);
    }
    let path = home.join(name);
    std::fs::rename(&staged, &path).map_err(|e| Error::io("move", &path, e))?;
    old.into_iter().filter(|p| *p != path).try_for_each(remove)?;
    files::sync_parent(&path)?;
    Ok(kept)
}

/// That the identity before is still there.
pub fn kept(path: &Path) -> String {
    format!(
        "the identity before is kept as {}: other things may be encrypted to it",
        printable_path(path)
    )
}

fn free_name(old: &Path, cx: &Context) -> PathBuf {
    let name = old.file_name().unwrap_or_default().to_string_lossy();
    let named = |n: u32| {
        old.with_file_name(format!("{name}.old-{}-{n}", cx.now.to_string().get(..10).unwrap_or("")))
    };
    (1..).map(named).find(|path| path.symlink_metadata().is_err()).unwrap_or_else(|| named(0))
}

fn tell(
    used: &[Recipient],
    own: &Recipient,
    kept: &[PathBuf],
    vault: &Vault,
    cx: &mut Context,
) -> Result<()> {
    cx.out.note(&format!(
        "this home has a new identity, {own}; from now on without HASP_IDENTITY: unset \
         HASP_IDENTITY"
    ));
    kept.iter().for_each(|path| cx.out.note(&self::kept(path)));
    let rest: Vec<&Recipient> =
        vault.settings().recipients.iter().filter(|r| *r != own && !used.contains(r)).collect();
    match rest[..] {
        [] => {}
        [lost] => cx.out.note(&format!(
            "if nobody needs the lost one any more: hasp-vault recipients remove {lost}"
        )),
        _ => cx.out.note(
            "if nobody needs the lost one any more: hasp-vault recipients, then hasp-vault \
             recipients remove AGE1..",
        ),
    }
    let others = known::load(vault.home())?.iter().filter(|k| k.id != *vault.id()).count();
    if others > 0 {
        cx.out.warn(&format!(
            "this home knows {others} more vaults, which are not encrypted to it: add it to \
             each: hasp-vault recipients add {own}"
        ));
    }
    Ok(())
}

fn agree(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        let message = "there is no terminal to ask whether this home shall get a new identity";
        Error::new(Kind::Locked, code::NO_TERMINAL, message)
            .hint("say it in advance: hasp-vault passphrase --yes --new SRC")
            .hint("or, to change the passphrase of the identity that is here: unset HASP_IDENTITY")
    })?;
    terminal.show(
        "HASP_IDENTITY opens the vault in place of this home's identity. This home gets a new one \
         with a passphrase of its own, and everything\n\
         is encrypted to it too. The identity that is here now is kept under another name.\n",
    )?;
    if terminal.confirm("Make a new identity for this home?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"))
}
