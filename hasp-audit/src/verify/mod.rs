//! Whether a log is whole: every record in its place under its own key, nothing cut off against the
//! key state, the checkpoint and an expected head. "No" always names the first bad record; without
//! the audit root there is no answer at all.

mod grants;
pub(crate) mod part;
pub(crate) mod recover;
mod report;
mod verdict;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};

use hasp_core::files::{self, Guard};
use hasp_core::{Home, Kind, LogId, Result};

use crate::code;
use crate::log;
use crate::prune::{self, Pruned};
use crate::record::chain::Key;
use crate::record::head::{self, Head, SignedHead};
use crate::record::line::Frame;
use crate::segment::lock;
use crate::segment::state::State;
use crate::segment::{self, Found, Lines};
use crate::verify::part::{Bad, Job, Part, Shape};
use crate::verify::verdict::{Facts, judge};

pub use crate::verify::grants::Ungranted;
pub use crate::verify::report::{Against, Fault, Report};

/// No more records than this can be missing in one place before the numbers are called implausible.
const MAX_GAP: u64 = 20_000_000;

/// Everything that verification reads from a log.
pub struct Checked {
    /// The verdict.
    pub report: Report,
    /// The last segment, its good bytes, and the key after them: where a key state that was lost
    /// would stand.
    pub end: State,
}

/// Verifies a log; reads it only.
///
/// # Errors
/// I/O errors, and `[log-missing]`; all that is wrong with the records is in the report.
pub fn verify(home: &Home, id: &LogId, against: &Against) -> Result<Report> {
    check(home, id, against).map(|c| c.report)
}

/// [`verify`], with the end of the log.
pub fn check(home: &Home, id: &LogId, against: &Against) -> Result<Checked> {
    let dir = log::Log::open(home, id)?.path().to_owned();
    let snapshot = Snapshot::take(&dir)?;
    let checkpoint = checkpoint(&dir)?;
    let pruned = prune::pruned(&dir, id, against.audit_root)?;
    let marks = marks(&snapshot, &checkpoint, pruned.as_ref(), against.expect);
    let walker = Walker {
        n: 0,
        key: Key::first(against.audit_root, id),
        gone: pruned.map_or(0, |pruned| pruned.count),
    };
    let parts = snapshot.parts(&dir, walker, &marks, against.progress)?;
    let end = end(&parts, Key::first(against.audit_root, id));
    let (state, checkpoint) = (&snapshot.state, &checkpoint);
    let facts = Facts { id, parts: &parts, state, checkpoint, pruned, against };
    Ok(Checked { report: judge(&facts), end })
}

/// The log at one moment: others may append while it is verified.
struct Snapshot {
    state: std::result::Result<State, String>,
    segments: Vec<u32>,
    limit: u64,
}

impl Snapshot {
    fn take(dir: &Path) -> Result<Snapshot> {
        // A copy on a read-only disk has no writers, and no lock can be made there.
        let _lock = match lock::take(dir) {
            Err(e) if e.kind() == Kind::Busy => return Err(e),
            other => other.ok(),
        };
        let state = match State::read(dir) {
            Err(e) if e.code() == code::KEY_STATE => Err(e.message().to_owned()),
            other => Ok(other?),
        };
        let segments: Vec<u32> = segment::list(dir)?.into_keys().collect();
        let last = segments.last().map(|number| segment::path(dir, *number));
        let limit = last.and_then(|path| path.metadata().ok()).map_or(u64::MAX, |m| m.len());
        Ok(Snapshot { state, segments, limit })
    }

