//! What the ledger holds of one grant: the half that opens it together with the token's, and the
//! terms as they were minted, with the clock of the boot beside them, which nobody can set.

use hasp_core::{Error, GrantId, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::code;
use crate::ledger::tombstone::{End, ended};
use crate::token::claims::Terms;
use crate::token::seal::Half;

/// What the ledger holds of one grant.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub(super) v: u8,
    /// Which vault minted it.
    pub vault: String,
    /// The boot in which it lives.
    pub(super) boot: String,
    /// Seconds since boot from which, and up to which, it may be used.
    pub(super) since: u64,
    pub(super) until: u64,
    pub(super) half: Half,
    /// The grant that it was narrowed from: it ends with that one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parent: Option<GrantId>,
    /// Under which name its kept token is found; see [`crate::ledger::kept`].
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub place: String,
    /// The canonical terms, compared with the token's byte for byte.
    pub(super) terms: String,
}

impl Entry {
    /// Compares the entry with the token's terms and this boot's clock.
    ///
    /// # Errors
    /// `[ledger-mismatch]` if it is another grant's entry, `[not-yet-valid]`, `[expired]` by the
    /// boot clock.
    pub fn check(
        &self,
        vault: &str,
        (terms, parent): (&Terms, Option<&GrantId>),
        boot: &str,
        boot_seconds: u64,
    ) -> Result<()> {
        let own = self.v == 1 && self.vault == vault && self.parent.as_ref() == parent;
        if !own || self.terms != terms.canonical()? {
            return Err(Error::new(
                Kind::Denied,
                code::LEDGER_MISMATCH,
                "the ledger's entry for this grant is another grant's",
            ));
        }
        if !self.lives(boot, boot_seconds) {
            return Err(ended(&terms.jti, End::Expired));
        }
        if boot_seconds < self.since {
            return Err(Error::new(
                Kind::Denied,
                code::NOT_YET_VALID,
                "the grant is not valid yet",
            ));
        }
        Ok(())
    }

    /// Whether its window is still open by the clock of this boot.
    pub fn lives(&self, boot: &str, boot_seconds: u64) -> bool {
        self.boot == boot && boot_seconds < self.until
    }

    /// Whether it was minted in this boot.
    pub fn is_of_boot(&self, boot: &str) -> bool {
        self.boot == boot
    }

    /// The terms as they were minted.
    ///
    /// # Errors
    /// `[ledger-damaged]`.
    pub fn terms(&self) -> Result<Terms> {
        serde_json::from_str(&self.terms).map_err(|_| {
            Error::new(Kind::Denied, code::LEDGER_DAMAGED, "a ledger entry is damaged")
        })
    }
}

/// The denial for an entry that cannot be read.
pub fn damaged(id: &GrantId) -> Error {
    Error::new(
        Kind::Denied,
        code::LEDGER_DAMAGED,
        format!("the ledger's entry for grant {} is damaged", id.short()),
    )
    .hint(format!("hasp-grant revoke {}", id.as_str()))
}

/// The denial for a grant of which nothing is left.
pub fn lost(id: &GrantId) -> Error {
    let message = format!(
        "no runtime directory has anything of grant {}: its half is gone, as it is after a boot",
        id.short()
    );
    Error::new(Kind::Denied, code::NO_LEDGER, message)
}
