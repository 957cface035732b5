//! How a grant ended, for whoever comes with it later: when, why, by whom as far as the vault
//! knows, and what to type.

use hasp_core::{Error, GrantId, Timestamp};
use hasp_vault::Vault;

use crate::ledger::Ledger;
use crate::ledger::tombstone::{Tombstone, Why};
use crate::token::claims::Terms;

/// A grant whose tombstone tells of it.
pub struct EndedGrant {
    /// Which.
    pub id: GrantId,
    /// What it granted.
    pub terms: Terms,
    /// How it ended.
    pub tombstone: Tombstone,
}

impl EndedGrant {
    /// This grant, if it has ended and its tombstone tells of it.
    pub fn of(ledger: &Ledger, id: GrantId) -> Option<EndedGrant> {
        let tombstone = ledger.tombstone(&id).filter(|_| !ledger.has(&id).unwrap_or(false))?;
        Some(EndedGrant { terms: tombstone.terms()?, id, tombstone })
    }

    /// The last that ended of those that fit.
    pub fn last(ledgers: &[Ledger], fits: impl Fn(&EndedGrant) -> bool) -> Option<EndedGrant> {
        let ids = |ledger: &Ledger| ledger.tombs().unwrap_or_default();
        let told =
            ledgers.iter().flat_map(|ledger| ids(ledger).into_iter().map(move |id| (ledger, id)));
        let ended = told.filter_map(|(ledger, id)| EndedGrant::of(ledger, id));
        ended.filter(fits).max_by_key(|grant| grant.tombstone.at)
    }

    /// When and why, in a sentence without its subject.
    pub fn phrase(&self, vault: &Vault, now: Timestamp) -> String {
        let told = with_the_secret(&self.tombstone, vault, now);
        self.tombstone.phrase() + &told.map(|text| format!("; {text}")).unwrap_or_default()
    }
}

/// The same denial with what the vault knows of the secret that the grant was revoked with.
pub fn told(error: Error, ledger: &Ledger, id: &GrantId, vault: &Vault, now: Timestamp) -> Error {
    let tombstone = ledger.tombstone(id);
    match tombstone.and_then(|tombstone| with_the_secret(&tombstone, vault, now)) {
        Some(text) => {
            Error::new(error.kind(), error.code(), format!("{}; {text}", error.message()))
        }
        None => error,
    }
}

/// Who revoked the secret, when, and the text: as the vault says it to whoever would mint.
fn with_the_secret(tombstone: &Tombstone, vault: &Vault, now: Timestamp) -> Option<String> {
    let Why::Secret(name) = &tombstone.why else { return None };
    let item = vault.item(&name.parse().ok()?);
    let refused = item.and_then(|item| item.deliverable(now).map(drop)).err()?;
    Some(refused.message().to_owned())
}
