//! Live copies of records for syslog and journald, sent once a record is durable. A copy never
//! delays or endangers what was recorded: it is one datagram that is taken at once or missed, and
//! what is missed is counted and put on record, once an outage.

use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use hasp_core::{Error, Result, files};

use crate::record::Record;
use crate::record::event::Event;
use crate::record::kind;
use crate::record::kind::EventKind;
use crate::segment::lock;
use hasp_core::policy::audit::{Audit, To};

/// The facility for what only administrators may read (RFC 5424, 6.2.1).
const AUTHPRIV: u8 = 10;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What there is to record of copies: that they began to be missed, or are taken again.
pub struct News {
    /// The record of it.
    pub event: Event,
    to: To,
    /// The count to go back to if this cannot be recorded.
    before: u64,
}

/// Sends these durable lines of the log in `dir` wherever the policy wants them.
pub fn send(dir: &Path, audit: &Audit, lines: &[u8]) -> Vec<News> {
    let outcomes = audit.copies().map(|(to, socket)| (to, socket, deliver(to, socket, lines)));
    outcomes.filter_map(|(to, socket, outcome)| news(dir, to, socket, outcome)).collect()
}

/// Sends lines that tell of copies themselves: they are counted where copies are missed, and are no
/// news.
pub fn send_news(dir: &Path, audit: &Audit, lines: &[u8]) {
    for (to, socket) in audit.copies() {
        if let Err(missed) = deliver(to, socket, lines) {
            // What cannot be counted is on record all the same.
            let _ = Outage(dir, to).add_to_open(missed.count);
        }
    }
}

/// Goes back to what was known before news that could not be put on record, so that they are news
/// again.
pub fn unsaid(dir: &Path, news: &[News]) {
    news.iter().for_each(|n| drop(Outage(dir, n.to).change(|_| n.before)));
}

/// Copies that were not taken.
struct Missed {
    count: u64,
    why: io::Error,
}

fn deliver(to: To, path: &Path, lines: &[u8]) -> std::result::Result<(), Missed> {
    let mut missed: Option<Missed> = None;
    let socket =
        UnixDatagram::unbound().and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
    for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let sent = match &socket {
            Ok(socket) => message(to, line).map_or(Ok(0), |message| socket.send_to(&message, path)),
            Err(e) => Err(io::Error::from(e.kind())),
        };
        match (sent, &mut missed) {
            (Ok(_), _) => {}
            (Err(_), Some(missed)) => missed.count += 1,
            (Err(why), None) => missed = Some(Missed { count: 1, why }),
        }
    }
    missed.map_or(Ok(()), Err)
}

fn news(
    dir: &Path,
    to: To,
    socket: &Path,
    outcome: std::result::Result<(), Missed>,
) -> Option<News> {
    let event = Event::new(EventKind::AuditCopy).field("to", to.word());
    match outcome {
        Err(missed) => {
            let first = Outage(dir, to).add(missed.count).ok()?;
            let why = Error::io("reach", socket, missed.why);
            let event = event.field("state", "failing").field("why", why.message());
            first.then_some(News { event, to, before: 0 })
        }
        Ok(()) => {
            let missed = Outage(dir, to).close().ok()?;
            let event = event.field("state", "back").field("missed", missed);
            (missed > 0).then_some(News { event, to, before: missed })
        }
    }
}

/// How many copies in a row were missed: a number in a file beside the log, so that all processes
/// count together.
struct Outage<'a>(&'a Path, To);

