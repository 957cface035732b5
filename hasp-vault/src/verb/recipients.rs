//! `recipients`: who can open the vault. A removal ends every grant, asks first, and says what it
//! cannot do.

use hasp_core::terminal::Terminal;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Kind, Result};

use super::{grants, progress, recovery};
use crate::cli::{RecipientsArgs, RecipientsVerb};
use crate::code;
use crate::crypto::recipient::Recipient;
use crate::format::public_key;
use crate::open::public;
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::recipients::{Change, Outcome, pin};

pub fn run(args: &RecipientsArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    match &args.verb {
        None => list(args.names, vault, cx),
        Some(RecipientsVerb::Add { recovery: true, .. }) => add_recovery(vault, cx),
        Some(RecipientsVerb::Add { recipient, .. }) => {
            let new = recipient.join(" ").parse()?;
            add(&new, &vault.unlock(cx)?, cx)
        }
        Some(RecipientsVerb::Remove { recipient, yes }) => {
            remove(&recipient.join(" ").parse()?, *yes, vault, cx)
        }
    }
}

fn list(names: bool, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let own = own(vault, cx);
    for recipient in &vault.settings().recipients {
        let yours = own.iter().any(|o| o == recipient.as_str());
        if names {
            cx.out.line(recipient.as_str())?;
        } else if cx.out.json {
            cx.out.object(&serde_json::json!({"v": 1, "recipient": recipient.as_str(),
            "kind": recipient.kind(), "own": yours}))?;
        } else {
            let kind = recipient.kind();
            // For a program the recipient alone, as age takes it.
            cx.out.line(&match (cx.out.stdout_is_terminal(), yours) {
                (false, _) => recipient.to_string(),
                (true, false) => format!("{recipient}  {kind}"),
                (true, true) => format!("{recipient}  {kind}, yours"),
            })?;
        }
    }
    Ok(Exit::OK)
}

/// The recipients of the identity here, as far as they are known without asking for anything.
fn own(vault: &Vault, cx: &Context) -> Vec<String> {
    if cx.env.var(hasp_core::Var::Identity).is_some() {
        return Vec::new();
    }
    public::recipients(vault.home()).unwrap_or_default()
}

/// The vault is opened first: a key that was written down and then not added would be worse than
/// none.
fn add_recovery(vault: &Vault, cx: &mut Context) -> Result<Exit> {
    let unlocked = vault.unlock(cx)?;
    let new = recovery::make("recipients add")?;
    add(&new, &unlocked, cx)?;
    cx.out.note(
        "if it replaces one that was lost: hasp-vault recipients, then hasp-vault recipients \
         remove AGE1..",
    );
    Ok(Exit::OK)
}

fn add(new: &Recipient, unlocked: &Unlocked, cx: &mut Context) -> Result<Exit> {
    if unlocked.vault().settings().recipients.contains(new) {
        cx.out.note(
            "that is a recipient already: everything is encrypted again, for whoever missed it",
        );
    }
    let outcome = change(unlocked, &Change::Add(new.clone()), cx)?;
    match grants::count_of(unlocked.vault(), cx) {
        0 => {}
        1 => cx.out.note("the one grant that there is is refused from now on: mint it again"),
        count => cx.out.note(&format!(
            "the {count} grants that there are are refused from now on: mint them again"
        )),
    }
    report(&outcome, new, "added", cx)
}

fn remove(gone: &Recipient, yes: bool, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if !vault.settings().recipients.contains(gone) {
        return Err(Error::new(
            Kind::Missing,
            code::RECIPIENT_UNKNOWN,
            "that is not a recipient of this vault",
        )
        .hint("see them with: hasp-vault recipients"));
    }
    // Echo stays off from the question to the passphrase.
    let asking = Terminal::open();
    confirm(yes)?;
    let (identity, keeper) = pin::open(vault.home(), cx)?;
    drop(asking);
    keeper.refuse_foreign(&identity, vault.home(), *vault.id())?;
    let unlocked = vault.unlock_opened(identity, cx)?;
    unlocked.refuse_removal(gone)?;
    // Before anything is changed: it needs no keys, and what it does not reach is refused by the
    // new key anyway.
    let ended = grants::end_all(cx);
    let repinned =
        |key: &ed25519_dalek::VerifyingKey| keeper.repinned(unlocked.identity(), *vault.id(), key);
    let outcome = change(&unlocked, &Change::Remove(gone.clone(), &repinned), cx)?;
    report(&outcome, gone, "removed", cx)?;
    let key = public_key::encode(outcome.vault.record_key());
    cx.out.note(
        "whoever was removed keeps what he has read, his copy and the grants on his machine: \
         rotate every value that he could open, at the provider too; the record is this machine's",
    );
    cx.out.note(&format!(
        "the vault has the key {key} now; every other member joins again: hasp-vault join DIR \
         --key {key}"
    ));
    cx.out.note("projects consent again: hasp-bind");
    ended.map(|()| Exit::OK)
}

pub(super) fn change(unlocked: &Unlocked, change: &Change, cx: &Context) -> Result<Outcome> {
    let total = unlocked.vault().names()?.len();
    let bar = progress::bar(total, "secrets encrypted again", cx);
    let outcome = unlocked.change_recipients(change, cx.now, &|| bar.inc(1));
    bar.finish_and_clear();
    outcome
}

pub(super) fn report(
    outcome: &Outcome,
    recipient: &Recipient,
    what: &str,
    cx: &mut Context,
) -> Result<Exit> {
    let Outcome { vault, secrets, values } = outcome;
    if cx.out.json {
        cx.out.object(&serde_json::json!({
            "v": 1, what: recipient.as_str(), "secrets": secrets, "values": values,
            "public_key": public_key::encode(vault.record_key()), "log": vault.log_id(),
        }))?;
    } else {
        cx.out.note(&format!("{what}: {values} values of {secrets} secrets are encrypted again"));
    }
    let waiting = vault.waiting()?.len();
    if waiting > 0 {
        cx.out
            .warn(&format!("{waiting} deposits wait, encrypted as before: accept or reject them"));
    }
    Ok(Exit::OK)
}

fn confirm(yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "there is no terminal to ask whether to remove the recipient",
        )
        .hint("say it in advance: hasp-vault recipients remove AGE1.. --yes")
    })?;
    terminal.show(
        "Everything is encrypted again under a new key. All grants end, projects consent again, \
         and every other member joins again.\n\
         It takes nothing back: whoever is removed keeps what he has read, and the old files \
         wherever they were copied.\n",
    )?;
    if terminal.confirm("Remove the recipient?")? {
        return Ok(());
    }
    Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"))
}
