//! `[class.NAME]` of policy.toml: what is written there for the secrets of one class, with the line
//! that says so.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::policy::fault::Place;
use crate::policy::hours::Hours;
use crate::policy::span::Span;
use crate::policy::words::{Way, Who};

/// When a person is asked on the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirm {
    /// Whenever a grant is minted.
    pub mint: bool,
    /// Whenever one is used.
    pub usage: bool,
}

/// A value and the line that it stands in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stated<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// The keys as they are read.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Written {
    window: Option<Spanned<Span>>,
    uses: Option<Spanned<NonZeroU32>>,
    deliver: Option<Spanned<BTreeSet<Way>>>,
    raw: Option<Spanned<bool>>,
    any_command: Option<Spanned<bool>>,
    consumer: Option<Spanned<BTreeSet<Who>>>,
    reason: Option<Spanned<Need>>,
    hours: Option<Spanned<Hours>>,
    confirm: Option<Spanned<Confirm>>,
}

/// The same with lines in place of offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rules {
    pub(super) window: Option<Stated<Duration>>,
    pub(super) uses: Option<Stated<u32>>,
    pub(super) deliver: Option<Stated<BTreeSet<Way>>>,
    pub(super) raw: Option<Stated<bool>>,
    pub(super) any_command: Option<Stated<bool>>,
    pub(super) consumer: Option<Stated<BTreeSet<Who>>>,
    pub(super) reason: Option<Stated<bool>>,
    pub(super) hours: Option<Stated<Hours>>,
    pub(super) confirm: Option<Stated<Confirm>>,
}

/// Whether a grant says what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Need {
    Required,
    Optional,
}

impl Written {
    pub(super) fn placed(self, place: &Place) -> Rules {
        Rules {
            window: stated(self.window, place, Duration::from),
            uses: stated(self.uses, place, NonZeroU32::get),
            deliver: stated(self.deliver, place, |v| v),
            raw: stated(self.raw, place, |v| v),
            any_command: stated(self.any_command, place, |v| v),
            consumer: stated(self.consumer, place, |v| v),
            reason: stated(self.reason, place, |need| need == Need::Required),
            hours: stated(self.hours, place, |v| v),
            confirm: stated(self.confirm, place, |v| v),
        }
    }
}

fn stated<T, U>(
    value: Option<Spanned<T>>,
    place: &Place,
    read: impl Fn(T) -> U,
) -> Option<Stated<U>> {
    value.map(|v| Stated { line: place.line(v.span().start), value: read(v.into_inner()) })
}

impl<'de> Deserialize<'de> for Confirm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Confirm, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Confirm;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, \"mint\", \"use\" or \"always\"")
            }

            fn visit_bool<E: serde::de::Error>(self, mint: bool) -> Result<Confirm, E> {
                Ok(Confirm { mint, usage: false })
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Confirm, E> {
                match word {
                    "mint" => Ok(Confirm { mint: true, usage: false }),
                    "use" => Ok(Confirm { mint: false, usage: true }),
                    "always" => Ok(Confirm { mint: true, usage: true }),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
