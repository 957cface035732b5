//! Time as hasp writes and reads it: RFC 3339 in whole seconds, durations like `15m`, and the clock
//! that no one can set back.

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use crate::code;
use crate::error::{Error, Kind, Result};
use crate::platform;

/// A moment in UTC, whole seconds, written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// The wall clock now.
    pub fn now() -> Timestamp {
        Timestamp::from_second(jiff::Timestamp::now().as_second())
    }

    /// From seconds since 1970, clamped to the years -9999 to 9999.
    pub fn from_second(second: i64) -> Timestamp {
        let clamped =
            second.clamp(jiff::Timestamp::MIN.as_second(), jiff::Timestamp::MAX.as_second());
        Timestamp(jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Seconds since 1970.
    pub fn as_second(self) -> i64 {
        self.0.as_second()
    }

    /// This moment later by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Timestamp {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(self.as_second().saturating_add(seconds))
    }

    /// This moment earlier by `duration`.
    #[must_use]
    pub fn before(self, duration: Duration) -> Timestamp {
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Timestamp::from_second(self.as_second().saturating_sub(seconds))
    }

    /// In the machine's time zone, which is said, as people read it: `2026-11-23 06:12:09Z` or
    /// `2026-11-23 15:12:09+09:00`.
    pub fn local(self) -> String {
        self.within(jiff::tz::TimeZone::system())
    }

    fn within(self, zone: jiff::tz::TimeZone) -> String {
        let zoned = self.0.to_zoned(zone);
        let text = zoned.strftime("%Y-%m-%d %H:%M:%S%:z").to_string();
        text.strip_suffix("+00:00").map(|utc| format!("{utc}Z")).unwrap_or(text)
    }

    /// A time as a person types it: RFC 3339, or without a zone, which then is the machine's, as in
    /// what is shown; the time of day may be left out.
    ///
    /// # Errors
    /// `[bad-time]`.
    pub fn typed(text: &str) -> Result<Timestamp> {
        Timestamp::typed_in(text, jiff::tz::TimeZone::system())
    }

    fn typed_in(text: &str, zone: jiff::tz::TimeZone) -> Result<Timestamp> {
        if let Ok(moment) = text.parse() {
            return Ok(moment);
        }
        let civil: jiff::civil::DateTime = text.parse().map_err(|_| bad_time(text))?;
        let zoned = civil.to_zoned(zone).map_err(|_| bad_time(text))?;
        Ok(Timestamp::from_second(zoned.timestamp().as_second()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// RFC 3339; a fraction of a second is cut.
    fn from_str(text: &str) -> Result<Timestamp> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| bad_time(text))?;
        Ok(Timestamp::from_second(parsed.as_second()))
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed: Timestamp =
            text.parse().map_err(|e: Error| serde::de::Error::custom(e.message()))?;
        // One spelling of one moment: what is signed and what is compared must be the same bytes.
        if parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(serde::de::Error::custom("a time is not in the form 2026-01-31T12:00:00Z"))
        }
    }
}

/// Reads `90s`, `15m`, `8h` or `30d`.
///
/// # Errors
/// `[bad-duration]` for anything else, zero, or more than 100 years.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86400,
        _ => return Err(bad_duration(text)),
    };
    let digits = &text[..text.len() - 1];
    let number = digits.parse::<u64>().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()));
    let seconds =
        number.and_then(|n| n.checked_mul(unit)).filter(|s| (1..=100 * 366 * 86400).contains(s));
    seconds.map(Duration::from_secs).ok_or_else(|| bad_duration(text))
}

/// A duration in the same words: the largest unit that divides it.
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86400, 'd'), (3600, 'h'), (60, 'm')];
    let whole = units.into_iter().find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size));
    whole.map_or(format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// Seconds since boot, suspend included: setting the wall clock back does not lengthen a window
/// measured so.
pub fn boot_seconds() -> u64 {
    platform::boot_seconds()
}

/// The random id that the kernel draws at each boot; read once, since no process outlives a boot.
///
/// # Errors
/// `Kind::Io` where the system does not tell.
pub fn boot_id() -> Result<String> {
    static READ: OnceLock<String> = OnceLock::new();
    if let Some(id) = READ.get() {
        return Ok(id.clone());
    }
    let id = platform::boot_id().map_err(|e| Error::system("tell this boot from others", e))?;
    Ok(READ.get_or_init(|| id).clone())
}

fn bad_time(text: &str) -> Error {
    let shown: String = crate::text::printable(text.as_bytes()).chars().take(40).collect();
    Error::new(Kind::Usage, code::BAD_TIME, format!("'{shown}' is not a time"))
        .hint("a time looks like 2026-01-31T12:00:00Z")
}

fn bad_duration(text: &str) -> Error {
    let shown: String = crate::text::printable(text.as_bytes()).chars().take(40).collect();
    Error::new(Kind::Usage, code::BAD_DURATION, format!("'{shown}' is not a duration"))
        .hint("a duration looks like 90s, 15m, 8h or 30d")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations() {
        assert_eq!(parse_duration("90s").unwrap().as_secs(), 90);
        assert_eq!(parse_duration("8h").unwrap().as_secs(), 28800);
        for bad in
            ["", "s", "0s", "-1s", "+1s", "1w", "1.5h", "99999999999999999999d", "1d ", "9999999d"]
        {
            assert_eq!(parse_duration(bad).unwrap_err().code(), code::BAD_DURATION);
        }
        assert_eq!(duration_text(Duration::from_secs(5400)), "90m");
    }

    #[test]
    fn times_have_one_spelling_in_records() {
        let time: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-01-31T12:00:00Z");
        assert!(serde_json::from_str::<Timestamp>("\"2026-01-31T13:00:00+01:00\"").is_err());
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert_eq!(time.after(Duration::from_secs(1)).to_string(), "2026-01-31T12:00:01Z");
    }

    #[test]
    fn a_time_that_is_shown_says_its_zone() {
        let moment: Timestamp = "2026-11-23T06:12:09Z".parse().unwrap();
        let tokyo = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(moment.within(tokyo.clone()), "2026-11-23 15:12:09+09:00");
        assert_eq!(moment.within(jiff::tz::TimeZone::UTC), "2026-11-23 06:12:09Z");
        for text in ["2026-11-23T15:12:09", "2026-11-23 15:12:09", "2026-11-23 15:12:09+09:00"] {
            assert_eq!(Timestamp::typed_in(text, tokyo.clone()), Ok(moment), "{text}");
        }
        let day = Timestamp::typed_in("2026-11-23", tokyo.clone()).unwrap();
        assert_eq!(day.to_string(), "2026-11-22T15:00:00Z");
        assert!(Timestamp::typed_in("23.11.2026", tokyo).is_err());
    }

    proptest! {
        #[test]
        fn duration_words_read_back(seconds in 1u64..3_000_000_000) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&duration_text(duration)).unwrap(), duration);
        }

        #[test]
        fn times_read_back(second in -60_000_000_000i64..250_000_000_000) {
            let time = Timestamp::from_second(second);
            prop_assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
