//! Durations as a policy writes them: like those of the command line, with years besides.

use std::time::Duration;

use serde::Deserialize;

use crate::time::parse_duration;

/// A duration such as `30m`, `30d` or `2y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Span(Duration);

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.0
    }
}

impl TryFrom<String> for Span {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Span, Self::Error> {
        let fault = "a duration looks like \"30m\", \"8h\", \"30d\" or \"2y\"";
        let Some(years) = text.strip_suffix('y') else {
            return parse_duration(&text).map(Span).map_err(|_| fault);
        };
        let plain = years.bytes().all(|b| b.is_ascii_digit());
        let years = years.parse::<u64>().ok().filter(|n| plain && (1..=100).contains(n));
        years.map(|n| Span(Duration::from_secs(n * 365 * 86400))).ok_or(fault)
    }
}
