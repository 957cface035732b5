//! How far a secret reaches if it leaks, and what follows from it: every limit of a class is here,
//! so that what is explained, granted and verified is one thing.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::code;
use crate::error::{Error, Kind, Result};

/// The blast radius of a secret; the order is from harmless to worst.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// A nuisance: grants up to 24 h.
    Low,
    /// The default: grants up to 8 h.
    #[default]
    Medium,
    /// Production: grants up to 1 h.
    High,
    /// The keys of the house: once only.
    Critical,
}

/// How long a grant for one run may wait for it, unless a window is asked for.
pub const ONCE: Duration = Duration::from_secs(15 * 60);

/// The longest window of any grant.
pub const LONGEST: Duration = hours(24);

const fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3600)
}

impl Class {
    /// All of them, from harmless to worst.
    pub const ALL: [Class; 4] = [Class::Low, Class::Medium, Class::High, Class::Critical];

    /// The longest window that a grant may ask for; `None` means once only.
    pub const fn ceiling(self) -> Option<Duration> {
        match self {
            Class::Low => Some(LONGEST),
            Class::Medium => Some(hours(8)),
            Class::High => Some(hours(1)),
            Class::Critical => None,
        }
    }

    /// Whether a grant must name the command that may run with it.
    pub const fn names_command(self) -> bool {
        match self {
            Class::Low | Class::Medium => false,
            Class::High | Class::Critical => true,
        }
    }

    /// The class as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Low => "low",
            Class::Medium => "medium",
            Class::High => "high",
            Class::Critical => "critical",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Class {
    type Err = Error;

    fn from_str(text: &str) -> Result<Class> {
        Class::ALL.into_iter().find(|c| c.as_str() == text).ok_or_else(|| {
            let all = Class::ALL.map(Class::as_str).join(", ");
            Error::new(Kind::Usage, code::BAD_CLASS, format!("a class is one of: {all}"))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ordered_and_bounded() {
        assert!(Class::ALL.is_sorted());
        assert_eq!(Class::ALL, <Class as clap::ValueEnum>::value_variants());
        assert_eq!(Class::High.ceiling().unwrap().as_secs(), 3600);
        assert_eq!(Class::Critical.ceiling(), None);
        assert!(Class::ALL.iter().filter_map(|c| c.ceiling()).all(|c| c <= LONGEST));
        assert_eq!("critical".parse::<Class>().unwrap(), Class::Critical);
        assert_eq!("Critical".parse::<Class>().unwrap_err().code(), code::BAD_CLASS);
        for class in Class::ALL {
            assert_eq!(serde_json::json!(class), class.as_str());
            assert_eq!(class.names_command(), class >= Class::High);
        }
    }
}
