//! The change itself: new value files, the record of it, then one journal as the commit point. A
//! crash before the journal leaves the old state, one after it is finished by whoever opens the
//! vault next.

use std::path::PathBuf;

use ed25519_dalek::VerifyingKey;
use hasp_audit::{Event, EventKind, Log, LogId};
use hasp_core::{Error, Kind, Result, Timestamp, files};

use super::reencrypt::{Reencrypt, Renewed};
use crate::code;
use crate::crypto::age_file;
use crate::crypto::keys::{Keys, Roots};
use crate::crypto::recipient::Recipient;
use crate::format::item::Item;
use crate::format::known::Known;
use crate::format::settings::Settings;
use crate::format::signed::{self, Label};
use crate::open::replay::{self, Journal, Repin};
use crate::open::unlocked::Unlocked;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

/// The file of the home's identity with a new pin in it, made by the caller, who has the
/// passphrase.
pub type Repinned<'a> = &'a dyn Fn(&VerifyingKey) -> Result<Option<(String, Vec<u8>)>>;

/// What is to change.
pub enum Change<'a> {
    /// One more recipient; one that is there already has everything encrypted again.
    Add(Recipient),
    /// One recipient less, and a new root.
    Remove(Recipient, Repinned<'a>),
}

/// What was done.
pub struct Outcome {
    /// The vault as it is now.
    pub vault: Vault,
    /// How many secrets there are.
    pub secrets: usize,
    /// How many values were encrypted again.
    pub values: usize,
}

/// What everything is encrypted and signed with from now on.
struct Next {
    recipients: Vec<Recipient>,
    roots: Roots,
    keys: Keys,
    serial: u64,
}

impl Unlocked {
    /// Encrypts everything again for other recipients; recorded as `vault.recipient`.
    ///
    /// # Errors
    /// `[recipient-unknown]`, `[last-own-recipient]`; `[vault-changed]` if somebody else was
    /// faster; the first record or value that does not verify. Nothing is changed then.
    pub fn change_recipients(
        &self,
        change: &Change,
        now: Timestamp,
        progress: &(dyn Fn() + Sync),
    ) -> Result<Outcome> {
        let vault = self.vault();
        let writer = Writer::begin(vault)?;
        let next = self.next(change)?;
        let names = vault.names()?;
        let survey = vault.survey(&names);
        if let Some(fault) = survey.faults.into_iter().next() {
            return Err(fault.hint("look the whole vault over first: hasp-vault fsck"));
        }
        writer.intend_all(names.iter())?;
        let work = Reencrypt {
            from: vault,
            to: vault,
            identities: self.identity().keys(),
            recipients: &next.recipients,
            keys: &next.keys,
            progress,
        };
        let renewed = work.all(survey.items)?;
        let fresh: Vec<PathBuf> = renewed.iter().flat_map(|r| r.fresh(vault)).collect();
        let outcome = self.commit_change(change, &next, renewed, now);
        if outcome.is_err()
            && replay::pending(vault.home(), *vault.id()).is_ok_and(|committed| !committed)
        {
            fresh.iter().for_each(|path| drop(std::fs::remove_file(path)));
        }
        let (secrets, values) = outcome?;
        writer.done()?;
        Ok(Outcome { vault: Vault::open(vault.home(), vault.dir())?, secrets, values })
    }

    fn next(&self, change: &Change) -> Result<Next> {
        let vault = self.vault();
        let mut recipients = vault.settings().recipients.clone();
        let serial = vault.settings().serial.max(vault.seen().highest(signed::VAULT, "")?) + 1;
        let roots = match change {
            Change::Add(new) => {
                if !recipients.contains(new) {
                    recipients.push(new.clone());
                }
                self.roots().copy()?
            }
            Change::Remove(gone, _) => {
                self.refuse_removal(gone)?;
                recipients.retain(|r| r != gone);
                self.roots().with_new()?
            }
        };
        Ok(Next { keys: roots.current(), recipients, roots, serial })
    }

