//! `[retention]` in `policy.toml`: how long is kept what is not needed any more. It is a standing
//! wish that somebody has to carry out: `hasp-vault destroy --due`, `hasp-audit prune --due`.

use std::num::NonZeroU32;
use std::time::Duration;

use hasp_core::time;
use serde::Deserialize;

/// What may go, and when; what is not said stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// `versions`: no more versions of a secret than this are kept.
    pub versions: Option<NonZeroU32>,
    superseded: Option<Span>,
    revoked: Option<Span>,
    record: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Span(Duration);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Span, String> {
        time::parse_duration(&text).map(Span).map_err(|e| e.message().to_owned())
    }
}

impl Retention {
    /// How long a version is kept that was replaced.
    pub fn superseded(&self) -> Option<Duration> {
        self.superseded.map(|span| span.0)
    }

    /// How long the values of a secret are kept that was revoked.
    pub fn revoked(&self) -> Option<Duration> {
        self.revoked.map(|span| span.0)
    }

    /// How long records are kept.
    pub fn record(&self) -> Option<Duration> {
        self.record.map(|span| span.0)
    }
}
