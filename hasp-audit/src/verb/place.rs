//! Which log a command is about: the vault's current one, the one that was named, or the only one
//! there is.

use ed25519_dalek::VerifyingKey;
use hasp_core::tool::Context;
use hasp_core::{Error, Home, Kind, LogId, Result, Timestamp, time};
use indicatif::ProgressBar;

use crate::code;
use crate::log::Log;
use crate::log::find::{self, Found};
use crate::segment::pack;
use crate::verb::progress;

/// The most segments that are packed without a progress bar: well under a second of work.
const FEW: usize = 4;

/// A log that was found.
pub struct Place {
    /// The home.
    pub home: Home,
    /// The log's id.
    pub id: LogId,
    /// The current log of the vault here and its key, or why there is none.
    current: Result<Found>,
}

impl Place {
    /// Finds the log: the current one, unless `--log` names another.
    pub fn find(cx: &Context, named: Option<&str>) -> Result<Place> {
        let home = Home::locate(&cx.env)?;
        home.check()?;
        let current = find::find(&cx.env);
        let id = match (named, &current) {
            (Some(id), _) => id.parse()?,
            (None, Ok(found)) => found.log,
            // With the vault gone the record can still be read if it is clear which.
            (None, Err(e)) => {
                only_log(&home).filter(|_| e.kind() == Kind::Missing).ok_or_else(|| e.clone())?
            }
        };
        Ok(Place { home, id, current })
    }

    /// The logs before the current one: what a change of the vault's key began anew. One that was
    /// lost is on record as lost.
    fn tell_earlier(&self, cx: &mut Context) {
        let Some(found) = self.current.as_ref().ok().filter(|found| found.log == self.id) else {
            return;
        };
        for (id, _) in found.earlier.iter().filter(|(id, _)| Log::open(&self.home, id).is_ok()) {
            cx.out.note(&format!(
                "what was recorded before the vault had its key of today is not looked at: \
                 hasp-audit --log {id}"
            ));
        }
    }

    /// The key that signs the heads of this log: an earlier one was the vault's then.
    pub fn public(&self) -> Result<VerifyingKey> {
        let found = self.current.as_ref().map_err(Clone::clone)?;
        let earlier = found.earlier.iter().find(|(log, _)| *log == self.id);
        Ok(earlier.map_or(found.public, |(_, key)| *key))
    }

    /// Whether the vault here writes to this log now.
    pub fn is_current(&self) -> Result<bool> {
        self.current.as_ref().map(|found| found.log == self.id).map_err(Clone::clone)
    }

    /// The log itself.
    pub fn log(&self) -> Result<Log> {
        Log::open(&self.home, &self.id)
    }

    /// The log, with all denials told and its closed segments packed, as far as that can be done
    /// here: reading never fails for it. What it does not answer for is said.
    pub fn packed_log(&self, cx: &mut Context) -> Result<Log> {
        let log = self.log()?;
        self.tell_earlier(cx);
        if self.is_current().unwrap_or(false) {
            let _ = log.settle(cx.now);
        }
        let pending = pack::pending(log.path()).map_or(0, |p| p.len());
        let bar = match pending > FEW {
            true => progress::bar(cx, pending as u64, "{bar:40} {pos} of {len} segments packed"),
            false => ProgressBar::hidden(),
        };
        for _ in (0..pending).step_by(FEW) {
            let Ok(packed) = log.pack(FEW) else { break };
            bar.inc(packed as u64);
        }
        bar.finish_and_clear();
        Ok(log)
    }
}

fn only_log(home: &Home) -> Option<LogId> {
    let entries = std::fs::read_dir(home.join("audit")).ok()?;
    let mut ids = entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse::<LogId>().ok());
    let only = ids.next()?;
    ids.next().is_none().then_some(only)
}

/// A time as it is typed: RFC 3339, without a zone the machine's own, or how long ago.
///
/// # Errors
/// `[bad-time]`.
pub fn moment(word: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>> {
    let Some(word) = word else { return Ok(None) };
    if let Ok(ago) = time::parse_duration(word) {
        return Ok(Some(now.before(ago)));
    }
    let parsed = Timestamp::typed(word);
    parsed.map(Some).map_err(|e| {
        Error::new(Kind::Usage, code::BAD_TIME, e.message())
            .hint("a time looks like 2026-01-31T12:00:00Z, or 24h for how long ago")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let now = Timestamp::from_second(10_000);
        assert_eq!(moment(Some("1h"), now).unwrap(), Some(Timestamp::from_second(6400)));
        assert_eq!(
            moment(Some("1970-01-01T00:00:07Z"), now).unwrap(),
            Some(Timestamp::from_second(7))
        );
        assert_eq!(moment(None, now).unwrap(), None);
        assert_eq!(moment(Some("yesterday"), now).unwrap_err().code().as_str(), "bad-time");
    }
}
