//! What is left of a grant that ended: a file that is made before the half is erased, so that a
//! crash in between leaves the grant ended. It tells when and why, for whoever is refused later; an
//! empty one, as a full memory leaves it, ends a grant just as well.

use serde::{Deserialize, Serialize};

use hasp_core::text::printable;
use hasp_core::{Error, GrantId, Kind, Timestamp};

use crate::code;
use crate::token::claims::Terms;

/// The longest terms that a tombstone keeps, in bytes: those of a grant whose command is longer are
/// left out.
const MAX_TERMS: usize = 64 << 10;
/// The longest tombstone, in bytes: the terms are a string in JSON, where a byte takes six at most.
pub(super) const MAX_TOMBSTONE: usize = 6 * MAX_TERMS + 4096;

/// How a grant ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All uses were spent.
    Spent,
    /// Somebody revoked it.
    Revoked,
    /// Nobody can use it any more, and a sweep removed it.
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

/// Why a grant ended, as its tombstone and the record have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Its uses are spent.
    Spent,
    /// Its window ended.
    Expired,
    /// The session or process that could use it has ended.
    ConsumerGone,
    /// The machine was started again.
    OtherBoot,
    /// Revoked with all grants.
    All,
    /// Revoked by its id.
    Id,
    /// Revoked with all of its consumer.
    Consumer,
    /// Revoked with all on this secret.
    Secret(String),
    /// Revoked with all of its project.
    Project,
    /// Its token reached nobody, or its minting could not be put on record.
    Undelivered,
    /// The grant that it was narrowed from has ended.
    Parent,
}

impl Why {
    /// Which tombstone it leaves.
    pub fn end(&self) -> End {
        match self {
            Why::Spent => End::Spent,
            Why::Expired | Why::ConsumerGone | Why::OtherBoot | Why::Parent => End::Expired,
            Why::All | Why::Id | Why::Consumer | Why::Secret(_) | Why::Project => End::Revoked,
            Why::Undelivered => End::Revoked,
        }
    }

    /// As the record has it.
    pub fn word(&self) -> String {
        match self {
            Why::Spent => "spent".to_owned(),
            Why::Expired => "expired".to_owned(),
            Why::ConsumerGone => "consumer gone".to_owned(),
            Why::OtherBoot => "other boot".to_owned(),
            Why::All => "all".to_owned(),
            Why::Id => "id".to_owned(),
            Why::Consumer => "consumer".to_owned(),
            Why::Secret(name) => format!("secret {name}"),
            Why::Project => "project".to_owned(),
            Why::Undelivered => "undelivered".to_owned(),
            Why::Parent => "parent".to_owned(),
        }
    }

    /// What follows "the grant", with the moment and by whom.
    fn phrase(&self, at: Timestamp, by: Option<&str>) -> String {
        let by = by.map(|by| format!(" by {}", printable(by.as_bytes()))).unwrap_or_default();
        let at = at.local() + &by;
        match self {
            Why::Spent => format!("was used up at {at}"),
            Why::Expired => format!("expired, and was removed at {at}"),
            Why::ConsumerGone => {
                format!(
                    "ended with the session or process that it was for, and was removed at {at}"
                )
            }
            Why::OtherBoot => format!("ended with the last boot, and was removed at {at}"),
            Why::All => format!("was revoked at {at}, with all grants"),
            Why::Id => format!("was revoked at {at}"),
            Why::Consumer => format!("was revoked at {at}, with all of its consumer"),
            Why::Secret(name) => format!("was revoked at {at}, with all on {name}"),
            Why::Project => format!("was revoked at {at}, with all of its project"),
            Why::Undelivered => format!("was withdrawn at {at}: its token reached nobody"),
            Why::Parent => {
                format!("ended with the grant that it was narrowed from, and was removed at {at}")
            }
        }
    }
}

/// What a tombstone tells.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub why: Why,
    /// The vault that minted it.
    pub vault: String,
    /// Whether its token was kept for hasp-exec to find.
    pub kept: bool,
    /// By which program, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<String>,
    /// The canonical terms, unless they were very long.
    terms: Option<String>,
}

impl Tombstone {
    /// For a grant of this vault with these canonical terms.
    pub(super) fn new(why: Why, vault: &str, terms: &str) -> Tombstone {
        let terms = (terms.len() <= MAX_TERMS).then(|| terms.to_owned());
        let vault = vault.to_owned();
        Tombstone { at: Timestamp::now(), why, vault, kept: false, by: None, terms }
    }

    /// With whether its token was kept, and who ended it.
    pub(super) fn told(self, kept: bool, by: Option<String>) -> Tombstone {
        Tombstone { kept, by, ..self }
    }

    /// What was granted, where that is known.
    pub fn terms(&self) -> Option<Terms> {
        serde_json::from_str(self.terms.as_deref()?).ok()
    }

    /// How it ended, in a sentence without its subject.
    pub fn phrase(&self) -> String {
        self.why.phrase(self.at, self.by.as_deref())
    }

    /// The denial for whoever comes with its token.
    pub fn denial(&self, id: &GrantId) -> Error {
        let message = format!("grant {} {}", id.short(), self.phrase());
        Error::new(Kind::Denied, code_of(self.why.end()), message)
    }
}

/// The denial for a grant that has ended, where nothing tells when and why.
pub fn ended(id: &GrantId, end: End) -> Error {
    let text = match end {
        End::Spent => "was used up",
        End::Revoked => "was revoked",
        End::Expired => "has expired",
    };
    Error::new(Kind::Denied, code_of(end), format!("grant {} {text}", id.short()))
}

/// Whether an error says that a grant has ended, and not that something of it cannot be read.
pub fn is_end(error: &Error) -> bool {
    [code::SPENT, code::REVOKED, code::EXPIRED, code::NO_LEDGER].contains(&error.code())
}

fn code_of(end: End) -> hasp_core::Code {
    match end {
        End::Spent => code::SPENT,
        End::Revoked => code::REVOKED,
        End::Expired => code::EXPIRED,
    }
}
