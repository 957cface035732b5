//! Hours of the week, as the clock on the wall of one place has them: `Mon-Fri 07:00-19:00`. What
//! runs past midnight belongs to the day on which it began. Where the clock is put forward the hour
//! that is left out is on no clock; where it is put back, both of the hours that it shows count.

use std::fmt;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::platform;
use crate::text::printable;
use crate::time::Timestamp;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Hours of the week in one time zone.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Hours {
    shifts: Vec<Shift>,
    zone: TimeZone,
    /// As they were written, and the zone's name where that was not.
    text: String,
}

/// From a minute of these days to another, which is of the next day if it is not later.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shift {
    days: [bool; 7],
    from: u16,
    to: u16,
}

impl Hours {
    /// Whether they include this moment.
    pub fn admit(&self, now: Timestamp) -> bool {
        let (day, minute) = self.civil(now);
        self.shifts.iter().any(|shift| shift.admits(day, minute))
    }

    /// `Sat 12:04`: what the clock there shows.
    pub fn clock(&self, now: Timestamp) -> String {
        let (day, minute) = self.civil(now);
        format!("{} {:02}:{:02}", DAYS[day], minute / 60, minute % 60)
    }

    /// The day, from Monday, and the minute of it.
    fn civil(&self, now: Timestamp) -> (usize, u16) {
        let moment = jiff::Timestamp::from_second(now.as_second()).unwrap_or_default();
        let there = moment.to_zoned(self.zone.clone());
        let day = usize::try_from(there.weekday().to_monday_zero_offset()).unwrap_or_default();
        let minute = u16::try_from(i16::from(there.hour()) * 60 + i16::from(there.minute()));
        (day, minute.unwrap_or_default())
    }
}

impl Shift {
    fn admits(&self, day: usize, minute: u16) -> bool {
        let yesterday = (day + 6) % 7;
        match self.from < self.to {
            true => self.days[day] && (self.from..self.to).contains(&minute),
            false => {
                (self.days[day] && minute >= self.from)
                    || (self.days[yesterday] && minute < self.to)
            }
        }
    }
}

impl PartialEq for Hours {
    fn eq(&self, other: &Hours) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Hours, String> {
        let (times, named) = match text.trim().rsplit_once(char::is_whitespace) {
            Some((times, last)) if !last.starts_with(|c: char| c.is_ascii_digit()) => {
                (times, Some(last))
            }
            _ => (text.trim(), None),
        };
        let shifts = times.split(',').map(shift).collect::<Option<Vec<_>>>().ok_or(
            "hours look like \"Mon-Fri 07:00-19:00\", \"Sat 09:00-12:00 Europe/Berlin\" or \
             \"22:00-06:00\"",
        )?;
        match named {
            Some(name) => {
                let zone = named_zone(name).ok_or_else(|| {
                    let shown: String = printable(name.as_bytes()).chars().take(40).collect();
                    format!("this machine knows no time zone '{shown}'")
                })?;
                Ok(Hours { shifts, zone, text: text.trim().to_owned() })
            }
            None => {
                let (name, zone) = local_zone();
                Ok(Hours { shifts, zone, text: format!("{times} {name}") })
            }
        }
    }
}

/// `Mon-Fri 07:00-19:00`, `Sat 09:00-12:00`, `22:00-06:00`.
fn shift(text: &str) -> Option<Shift> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (days, times) = match words.as_slice() {
        [times] => ([true; 7], *times),
        [days, times] => (week(days)?, *times),
        _ => return None,
    };
    let (from, to) = times.split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    (from != to && from < DAY).then_some(Shift { days, from, to })
}

fn week(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|d| d.eq_ignore_ascii_case(name));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (day(first)?, day(last)?),
        None => (day(text)?, day(text)?),
    };
    let mut days = [false; 7];
    (0..=(last + 7 - first) % 7).for_each(|n| days[(first + n) % 7] = true);
    Some(days)
}

/// `07:00`, up to `24:00`.
fn minute(text: &str) -> Option<u16> {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let (hour, minute) = text.split_once(':').filter(|(h, m)| digits(h) && digits(m))?;
    let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
}

/// The zone from the system's own files, whatever `TZ` and `TZDIR` say: who uses a grant does not
/// choose what time it is.
fn named_zone(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    TimeZone::tzif(name, &platform::zone(name)?).ok()
}

fn local_zone() -> (String, TimeZone) {
    let local = platform::local_zone();
    let read = local.and_then(|(name, data)| Some((TimeZone::tzif(&name, &data).ok()?, name)));
    read.map_or_else(|| ("UTC".to_owned(), TimeZone::UTC), |(zone, name)| (name, zone))
}
