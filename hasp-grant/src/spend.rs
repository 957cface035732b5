//! From a verified grant to its values, one step at a time and each only from the one before: spent under the lock, opened in this
//! process, and let out only when the start is durably on record. A crash in between burns a use; it never doubles one.

use hasp_audit::{Event, Log};
use hasp_core::{Error, Result, Secret, Timestamp};
use hasp_redact::{Pattern, Patterns};
use hasp_target::Delivery;
use hasp_vault::{FileKey, Vault};

use crate::check::VerifiedGrant;
use crate::claims::Granted;
use crate::ledger::Ledger;
use crate::seal::{self, Half};

/// A grant of which one use is gone.
pub struct SpentGrant {
    grant: VerifiedGrant,
    ledger_half: Half,
}

/// A spent grant whose values are open in this process and nowhere else.
pub struct HeldGrant {
    opened: Vec<Opened>,
}

/// Values that may leave the process: their start is durably on record.
pub struct Released {
    /// The number of the start's record.
    pub record: u64,
    /// One value for each delivery.
    pub opened: Vec<Opened>,
}

/// A value, open, and how it was approved to reach the child.
#[derive(Debug)]
pub struct Opened {
    /// How it goes.
    pub delivery: Delivery,
    /// Which version it is.
    pub granted: Granted,
    /// The value.
    pub value: Secret,
}

impl VerifiedGrant {
    /// Spends one use under the lock that `revoke` also takes.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]` if that happened since the checks; `[busy]` after 10 s.
    pub fn spend(self, ledger: &Ledger) -> Result<SpentGrant> {
        let ledger_half = ledger.lock()?.spend(&self.vault, &self.claims.terms)?;
        Ok(SpentGrant { grant: self, ledger_half })
    }
}

impl SpentGrant {
    /// Opens the granted versions, one value for each delivery. They stay in here until they are on record.
    ///
    /// # Errors
    /// `[seal]` if the halves do not fit; `[tampered]` if a value file is not the granted one.
    pub fn open(self, vault: &Vault) -> Result<HeldGrant> {
        let claims = &self.grant.claims;
        let id = &claims.terms.jti;
        let keys = seal::open(&claims.seal, &claims.half, &self.ledger_half, &self.grant.vault, id)?;
        if keys.len() != claims.terms.items.len() {
            return Err(seal::refused());
        }
        let deliveries = &claims.terms.action.deliveries;
        let mut opened = Vec::with_capacity(deliveries.len());
        for (granted, key) in claims.terms.items.iter().zip(keys) {
            let key = FileKey::from_bytes(*key);
            for delivery in deliveries.iter().filter(|d| d.reference == granted.reference) {
                let value = vault.open_value(&granted.name, &granted.file, &granted.sha256, &key)?;
                opened.push(Opened { delivery: delivery.clone(), granted: granted.clone(), value });
            }
        }
        Ok(HeldGrant { opened })
    }
}

/// What to look at when the record cannot be written.
pub fn nothing_released(error: Error) -> Error {
    error.hint("nothing was released; look at the record's disk and permissions: df \"$HASP_HOME\"; ls -lR \"$HASP_HOME/audit\"")
}

impl HeldGrant {
    /// What finds these values in output, and in the command line that goes on record.
    pub fn patterns(&self) -> Patterns {
        let named = self.opened.iter().map(|o| Pattern { name: o.granted.reference.as_str(), value: o.value.expose() });
        let values: Vec<Pattern<'_>> = named.collect();
        Patterns::compile(&values)
    }

    /// Puts the start on record, durably, and only then lets the values out.
    ///
    /// # Errors
    /// `Kind::Io` if the record cannot be written: the values are erased here, and the use is gone.
    pub fn record(self, log: &Log, now: Timestamp, events: &[Event]) -> Result<Released> {
        let record = log.append(now, events).map_err(nothing_released)?;
        Ok(Released { record, opened: self.opened })
    }
}
