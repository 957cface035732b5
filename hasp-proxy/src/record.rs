//! What goes on record: the first request of each kind before it is made, then counts. A kind is
//! route, method and the first two segments of the path; never a query, a field or a body.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::control::{Control, Said};
use crate::refusal::Refusal;

/// The most kinds that are told apart.
const MOST_KINDS: usize = 256;
/// The longest path of a kind, in bytes.
const MAX_PATH: usize = 200;
/// Methods that are told by their name.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
/// Longer than the record is waited for by who writes it.
const PATIENCE: Duration = Duration::from_secs(30);

/// A kind of request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestKind {
    route: usize,
    method: String,
    path: String,
}

impl RequestKind {
    /// The kind of a request.
    pub fn of(route: usize, method: &str, path: &str) -> RequestKind {
        let known = METHODS.contains(&method) || method.is_empty();
        let ends = path.match_indices('/').nth(2).map_or(path.len(), |(at, _)| at);
        let mut path = path[..ends].to_owned();
        // What is no path was no path when it was refused: none of it is told.
        if !path.bytes().all(|b| b.is_ascii_graphic()) || !path.starts_with('/') {
            path.clear();
        }
        path.truncate(MAX_PATH);
        RequestKind { route, method: if known { method } else { "*" }.to_owned(), path }
    }

    fn rest(&self) -> RequestKind {
        RequestKind { route: self.route, method: "*".to_owned(), path: "*".to_owned() }
    }

    fn line(&self, event: &str) -> Value {
        json!({"ev": event, "route": self.route, "method": self.method, "path": self.path})
    }
}

/// What came of requests of a kind since it was last told.
#[derive(Default)]
struct Use {
    recorded: bool,
    count: u64,
    bytes_in: u64,
    bytes_out: u64,
    statuses: BTreeMap<u16, u64>,
}

/// The bytes of bodies: from the upstream, and to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the upstream.
    pub bytes_in: u64,
    /// To it.
    pub bytes_out: u64,
}

#[derive(Default)]
struct State {
    uses: BTreeMap<RequestKind, Use>,
    /// The kinds that wait for an answer, by the number of the question.
    asked: BTreeMap<u64, RequestKind>,
    denials: BTreeMap<(&'static str, RequestKind), u64>,
    questions: u64,
    failed: bool,
}

/// The record, as far as the proxy knows it.
pub struct Record {
    control: Control,
    state: Mutex<State>,
    changed: Condvar,
}

impl Record {
    /// Nothing is on it yet.
    pub fn new(control: Control) -> Record {
        Record { control, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Says on which ports the routes are.
    ///
    /// # Errors
    /// If nobody hears it.
    pub fn ready(&self, ports: &[u16]) -> std::io::Result<()> {
        self.control.tell(&json!({"v": 1, "ports": ports}))
    }

    /// Waits until a request's kind is on record; returns the kind under which it counts.
    ///
    /// # Errors
    /// If it cannot be recorded; then nothing can from now on.
    pub fn admit(&self, kind: RequestKind) -> Result<RequestKind, Refusal> {
        let mut state = self.lock();
        let full = state.uses.len() >= MOST_KINDS && !state.uses.contains_key(&kind);
        let kind = if full { kind.rest() } else { kind };
        let end = Instant::now() + PATIENCE;
        loop {
            match state.uses.get(&kind) {
                _ if state.failed => return Err(Refusal::NoRecord),
                Some(known) if known.recorded => return Ok(kind),
                Some(_) => {
                    let left = end.saturating_duration_since(Instant::now());
                    state.failed |= left.is_zero();
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => self.ask(&mut state, &kind),
            }
        }
    }

    fn ask(&self, state: &mut State, kind: &RequestKind) {
        state.questions += 1;
        let mut line = kind.line("use");
        line["id"] = state.questions.into();
        state.failed |= self.control.tell(&line).is_err();
        state.asked.insert(state.questions, kind.clone());
        state.uses.insert(kind.clone(), Use::default());
    }

    /// What the other side says.
    pub fn heard(&self, said: &Said) {
        let mut state = self.lock();
        match (state.asked.remove(&said.id), said.ok) {
            (Some(kind), true) => state.uses.entry(kind).or_default().recorded = true,
            _ => state.failed = true,
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Counts a request that was made.
    pub fn count(&self, kind: &RequestKind, status: u16, traffic: Traffic) {
        let mut state = self.lock();
        let own = state.uses.entry(kind.clone()).or_default();
        own.count += 1;
        own.bytes_in += traffic.bytes_in;
        own.bytes_out += traffic.bytes_out;
        *own.statuses.entry(status).or_default() += 1;
    }

    /// A request was refused: the first of its kind is told at once, others are counted.
    pub fn deny(&self, kind: RequestKind, refusal: &Refusal) {
        let code = refusal.error().code().as_str();
        let mut state = self.lock();
        let full = state.denials.len() >= MOST_KINDS;
        let kind = match full && !state.denials.contains_key(&(code, kind.clone())) {
            true => kind.rest(),
            false => kind,
        };
        match state.denials.get_mut(&(code, kind.clone())) {
            Some(more) => *more += 1,
            None => {
                state.failed |= self.control.tell(&denial(code, &kind, 1)).is_err();
                state.denials.insert((code, kind), 0);
            }
        }
    }

    /// Tells what was counted since it was last told.
    pub fn tell(&self) {
        let mut state = self.lock();
        let mut lines = Vec::new();
        for (kind, own) in state.uses.iter_mut().filter(|(_, own)| own.count > 0) {
            let told = std::mem::take(own);
            own.recorded = told.recorded;
            let mut line = kind.line("count");
            line["count"] = told.count.into();
            line["bytes_in"] = told.bytes_in.into();
            line["bytes_out"] = told.bytes_out.into();
            let statuses = told.statuses.iter().map(|(s, n)| (s.to_string(), Value::from(*n)));
            line["statuses"] = Value::Object(statuses.collect());
            lines.push(line);
        }
        for ((code, kind), more) in state.denials.iter_mut().filter(|(_, more)| **more > 0) {
            lines.push(denial(code, kind, std::mem::take(more)));
        }
        let told = lines.iter().try_for_each(|line| self.control.tell(line));
        state.failed |= told.is_err();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn denial(code: &str, kind: &RequestKind, count: u64) -> Value {
    let mut line = kind.line("deny");
    line["code"] = code.into();
    line["count"] = count.into();
    line
}
