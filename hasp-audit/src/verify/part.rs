//! Verifying one segment by itself: everything but how it joins on to the one before.

use std::path::Path;
use std::time::Duration;

use hasp_core::{Result, Timestamp};

use crate::record::chain::{Key, MacBytes};
use crate::record::line::{Frame, time};
use crate::segment::{Found, Lines};
use crate::verify::grants::Fact;

/// How many records are verified between two reports of progress.
const STEP: u64 = 4096;
/// Records of tools that run at the same time may be dated this far apart the wrong way round.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(60);

/// Which segment, and the key of the record that it claims to begin with.
pub struct Job {
    /// The segment's number.
    pub segment: u32,
    /// The number of its first record.
    pub first: u64,
    /// The key of that record.
    pub key: Key,
    /// How many bytes of it count.
    pub limit: u64,
}

/// What was found in a segment.
#[derive(Debug)]
pub struct Part {
    /// The segment's number.
    pub segment: u32,
    /// The number of its first record.
    pub first: u64,
    /// How many records verified, from the first on.
    pub count: u64,
    /// What the first record says was the mac before it.
    pub before: MacBytes,
    /// The mac of the last record that verified.
    pub last: MacBytes,
    /// The bytes of those that verified.
    pub bytes: u64,
    /// The key that follows the last of them.
    pub key: Key,
    /// Why it ended before its end.
    pub bad: Option<Bad>,
    /// Macs (and the key after) of records that were asked for.
    pub marks: Vec<(u64, MacBytes, Key)>,
    /// Lines of `audit.*` events, which tell of the log itself.
    pub own: Vec<(u64, Vec<u8>)>,
    /// What its records say of grants.
    pub facts: Vec<Fact>,
    /// The times of its first and last record.
    pub times: Option<(Vec<u8>, Vec<u8>)>,
    /// Where the clock was set back: the number of a record, the time before it and its own.
    pub back: Vec<(u64, Timestamp, Timestamp)>,
}

/// The first thing in a segment that is no record of this log.
#[derive(Debug)]
pub struct Bad {
    /// What is wrong with it.
    pub why: String,
    /// What a crash, or a cut, could have done.
    pub shape: Shape,
}

/// What bad bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The segment ends within the line.
    Cut,
    /// It holds zeros, as a block that never reached the disk.
    Hole,
    /// A whole line, or more than one can have.
    Line,
}

impl Part {
    /// The number of the record after the last good one.
    pub fn next(&self) -> u64 {
        self.first + self.count
    }

    /// Verifies the lines of a segment, up to the first that fails.
    pub fn check(
        dir: &Path,
        job: Job,
        marks: &[u64],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Part> {
        let mut part = Part::empty(&job);
        let mut lines = Lines::open(dir, job.segment, job.limit)?;
        let mut line = Vec::with_capacity(crate::record::line::MAX_LINE);
        while part.bad.is_none() {
            match lines.next_into(&mut line)? {
                Found::Line => part.take(&line, marks),
                Found::Rest => {
                    part.bad = Some(Bad {
                        why: format!("it is cut off after {} bytes", line.len()),
                        shape: Shape::Cut,
                    })
                }
                Found::Long => {
                    part.bad =
                        Some(Bad { why: "it is longer than a record".into(), shape: shape(&line) })
                }
                Found::Damaged => {
                    part.bad = Some(Bad { why: "it does not unpack".into(), shape: Shape::Line })
                }
                Found::End => break,
            }
            if part.count.is_multiple_of(STEP) {
                progress(STEP.min(part.count));
            }
        }
        progress(part.count % STEP);
        Ok(part)
    }

    /// A segment of which nothing is good.
    pub fn failed(job: &Job, bad: Bad) -> Part {
        Part { bad: Some(bad), ..Part::empty(job) }
    }

    fn empty(job: &Job) -> Part {
        Part {
            segment: job.segment,
            first: job.first,
            count: 0,
            before: [0; 32],
            last: [0; 32],
            bytes: 0,
            key: job.key.clone(),
            bad: None,
            marks: Vec::new(),
            own: Vec::new(),
            facts: Vec::new(),
            times: None,
            back: Vec::new(),
        }
    }

    fn take(&mut self, line: &[u8], marks: &[u64]) {
        let Some(frame) = Frame::split(line) else {
            self.bad =
                Some(Bad { why: "it has not the form of a record".into(), shape: shape(line) });
            return;
        };
        if self.count == 0 {
            self.before = decode(frame.prev).unwrap_or_default();
            self.last = self.before;
        }
        let n = self.next();
        match frame.check_and_next(n, &self.last, &self.key) {
            Ok((mac, key)) => (self.last, self.key) = (mac, key),
            Err(why) => {
                self.bad = Some(Bad { why: why.into(), shape: shape(line) });
                return;
            }
        }
        self.count += 1;
        self.bytes += line.len() as u64 + 1;
        if marks.contains(&n) {
            self.marks.push((n, self.last, self.key.clone()));
        }
        self.facts.extend(Fact::read(line));
        self.clock(n, line);
        if is_own(line) {
            self.own.push((n, line.to_vec()));
        }
    }
}

impl Part {
    fn clock(&mut self, n: u64, line: &[u8]) {
        let Some(time) = time(line) else { return };
        let Some((_, last)) = &mut self.times else {
            self.times = Some((time.to_vec(), time.to_vec()));
            return;
        };
        self.back.extend(step_back(last, time).map(|(before, now)| (n, before, now)));
        last.clear();
        last.extend_from_slice(time);
    }
}

/// The two times, if the clock was set back between them. Tools that write at the same moment took
/// the time a little before.
pub(crate) fn step_back(before: &[u8], now: &[u8]) -> Option<(Timestamp, Timestamp)> {
    // One spelling of each moment: as a rule their order is that of their bytes.
    if now >= before && now.len() == before.len() {
        return None;
    }
    let read = |text| std::str::from_utf8(text).ok()?.parse::<Timestamp>().ok();
    let (before, now) = (read(before)?, read(now)?);
    (now.after(AT_ONCE) < before).then_some((before, now))
}

fn shape(line: &[u8]) -> Shape {
    if line.contains(&0) { Shape::Hole } else { Shape::Line }
}

fn decode(hex: &[u8]) -> Option<MacBytes> {
    data_encoding::HEXLOWER.decode(hex).ok()?.try_into().ok()
}

/// Whether a record tells of the log itself: `{"v":1,"n":N,"t":"TIME","event":"audit.WHAT"`. Copies
/// that were missed say nothing of the log.
fn is_own(line: &[u8]) -> bool {
    let event = || {
        // Eleven bytes stand before the number, six between it and the time.
        let rest = line.get(11..)?;
        let rest = rest.get(memchr::memchr(b',', rest)? + 6..)?;
        rest.get(memchr::memchr(b'"', rest)?..)?.strip_prefix(b"\",\"event\":\"audit.")
    };
    event().is_some_and(|what| !what.starts_with(b"copy\""))
}
