//! `policy.toml` in the home: what its owner asks for beyond what hasp does anyway. It can add to
//! what is recorded and narrow what is granted, and nothing in it makes hasp release more. A word
//! that is not known is refused rather than passed over: a limit that somebody believes is kept,
//! and is not, would be worse than none.

pub mod audit;
mod class;
mod fault;
mod hours;
mod idle;
mod limits;
mod span;
mod words;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::class::Class;
use crate::error::Result;
use crate::files::{self, Guard};
use crate::policy::audit::Audit;
use crate::policy::class::{Rules, Written};
use crate::policy::fault::{Place, not_text, refused};
use crate::policy::span::Span;

pub use class::Confirm;
pub use hours::Hours;
pub use idle::Idle;
pub use limits::{Limit, Limits};
pub use words::{Way, Who};

/// The file's name in the home.
pub const NAME: &str = "policy.toml";
/// The largest policy, in bytes.
pub const MAX_SIZE: usize = 64 << 10;

/// The policy of a home; the default one asks for nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// `[audit]`.
    pub audit: Audit,
    /// `[retention]`.
    pub retention: Retention,
    /// `[unlock] classes`: the only classes that may be opened without a passphrase; all if absent.
    pub unlock: Option<Vec<Class>>,
    classes: BTreeMap<Class, Rules>,
}

/// `[retention]`: how long what is over is kept; for ever where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How many versions of a secret are kept, the current one among them.
    pub versions: Option<NonZeroU32>,
    /// How long a version is kept that another one has replaced.
    pub superseded: Option<Duration>,
    /// How long a secret is kept that was revoked.
    pub revoked: Option<Duration>,
    /// How long a record is kept.
    pub record: Option<Duration>,
}

/// The file as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    audit: Audit,
    class: BTreeMap<Class, Written>,
    retention: WrittenRetention,
    unlock: WrittenUnlock,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenRetention {
    versions: Option<NonZeroU32>,
    superseded: Option<Span>,
    revoked: Option<Span>,
    record: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenUnlock {
    classes: Option<Vec<Class>>,
}

impl Policy {
    /// Reads the policy of the home at `root`.
    ///
    /// # Errors
    /// `[bad-policy]` (`Kind::Config`) with line and column; as [`files::read`].
    pub fn read(root: &Path) -> Result<Policy> {
        let path = root.join(NAME);
        match files::read_if_present(&path, Guard::Private, MAX_SIZE)? {
            Some(text) => Policy::parse(&text, &path),
            None => Ok(Policy::default()),
        }
    }

    /// Reads the text of a policy; `path` is where an error says that it stands.
    ///
    /// # Errors
    /// `[bad-policy]`.
    pub fn parse(text: &[u8], path: &Path) -> Result<Policy> {
        let text = std::str::from_utf8(text).map_err(|e| not_text(text, e.valid_up_to(), path))?;
        let file: File = toml::from_str(text).map_err(|e| refused(&e, text, path))?;
        let place = Place::of(text);
        let classes = file.class.into_iter().map(|(class, rules)| (class, rules.placed(&place)));
        Ok(Policy {
            audit: file.audit,
            retention: file.retention.into(),
            unlock: file.unlock.classes,
            classes: classes.collect(),
        })
    }

    /// What a grant of a secret of this class may be: what hasp allows, narrowed by the file.
    pub fn limits(&self, class: Class) -> Limits {
        match self.classes.get(&class) {
            Some(rules) => Limits::built_in(class).narrowed(rules),
            None => Limits::built_in(class),
        }
    }

    /// What stands in the file and changes nothing, since hasp is as strict already.
    pub fn idle(&self) -> Vec<Idle> {
        self.classes.iter().flat_map(|(class, rules)| idle::idle(*class, rules)).collect()
    }
}

impl From<WrittenRetention> for Retention {
    fn from(written: WrittenRetention) -> Retention {
        Retention {
            versions: written.versions,
            superseded: written.superseded.map(Duration::from),
            revoked: written.revoked.map(Duration::from),
            record: written.record.map(Duration::from),
        }
    }
}

#[cfg(test)]
mod tests;
