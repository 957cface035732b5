//! How a grant ended, as the file says that is left in its place: it is made before the half is
//! erased, so that a crash in between leaves the grant ended.

use hasp_core::{Error, GrantId, Kind};

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All uses were spent.
    Spent,
    /// Somebody revoked it.
    Revoked,
    /// Its window closed and a sweep removed it.
    Expired,
}

impl End {
    /// In one word; the tombstone's ending, but for uses, which are numbered.
    pub fn word(self) -> &'static str {
        match self {
            End::Spent => "spent",
            End::Revoked => "revoked",
            End::Expired => "expired",
        }
    }
}

/// The denial for a grant that has ended.
pub fn ended(id: &GrantId, end: End) -> Error {
    let (code, text) = match end {
        End::Spent => ("spent", "was used up"),
        End::Revoked => ("revoked", "was revoked"),
        End::Expired => ("expired", "has expired"),
    };
    Error::new(Kind::Denied, code, format!("grant {} {text}", id.short()))
        .hint("mint a new one: hasp-grant -t TARGET")
}
