//! Going on after a loss: never silently, always in a segment of its own whose first record says
//! what is missing, so that no verification ever calls the log whole again.

use std::path::Path;

use hasp_core::{Error, Home, Kind, LogId, Policy, Result, Timestamp, files};

use crate::code;
use crate::log::{Log, compose};
use crate::record::chain::Key;
use crate::record::event::Event;
use crate::record::kind::EventKind;
use crate::record::line::Frame;
use crate::segment::missing::or_missing;
use crate::segment::replay::{Reach, Rest, tail};
use crate::segment::state::State;
use crate::segment::{self, Found, Lines};
use crate::segment::{lock, torn};
use crate::verify::{self, Against, Checked};

/// Records that are missing, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

impl Log {
    /// Goes on without what was cut off, which the next record says.
    ///
    /// # Errors
    /// `[nothing-lost]` (`Kind::Usage`) if the log can be appended to as it is.
    pub fn accept_loss(&self, now: Timestamp) -> Result<Loss> {
        let dir = self.path();
        let policy = Policy::read(self.home())?;
        let lock = lock::take(dir)?;
        let reach = Reach::find(dir)?;
        let mut state = reach.state.clone();
        let loss = match reach.rest {
            Rest::Nothing | Rest::Torn(_) => return Err(nothing_lost()),
            Rest::Short => Loss {
                first: left(dir, state.segment)?.min(state.n),
                last: state.n.saturating_sub(1),
            },
            Rest::Foreign => {
                Loss { first: state.n, last: state.n + foreign_lines(dir, &reach)? - 1 }
            }
        };
        set_rest_aside(dir, &reach)?;
        state.key.advance(loss.last + 1 - state.n);
        state.n = loss.last + 1;
        let lines = resume(dir, &state, now, loss, &[])?;
        drop(lock);
        self.copy(&policy, now, &lines);
        Ok(loss)
    }

    /// Rebuilds the key state from the audit root, after it was lost or damaged; what is missing is
    /// recorded as lost.
    ///
    /// # Errors
    /// `[nothing-to-recover]` (`Kind::Usage`) if the key state is good.
    pub fn recover(
        home: &Home,
        id: &LogId,
        against: &Against,
        now: Timestamp,
    ) -> Result<Option<Loss>> {
        let log = Log::open(home, id)?;
        if let Err(gone) = State::read(log.path()).map_err(|e| or_missing(e, log.path()))
            && gone.code() == code::LOG_MISSING
        {
            return Err(gone);
        }
        let checked = verify::check(home, id, against)?;
        let state = State::read(log.path());
        let fits = checked.report.fault.as_ref().is_none_or(|f| f.code != code::KEY_STATE);
        if state.is_ok() && fits {
            return Err(Error::new(Kind::Usage, code::NOTHING_TO_RECOVER, "the key state is good")
                .hint("look at the record itself: hasp-audit verify"));
        }
        let policy = Policy::read(log.home())?;
        let lock = lock::take(log.path())?;
        let (loss, lines) = rebuild(log.path(), id, against, now, &checked)?;
        drop(lock);
        log.copy(&policy, now, &lines);
        Ok(loss)
    }
}

/// A key state at the end of a good log, or behind everything that a damaged one may have held;
/// with the lines that say so.
fn rebuild(
    dir: &Path,
    id: &LogId,
    against: &Against,
    now: Timestamp,
    checked: &Checked,
) -> Result<(Option<Loss>, Vec<u8>)> {
    let good = checked.report.records;
    let signed =
        verify::checkpoint(dir)?.and_then(std::result::Result::ok).map_or(0, |c| c.head.count);
    let last = segment::list(dir)?.into_keys().last().unwrap_or(1);
    let whole = checked.report.fault.as_ref().is_none_or(|f| f.code == code::KEY_STATE);
    let n = if whole { signed.max(good) } else { signed.max(left(dir, last)?).max(good + 1) };
    let recovered = Event::new(EventKind::AuditRecover).field("records", good);
    if n == good {
        let mut events: Vec<Event> = unfinished(dir, &checked.end)?.into_iter().collect();
        events.push(recovered);
        let lines = begin(
            dir,
            &State { segment: last + 1, offset: 0, ..checked.end.clone() },
            now,
            &events,
        )?;
        return Ok((None, lines));
    }
    let mut key = Key::first(against.audit_root, id);
    key.advance(n);
    let loss = Loss { first: good, last: n - 1 };
    let state = State { n, key, prev: checked.report.mac, segment: last, offset: 0 };
    let lines = resume(dir, &state, now, loss, &[recovered])?;
    Ok((Some(loss), lines))
}