    /// Refuses a removal after which this identity could not open the vault.
    pub(crate) fn refuse_removal(&self, gone: &Recipient) -> Result<()> {
        let all = &self.vault().settings().recipients;
        if !all.contains(gone) {
            return Err(Error::new(
                Kind::Missing,
                code::RECIPIENT_UNKNOWN,
                "that is not a recipient of this vault",
            )
            .hint("see them with: hasp-vault recipients"));
        }
        if all.iter().any(|r| r != gone && self.identity().recipients().contains(r)) {
            return Ok(());
        }
        Err(Error::new(
            Kind::Denied,
            code::LAST_OWN_RECIPIENT,
            "your identity could not open the vault any more: nothing was changed",
        )
        .hint("add another one of yours first: hasp-vault recipients add AGE1..")
        .hint("or let another member remove you"))
    }

    /// Everything up to the commit point and beyond.
    fn commit_change(
        &self,
        change: &Change,
        next: &Next,
        renewed: Vec<Renewed>,
        now: Timestamp,
    ) -> Result<(usize, usize)> {
        let vault = self.vault();
        let (secrets, values) = (renewed.len(), renewed.iter().map(|r| r.stale.len()).sum());
        let mut journal = self.journal(next, renewed)?;
        files::flush_all(vault.dir())?;
        let (what, recipient) = match change {
            Change::Add(new) => ("add", new),
            Change::Remove(gone, _) => ("remove", gone),
        };
        let event = Event::new(EventKind::VaultRecipient)
            .field("what", what)
            .field("recipient", recipient.as_str());
        let event = event.field("secrets", secrets).field("values", values);
        vault.log()?.append(now, std::slice::from_ref(&event))?;
        if let Change::Remove(_, repinned) = change {
            journal.repin = Some(self.repin(next, event, *repinned, now)?);
        }
        journal.commit(vault.home())?;
        Ok((secrets, values))
    }

    fn journal(&self, next: &Next, renewed: Vec<Renewed>) -> Result<Journal> {
        let vault = self.vault();
        let sign = |kind: &str, name: &str, serial, body: &str| {
            Label { vault: *vault.id(), kind, name }
                .sign(serial, body, |m| next.keys.sign_record(m))
        };
        let settings = Settings {
            serial: next.serial,
            record_key: next.keys.record_key(),
            token_key: next.keys.token_key(),
            recipients: next.recipients.clone(),
            ..vault.settings().clone()
        };
        let mut journal = Journal {
            id: *vault.id(),
            dir: vault.dir().to_owned(),
            key: next.keys.record_key(),
            settings: sign(signed::VAULT, "", next.serial, &settings.render()?),
            keys: age_file::encrypt(next.roots.plain(), &next.recipients)?,
            lines: Vec::with_capacity(renewed.len()),
            repin: None,
        };
        for Renewed { mut item, stale } in renewed {
            item.serial = self.serial_after(&item)?;
            let text = sign(signed::ITEM, item.name.as_str(), item.serial, &item.render()?);
            journal.push(item.name, item.serial, text, stale);
        }
        Ok(journal)
    }

    fn serial_after(&self, item: &Item) -> Result<u64> {
        Ok(item.serial.max(self.vault().seen().highest(signed::ITEM, item.name.as_str())?) + 1)
    }

    /// A new log under the new root, whose first record carries the head of the old one, and what
    /// the home pins from now on.
    fn repin(
        &self,
        next: &Next,
        event: Event,
        repinned: Repinned,
        now: Timestamp,
    ) -> Result<Repin> {
        let (vault, key) = (self.vault(), next.keys.record_key());
        let identity = repinned(&key)?;
        let old_head = vault.log()?.head()?.text().trim_end().replace('\n', " ");
        let (log_id, id) = (LogId::random()?, vault.id().to_string());
        let log =
            Log::create(vault.home(), &log_id, next.keys.audit_root(), &id, now, Some(old_head))?;
        log.append(now, &[event])?;
        log.checkpoint(&key, &|m| next.keys.sign_record(m))?;
        let earlier = vault.known().as_earlier();
        let known =
            Known { id: *vault.id(), key, log: log_id, since: now, how: "removal".into(), earlier };
        Ok(Repin { known, identity })
    }
}
