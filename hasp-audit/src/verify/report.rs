//! What a log is verified against, and what is found: apart from the verification, which makes the
//! report, and the verdict, which reads the facts.

use ed25519_dalek::VerifyingKey;

use hasp_core::Code;

use crate::record::chain::MacBytes;
use crate::record::head::Head;
use crate::verify::grants::Ungranted;

/// What a log is verified against.
pub struct Against<'a> {
    /// The audit root that the first key is derived from.
    pub audit_root: &'a [u8; 32],
    /// The vault's public key, which must have signed the checkpoint.
    pub public: Option<&'a VerifyingKey>,
    /// A head that was kept elsewhere.
    pub expect: Option<&'a Head>,
    /// Is told how many more records were looked at.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The number of the first record that there is: what was before it was pruned.
    pub since: u64,
    /// The mac of the record before that one; zeros if there was none.
    pub before: MacBytes,
    /// The number behind the last record that verifies, from the first on.
    pub records: u64,
    /// The mac of the last of them.
    pub mac: MacBytes,
    /// Why the log is not whole; `None` if it is.
    pub fault: Option<Fault>,
    /// Starts that the grants on record did not allow: the record is whole, and tells of something
    /// that should not have happened.
    pub ungranted: Vec<Ungranted>,
    /// What happened to the log and is no fault.
    pub notes: Vec<String>,
}

/// Why a log is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `tampered`, `tail-missing`, `head-mismatch`, `head-forged`, `key-state` or `loss-accepted`.
    pub code: Code,
    /// The first record that is bad or missing, where it can be told.
    pub n: Option<u64>,
    /// In words.
    pub message: String,
}