impl Outage<'_> {
    /// Counts; true if it begins with this.
    fn add(&self, count: u64) -> Result<bool> {
        self.change(|before| before + count).map(|before| before == 0)
    }

    /// Counts if there is one.
    fn add_to_open(&self, count: u64) -> Result<()> {
        self.change(|before| if before == 0 { 0 } else { before + count }).map(drop)
    }

    /// Ends it; returns how many were missed.
    fn close(&self) -> Result<u64> {
        // Looked at without the lock: as a rule there is nothing to end.
        if !self.0.join(self.name()).metadata().is_ok_and(|m| m.len() > 0) {
            return Ok(0);
        }
        self.change(|_| 0)
    }

    fn name(&self) -> String {
        format!("missed-{}", self.1.word())
    }

    fn change(&self, next: impl Fn(u64) -> u64) -> Result<u64> {
        let _lock = lock::take(self.0)?;
        let path = self.0.join(self.name());
        let failed = |e| Error::io("write", &path, e);
        let file = files::open_or_create(&path)?;
        let mut digits = [0; 20];
        let read = file.read_at(&mut digits, 0).map_err(failed)?;
        let before = std::str::from_utf8(&digits[..read])
            .ok()
            .and_then(|t| t.trim().parse().ok())
            .unwrap_or(0);
        let text = match next(before) {
            0 => String::new(),
            more => format!("{more}\n"),
        };
        file.set_len(text.len() as u64)
            .and_then(|()| file.write_all_at(text.as_bytes(), 0))
            .map_err(failed)?;
        Ok(before)
    }
}

/// The datagram for a record; `None` if the line is none.
fn message(to: To, line: &[u8]) -> Option<Vec<u8>> {
    let record = Record::parse(line)?;
    let severity = severity(record.event());
    let head = match to {
        To::Syslog => format!(
            "<{}>{} hasp-audit[{}]: ",
            AUTHPRIV * 8 + severity,
            stamp(&record),
            std::process::id()
        ),
        // Neither number nor name of an event can hold a newline, which would begin another field.
        To::Journald => format!(
            "PRIORITY={severity}\nSYSLOG_FACILITY={AUTHPRIV}\nSYSLOG_IDENTIFIER=hasp-audit\n\
             HASP_N={}\nHASP_EVENT={}\nMESSAGE=",
            record.n(),
            record.event()
        ),
    };
    let end: &[u8] = if to == To::Journald { b"\n" } else { b"" };
    Some([head.as_bytes(), line, end].concat())
}

/// As in RFC 5424: 4 warning, 5 notice, 6 informational.
fn severity(event: &str) -> u8 {
    match event {
        e if kind::is_denial(e) || e == EventKind::AuditLoss.name() => 4,
        e if kind::releases(e) || e.starts_with("audit.") => 5,
        _ => 6,
    }
}

/// Local time as in RFC 3164, the form that every daemon behind `/dev/log` reads: `Nov  3
/// 06:12:09`.
fn stamp(record: &Record) -> String {
    let local = record.time().local();
    let part = |from: usize, to: usize| local.get(from..to).unwrap_or_default();
    let month = part(5, 7)
        .parse::<usize>()
        .ok()
        .and_then(|m| MONTHS.get(m.wrapping_sub(1)))
        .unwrap_or(&"Jan");
    format!("{month} {:>2} {}", part(8, 10).trim_start_matches('0'), part(11, 19))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LINE: &[u8] =
        br#"{"v":1,"n":7,"t":"2026-01-03T04:05:06Z","event":"exec.deny","code":"spent"}"#;

    #[test]
    fn a_syslog_message_is_what_logger_sends() {
        let message = String::from_utf8(message(To::Syslog, LINE).unwrap()).unwrap();
        let (head, body) = message.split_once("]: ").unwrap();
        assert_eq!(body.as_bytes(), LINE);
        assert!(head.starts_with("<84>Jan  ") && head.contains(" hasp-audit["), "{head}");
        // `<PRI>Mmm dd hh:mm:ss TAG`: 15 characters of time.
        assert_eq!(head.find("hasp-audit"), Some("<84>".len() + 15 + 1));
    }

    #[test]
    fn a_journald_message_is_fields_one_a_line() {
        let message = String::from_utf8(message(To::Journald, LINE).unwrap()).unwrap();
        assert!(message.ends_with('\n'));
        let fields: Vec<(&str, &str)> =
            message.lines().map(|l| l.split_once('=').unwrap()).collect();
        let of = |name: &str| fields.iter().find(|(n, _)| *n == name).unwrap().1;
        assert_eq!((of("PRIORITY"), of("HASP_N"), of("HASP_EVENT")), ("4", "7", "exec.deny"));
        assert_eq!(of("MESSAGE").as_bytes(), LINE);
    }
}
