//! The lines to and from whoever records: JSON, one object a line. The proxy can reach neither home
//! nor record, and tells; the other side answers what must be on record before a request goes out.
//!
//! | line | from | says |
//! |---|---|---|
//! | `{"v":1,"ports":[..]}` | proxy | it listens, a port for each route |
//! | `{"ev":"use","id","route","method","path"}` | proxy | the first request of its kind |
//! | `{"id","ok"}` | broker | that is on record, or cannot be |
//! | `{"ev":"count","route","method","path",..}` | proxy | how many, bytes, statuses |
//! | `{"ev":"deny","route","code","method","path","count"}` | proxy | requests were refused |

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Deserialize;
use serde_json::Value;

/// How often counts are told.
const COUNTS: Duration = Duration::from_secs(60);
/// The longest line that is taken.
const MAX_LINE: u64 = 4096;

/// The side that writes.
pub struct Control(Mutex<UnixStream>);

/// What the other side says.
#[derive(Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Of which question.
    pub id: u64,
    /// Whether it is on record.
    pub ok: bool,
}

impl Control {
    /// On this socket.
    pub fn new(socket: UnixStream) -> Control {
        Control(Mutex::new(socket))
    }

    /// Writes one line.
    ///
    /// # Errors
    /// If nobody is there.
    pub fn tell(&self, line: &Value) -> io::Result<()> {
        let text = format!("{line}\n");
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}

/// Reads what the other side says until it has ended, or says what nobody would; in between it is
/// time to tell counts.
///
/// # Errors
/// As reading.
pub fn attend(
    socket: UnixStream,
    mut heard: impl FnMut(Said),
    mut counts: impl FnMut(),
) -> io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut last = Instant::now();
    loop {
        if reader.buffer().is_empty() && !ready(reader.get_ref(), COUNTS - since(last))? {
            counts();
            last = Instant::now();
            continue;
        }
        let mut line = String::new();
        let read = reader.by_ref().take(MAX_LINE).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(said) if read > 0 => heard(said),
            _ => return Ok(()),
        }
        if last.elapsed() >= COUNTS {
            counts();
            last = Instant::now();
        }
    }
}

fn since(last: Instant) -> Duration {
    last.elapsed().min(COUNTS)
}

/// Whether there is something to read, or the end, within this time.
pub fn ready(socket: &impl AsFd, wait: Duration) -> io::Result<bool> {
    let wait = Timespec::try_from(wait).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&wait)) {
        Ok(count) => Ok(count > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