    /// All segments in order, verified by as many threads as there are processors.
    fn parts(
        &self,
        dir: &Path,
        mut walker: Walker,
        marks: &[u64],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Part>> {
        let threads = std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(self.segments.len().max(1));
        let (sender, receiver) = sync_channel(threads);
        let jobs = Mutex::new(receiver);
        let done = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(job) = take(&jobs) {
                        let number = job.segment;
                        let part = Part::check(dir, job, marks, progress);
                        done.lock().unwrap_or_else(|e| e.into_inner()).insert(number, part);
                    }
                });
            }
            for number in &self.segments {
                let limit =
                    if Some(number) == self.segments.last() { self.limit } else { u64::MAX };
                let part = match walker.job(dir, *number, limit) {
                    Ok(Ok(job)) => {
                        drop(sender.send(job));
                        continue;
                    }
                    Ok(Err(bad)) => Ok(*bad),
                    Err(e) => Err(e),
                };
                done.lock().unwrap_or_else(|e| e.into_inner()).insert(*number, part);
            }
            drop(sender);
        });
        done.into_inner().unwrap_or_else(|e| e.into_inner()).into_values().collect()
    }
}

fn take(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(|e| e.into_inner()).recv().ok()
}

/// Runs ahead through the keys, so that each segment can be verified by itself.
struct Walker {
    n: u64,
    key: Key,
    /// The number of the record that the log begins with at the latest: what is before it was
    /// pruned.
    gone: u64,
}

impl Walker {
    /// What to verify in a segment, or what is wrong with its beginning.
    fn job(
        &mut self,
        dir: &Path,
        segment: u32,
        limit: u64,
    ) -> Result<std::result::Result<Job, Box<Part>>> {
        let mut line = Vec::new();
        let found = Lines::open(dir, segment, limit)?.next_into(&mut line)?;
        match Frame::split(&line).map(|f| f.n).filter(|_| found == Found::Line) {
            Some(n) if n < self.n || n > self.gone && n - self.n > MAX_GAP => {
                return Ok(Err(Box::new(self.bad(segment, "it has another number"))));
            }
            Some(n) => {
                self.key.advance(n - self.n);
                self.n = n;
            }
            // Its lines say what is wrong with it; the key cannot matter.
            None => {}
        }
        Ok(Ok(Job { segment, first: self.n, key: self.key.clone(), limit }))
    }

    fn bad(&self, segment: u32, why: &str) -> Part {
        let job = Job { segment, first: self.n, key: self.key.clone(), limit: 0 };
        Part::failed(&job, Bad { why: why.to_owned(), shape: Shape::Line })
    }
}

/// The checkpoint beside the log, not verified yet; `Err` holds what is wrong with its form.
pub(crate) fn checkpoint(dir: &Path) -> Result<Option<std::result::Result<SignedHead, String>>> {
    let path: PathBuf = dir.join(head::CHECKPOINT);
    let Some(bytes) = files::read_if_present(&path, Guard::Private, head::MAX_NOTE)? else {
        return Ok(None);
    };
    let parsed = String::from_utf8(bytes).ok().and_then(|text| SignedHead::parse(&text).ok());
    Ok(Some(parsed.ok_or_else(|| "the checkpoint beside the record is no signed head".to_owned())))
}

/// The numbers of records whose macs other things name.
fn marks(
    snapshot: &Snapshot,
    checkpoint: &Option<std::result::Result<SignedHead, String>>,
    pruned: Option<&Pruned>,
    expect: Option<&Head>,
) -> Vec<u64> {
    let counts = [
        pruned.map(|pruned| pruned.count),
        snapshot.state.as_ref().ok().map(|s| s.n),
        checkpoint.as_ref().and_then(|c| c.as_ref().ok()).map(|c| c.head.count),
        expect.map(|h| h.count),
    ];
    counts.into_iter().flatten().filter_map(|count| count.checked_sub(1)).collect()
}

/// Where the next record would go if the log is good up to there.
fn end(parts: &[Part], first: Key) -> State {
    match parts.iter().rev().find(|p| p.count > 0) {
        Some(p) => State {
            n: p.next(),
            key: p.key.clone(),
            prev: p.last,
            segment: p.segment,
            offset: p.bytes,
        },
        None => State { n: 0, key: first, prev: [0; 32], segment: 1, offset: 0 },
    }
}
