//! Denials on record, bounded: whoever is refused in a loop must not fill the disk or bury the
//! record. The first of each minute are recorded one by one, the others are counted, and the next
//! record says for how many it stands.

use std::os::unix::fs::FileExt;

use hasp_core::{Error, Result, Timestamp, files};

use crate::log::Log;
use crate::record::event::Event;

/// The file beside the log that says how many there were lately.
const NAME: &str = "denials";
/// How many are recorded one by one in a minute.
const MOST: u64 = 20;
/// A minute, in seconds.
const WINDOW: i64 = 60;

/// What was recorded since a moment, and what was only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recent {
    since: i64,
    recorded: u64,
    missed: u64,
}

impl Log {
    /// Records a denial, or counts it where too many came lately.
    ///
    /// # Errors
    /// As [`Log::append`]. What was refused is refused all the same.
    pub fn deny(&self, now: Timestamp, event: Event) -> Result<()> {
        let Some(count) = self.admit(now)? else { return Ok(()) };
        self.append(now, &[event.maybe("count", (count > 1).then_some(count))]).map(drop)
    }

    /// For how many denials a record would stand now; `None` if it is not to be made.
    fn admit(&self, now: Timestamp) -> Result<Option<u64>> {
        let path = self.path().join(NAME);
        let failed = |e| Error::io("write", &path, e);
        let _lock = self.lock()?;
        let file = files::open_or_create(&path)?;
        let mut text = [0; 64];
        let read = file.read_at(&mut text, 0).map_err(failed)?;
        let (recent, count) = Recent::read(&text[..read]).next(now.as_second());
        let text = recent.text();
        file.set_len(text.len() as u64)
            .and_then(|()| file.write_all_at(text.as_bytes(), 0))
            .map_err(failed)?;
        Ok(count)
    }
}

impl Recent {
    /// What the file says; nothing where it is damaged.
    fn read(text: &[u8]) -> Recent {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let mut numbers = text.split_ascii_whitespace().map(str::parse::<i64>);
        let mut next = || numbers.next()?.ok();
        let read = (next(), next(), next());
        let (Some(since), Some(recorded), Some(missed)) = read else { return Recent::default() };
        let count = |n| u64::try_from(n).unwrap_or_default();
        Recent { since, recorded: count(recorded), missed: count(missed) }
    }

    fn text(self) -> String {
        format!("{} {} {}\n", self.since, self.recorded, self.missed)
    }

    /// After one more denial, and for how many the record of it stands.
    fn next(self, now: i64) -> (Recent, Option<u64>) {
        let same = (0..WINDOW).contains(&now.saturating_sub(self.since));
        let recent =
            if same { self } else { Recent { since: now, recorded: 0, missed: self.missed } };
        if recent.recorded < MOST {
            let count = recent.missed.saturating_add(1);
            return (Recent { recorded: recent.recorded + 1, missed: 0, ..recent }, Some(count));
        }
        (Recent { missed: recent.missed.saturating_add(1), ..recent }, None)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::common::{Fixture, at};
    use crate::record::kind::EventKind;

    #[test]
    fn a_flood_is_counted() {
        let f = Fixture::new();
        let denial = || Event::new(EventKind::GrantDeny).field("code", "x");
        (0..500).for_each(|n| f.log.deny(at(n / 50), denial()).unwrap());
        assert_eq!(f.log.head().unwrap().count, 1 + MOST);
        f.log.deny(at(70), denial()).unwrap();
        f.log.deny(at(70), denial()).unwrap();
        let mut counts = Vec::new();
        let mut count = |r: crate::Record| {
            counts.push(r.object["count"].as_u64());
            Ok(())
        };
        f.log.each(&mut count).unwrap();
        assert_eq!(&counts[counts.len() - 2..], &[Some(500 - MOST + 1), None]);
        assert_eq!(f.fault(), None);
    }

    #[test]
    fn a_damaged_count_and_a_clock_set_back_begin_again() {
        for text in ["", "x", "1 2", "-5 -5 -5", "9999999999 20 7"] {
            let (recent, count) = Recent::read(text.as_bytes()).next(1_000);
            assert!(count.is_some() && Recent::read(recent.text().as_bytes()) == recent, "{text}");
        }
    }
}
