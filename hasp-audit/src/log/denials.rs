//! Denials on record, bounded: whoever is refused in a loop must not fill the disk or bury the
//! record. Of a burst, denials of one kind that follow each other within a minute, the first are
//! recorded one by one; the others are counted, and put on record when there are as many again as
//! were told of, or when somebody looks. So a burst of any length takes a few records more than its
//! first, and none of it is left out.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use hasp_core::files::{self, Guard};
use hasp_core::{Error, Result, Timestamp};

use crate::log::Log;
use crate::record::event::Event;
use crate::record::kind::EventKind;

/// The file beside the log that says how many there were lately.
const NAME: &str = "denials";
/// The longest that it can be, in bytes.
const MAX_SIZE: usize = 64 << 10;
/// How many of a burst are recorded one by one.
const SINGLE: u64 = 20;
/// The same for what the vault refuses: a passphrase can be tried without end.
const SINGLE_OF_VAULT: u64 = 10;
/// A burst is over after this long without a denial, in seconds.
const PAUSE: i64 = 60;
/// What was only counted is on record after this long, in seconds.
const LONGEST: i64 = 600;

/// Denials of one kind since a burst began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Burst {
    /// When the last one came, in seconds since 1970.
    last: i64,
    /// When the last one was put on record.
    told_at: i64,
    /// For how many the records of this burst stand.
    told: u64,
    /// How many came since.
    missed: u64,
}

/// The bursts, by what makes denials alike: the fields below, as JSON.
type Bursts = BTreeMap<String, Burst>;
/// What tells one kind of denial from another, and stands in the record of those that were counted.
const ALIKE: [&str; 2] = ["code", "verb"];

impl Log {
    /// Records a denial, or counts it where too many came lately.
    ///
    /// # Errors
    /// As [`Log::append`]. What was refused is refused all the same.
    pub fn deny(&self, now: Timestamp, event: Event) -> Result<()> {
        let most =
            if event.name() == EventKind::VaultDeny.name() { SINGLE_OF_VAULT } else { SINGLE };
        let key = alike(&event).body();
        let mut count = None;
        self.change(|bursts| {
            let burst = bursts.entry(key.clone()).or_default();
            count = burst.next(now.as_second(), most);
        })?;
        let Some(count) = count else { return Ok(()) };
        let told = self.append(now, &[event.maybe("count", (count > 1).then_some(count))]);
        told.map(drop).inspect_err(|_| self.owe(&key, count))
    }

    /// Puts on record what was only counted, so that whoever looks finds all of it.
    ///
    /// # Errors
    /// As [`Log::append`]: then it stays counted.
    pub(crate) fn settle(&self, now: Timestamp) -> Result<()> {
        // As a rule there is nothing, which is seen without a lock.
        if self.counted()?.values().all(|burst| burst.missed == 0) {
            return Ok(());
        }
        let mut owed: Vec<(String, u64)> = Vec::new();
        self.change(|bursts| {
            for (key, burst) in bursts.iter_mut().filter(|(_, burst)| burst.missed > 0) {
                owed.push((key.clone(), burst.missed));
                burst.tell(now.as_second());
            }
        })?;
        let event = |(key, count): &(String, u64)| {
            let event = Event::from_json(format!("{{{key}}}").as_bytes())?;
            Ok(event.field("count", *count))
        };
        let events = owed.iter().map(event).collect::<Result<Vec<Event>>>()?;
        if events.is_empty() {
            return Ok(());
        }
        let told = self.append(now, &events).map(drop);
        told.inspect_err(|_| owed.iter().for_each(|(key, count)| self.owe(key, *count)))
    }

    /// Counts denials again that could not be put on record.
    fn owe(&self, key: &str, count: u64) {
        let counted = self.change(|bursts| {
            let burst = bursts.entry(key.to_owned()).or_default();
            burst.missed = burst.missed.saturating_add(count);
        });
        // Where not even that can be written there is no record of anything.
        drop(counted);
    }

    fn counted(&self) -> Result<Bursts> {
        let text = files::read_if_present(&self.path().join(NAME), Guard::Private, MAX_SIZE);
        // A count that is too long is none of ours.
        Ok(text.ok().flatten().map(|text| read(&text)).unwrap_or_default())
    }

    fn change(&self, change: impl FnOnce(&mut Bursts)) -> Result<()> {
        let path = self.path().join(NAME);
        let _lock = self.lock()?;
        let mut bursts = self.counted()?;
        change(&mut bursts);
        let file = files::open_or_create(&path)?;
        let text = write(&bursts);
        file.set_len(text.len() as u64)
            .and_then(|()| file.write_all_at(text.as_bytes(), 0))
            .map_err(|e| Error::io("write", &path, e))
    }
}

/// The event with no more than what makes it alike to others.
fn alike(event: &Event) -> Event {
    let fields = event.fields.iter().filter(|(name, _)| ALIKE.contains(&name.as_str()));
    fields.fold(Event::foreign(event.name()), |e, (name, value)| e.field(name, value.clone()))
}

/// A line each: the four numbers, then what the denials are.
fn read(text: &[u8]) -> Bursts {
    let line = |line: &str| -> Option<(String, Burst)> {
        let mut words = line.splitn(5, ' ');
        let mut number = || words.next()?.parse::<i64>().ok();
        let (last, told_at, told, missed) = (number()?, number()?, number()?, number()?);
        let count = |n: i64| u64::try_from(n).unwrap_or_default();
        let burst = Burst { last, told_at, told: count(told), missed: count(missed) };
        let key = words.next()?;
        Event::from_json(format!("{{{key}}}").as_bytes()).ok().map(|_| (key.to_owned(), burst))
    };
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.lines().filter_map(line).collect()
}

/// Without those that are over and told of: there is no end of kinds.
fn write(bursts: &Bursts) -> String {
    let newest = bursts.values().map(|burst| burst.last).max().unwrap_or_default();
    let kept = |burst: &Burst| burst.missed > 0 || newest.saturating_sub(burst.last) < PAUSE;
    let lines = bursts.iter().filter(|(_, burst)| kept(burst)).map(|(key, burst)| {
        format!("{} {} {} {} {key}\n", burst.last, burst.told_at, burst.told, burst.missed)
    });
    lines.collect()
}

impl Burst {
    /// One more; for how many the record of it stands, `None` if it is only counted.
    fn next(&mut self, now: i64, single: u64) -> Option<u64> {
        if !(0..PAUSE).contains(&now.saturating_sub(self.last)) {
            *self = Burst { missed: self.missed, told_at: now, ..Burst::default() };
        }
        self.last = now;
        self.missed = self.missed.saturating_add(1);
        let due = self.told < single
            || self.missed >= self.told
            || now.saturating_sub(self.told_at) >= LONGEST;
        let count = self.missed;
        due.then(|| {
            self.tell(now);
            count
        })
    }

    fn tell(&mut self, now: i64) {
        self.told = self.told.saturating_add(self.missed);
        (self.missed, self.told_at) = (0, now);
    }
}

#[cfg(test)]
mod tests;
