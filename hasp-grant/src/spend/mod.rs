//! From a verified grant to its values, one step at a time and each only from the one before: spent
//! under the lock, opened in this process, and let out only when the start is durably on record. A
//! crash in between burns a use; it never doubles one.

pub(crate) mod check;
pub(crate) mod command;
pub(crate) mod current;
pub(crate) mod ended;
pub(crate) mod kept;
pub(crate) mod render;
pub(crate) mod report;
pub(crate) mod situation;
pub(crate) mod standing;

use hasp_audit::{Event, Log};
use hasp_core::{Error, Result, Secret, SecretName, Timestamp};
use hasp_redact::{Pattern, Patterns};
use hasp_target::Delivery;
use hasp_vault::{FileKey, Vault};

use crate::spend::check::VerifiedGrant;
use crate::spend::render::render;
use crate::token::seal::{self, Half};

/// A grant of which one use is gone.
pub struct SpentGrant {
    grant: VerifiedGrant,
    ledger_half: Half,
}

/// A spent grant whose values are open in this process and nowhere else.
pub struct HeldGrant {
    opened: Opened,
}

/// Values that may leave the process: their start is durably on record.
pub struct Released {
    /// The number of the start's record.
    pub record: u64,
    /// The values and how they were approved to reach the child.
    pub opened: Opened,
}

/// Values, open, and how they were approved to reach the child.
#[derive(Debug)]
pub struct Opened {
    deliveries: Vec<Delivery>,
    values: Vec<(SecretName, Secret)>,
    /// Files with values in them: the variable that holds the path, and the content.
    pub files: Vec<(String, Secret)>,
}

impl Opened {
    /// Each delivery with its value.
    pub fn deliveries(&self) -> impl Iterator<Item = (&Delivery, &Secret)> {
        self.deliveries.iter().filter_map(|d| Some((d, self.value(&d.reference)?)))
    }

    fn value(&self, reference: &SecretName) -> Option<&Secret> {
        self.values.iter().find(|(name, _)| name == reference).map(|(_, value)| value)
    }
}

impl VerifiedGrant {
    /// Spends one use under the lock that `revoke` also takes.
    ///
    /// # Errors
    /// `[spent]`, `[revoked]`, `[expired]` if that happened since the checks; `[busy]` after 10 s.
    pub fn spend(self) -> Result<SpentGrant> {
        let (chain, by) = (self.claims.chain(), self.by.as_deref());
        let ledger_half = self.ledger.lock()?.spend(&self.vault, &chain, by)?;
        Ok(SpentGrant { grant: self, ledger_half })
    }
}

impl SpentGrant {
    /// Opens the granted versions, each once, and writes the templates. They stay in here until
    /// they are on record.
    ///
    /// # Errors
    /// `[seal]` if the halves do not fit; `[tampered]` if a value file is not the granted one;
    /// `[template-not-text]`.
    pub fn open(self, vault: &Vault) -> Result<HeldGrant> {
        let claims = &self.grant.claims;
        let id = &claims.terms.jti;
        let keys =
            seal::open(&claims.seal, &claims.half, &self.ledger_half, &self.grant.vault, id)?;
        if keys.len() != claims.terms.items.len() {
            return Err(seal::refused());
        }
        let mut values = Vec::with_capacity(claims.terms.items.len());
        for (granted, key) in claims.terms.items.iter().zip(&keys) {
            let key = FileKey::copy_of(key);
            let value = vault.open_value(&granted.name, &granted.file, &granted.sha256, &key)?;
            values.push((granted.reference.clone(), value));
        }
        let action = &claims.terms.action;
        let mut opened =
            Opened { deliveries: action.deliveries.clone(), values, files: Vec::new() };
        for template in &action.templates {
            let content = render(template, |reference| opened.value(reference))?;
            opened.files.push((template.variable().to_owned(), content));
        }
        Ok(HeldGrant { opened })
    }
}

/// What to look at when the record cannot be written.
pub fn nothing_released(error: Error) -> Error {
    error.hint(
        "nothing was released; look at the record's disk and permissions: df \
        \"$HASP_HOME\"; ls -lR \"$HASP_HOME/audit\"",
    )
}

impl HeldGrant {
    /// What finds these values in output, and in the command line that goes on record.
    pub fn patterns(&self) -> Patterns {
        let values = self.opened.values.iter();
        let named = values
            .map(|(reference, value)| Pattern { name: reference.as_str(), value: value.expose() });
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