/// Sets aside what stands behind the last good record.
fn unfinished(dir: &Path, end: &State) -> Result<Option<Event>> {
    let Some(file) = segment::open(dir, end.segment)? else {
        return Ok(None);
    };
    let rest = tail(&file, &segment::path(dir, end.segment), end.offset)?;
    if rest.is_empty() {
        return Ok(None);
    }
    torn::set_aside(dir, end, &file, &rest).map(Some)
}

/// Begins a new segment with the record of a loss; returns its lines.
fn resume(
    dir: &Path,
    state: &State,
    now: Timestamp,
    loss: Loss,
    more: &[Event],
) -> Result<Vec<u8>> {
    let last = segment::list(dir)?.into_keys().last().unwrap_or(0).max(state.segment);
    let lost = Event::new(EventKind::AuditLoss).field("first", loss.first).field("last", loss.last);
    let events = [&[lost], more].concat();
    begin(dir, &State { segment: last + 1, offset: 0, ..state.clone() }, now, &events)
}

/// Writes events as the first records of the segment of `state`, and the key state behind them.
fn begin(dir: &Path, state: &State, now: Timestamp, events: &[Event]) -> Result<Vec<u8>> {
    let (bytes, after) = compose(state, now, events)?;
    files::replace(&segment::path(dir, state.segment), &bytes)?;
    after.create(dir).map(|()| bytes)
}

/// The number behind the last line that looks like a record, in this segment or the last one before
/// it that has any.
fn left(dir: &Path, from: u32) -> Result<u64> {
    for number in segment::list(dir)?.into_keys().rev().filter(|n| *n <= from) {
        let mut lines = Lines::open(dir, number, u64::MAX)?;
        let (mut line, mut next) = (Vec::new(), None);
        while lines.next_into(&mut line)? == Found::Line {
            next = Frame::split(&line).map_or(next, |f| Some(f.n.saturating_add(1)));
        }
        if let Some(next) = next {
            return Ok(next);
        }
    }
    Ok(0)
}

/// How many lines stand where records should: as many numbers are given up.
fn foreign_lines(dir: &Path, reach: &Reach) -> Result<u64> {
    let Some(file) = &reach.file else {
        return Ok(1);
    };
    let bytes = tail(file, &segment::path(dir, reach.state.segment), reach.state.offset)?;
    Ok(memchr::memchr_iter(b'\n', &bytes).count().max(1) as u64)
}

/// Moves what is no record out of the segment: lines that hasp did not write, or the cut line at
/// its end.
fn set_rest_aside(dir: &Path, reach: &Reach) -> Result<()> {
    let Some(file) = &reach.file else {
        return Ok(());
    };
    let path = segment::path(dir, reach.state.segment);
    let all = tail(file, &path, 0)?;
    let whole = match reach.rest {
        Rest::Foreign => usize::try_from(reach.state.offset).unwrap_or(usize::MAX).min(all.len()),
        _ => all.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1),
    };
    if whole < all.len() {
        torn::cut(dir, reach.state.segment, file, whole as u64, &all[whole..])?;
    }
    Ok(())
}

fn nothing_lost() -> Error {
    Error::new(Kind::Usage, code::NOTHING_LOST, "nothing is missing at the end of the record")
        .hint("look at the whole of it: hasp-audit verify")
}
