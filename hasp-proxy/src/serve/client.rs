//! A client's connection: heads are read with patience that ends, and what was answered arrives.

use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::answer;
use crate::buffer::Buffer;
use crate::head::MAX_HEAD;
use crate::head::scan::{Scan, Seen};
use crate::refusal::Refusal;

/// How long a connection waits for a next request, and then for the whole of its head.
const BETWEEN: Duration = Duration::from_secs(75);
const HEAD: Duration = Duration::from_secs(30);
/// How long, and how much of, an unwanted body is read over, so that the answer is not lost with
/// the connection.
const LINGER: Duration = Duration::from_secs(2);
const MAX_LINGER: usize = 4 << 20;

/// A client's connection, without blocking.
pub struct Client {
    /// The connection.
    pub stream: TcpStream,
    /// What came and was not yet used.
    pub input: Buffer,
    /// What is to go out.
    pub output: Buffer,
}

/// Whether there is another request.
#[derive(PartialEq, Eq)]
pub enum Next {
    /// There may be one.
    Again,
    /// The connection is over.
    Close,
}

impl Client {
    /// The next head, or none if there is no further request.
    ///
    /// # Errors
    /// If it is malformed, or did not come in time.
    pub fn head(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        let mut scan = Scan::default();
        let mut end = Instant::now() + BETWEEN;
        let mut begun = false;
        loop {
            match scan.look(self.input.data()) {
                Seen::Bad(why) => return Err(Refusal::Malformed(why)),
                Seen::End(length) if length <= MAX_HEAD => {
                    let head = self.input.data()[..length].to_vec();
                    self.input.consume(length);
                    return Ok(Some(head));
                }
                Seen::More if self.input.len() <= MAX_HEAD => {}
                _ => return Err(Refusal::Malformed("its head is longer than 64 KiB")),
            }
            if !begun && !self.input.is_empty() {
                (begun, end) = (true, Instant::now() + HEAD);
            }
            match self.receive() {
                Ok(Some(0)) | Err(_) => return Ok(None),
                Ok(Some(_)) => {}
                Ok(None) if self.wait(PollFlags::IN, end) => {}
                Ok(None) if begun => return Err(Refusal::Malformed("its head came too slowly")),
                Ok(None) => return Ok(None),
            }
        }
    }

    /// Reads once: how many bytes, none at the end; nothing if nothing is there.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn receive(&mut self) -> io::Result<Option<usize>> {
        match self.input.fill(&mut &self.stream) {
            Ok(count) => Ok(Some(count)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes what can be written, and tells whether that was any.
    ///
    /// # Errors
    /// If the client is gone.
    pub fn flush(&mut self) -> io::Result<bool> {
        let mut any = false;
        while !self.output.is_empty() {
            match (&self.stream).write(self.output.data()) {
                Ok(count) => {
                    self.output.consume(count);
                    any = true;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(any)
    }

    fn wait(&self, flags: PollFlags, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).ok();
        let outcome = poll(&mut [PollFd::new(&self.stream, flags)], left.as_ref());
        // An interruption is no silence: whoever waits looks again.
        outcome.map_or(true, |count| count > 0)
    }

    /// Writes an answer in place of the upstream's, and tells whether there may be another request.
    pub fn refuse(&mut self, refusal: &Refusal, bare: bool, closes: bool) -> Next {
        self.output.extend(&answer::refusal(refusal, bare, closes));
        let end = Instant::now() + LINGER;
        while !self.output.is_empty() {
            if self.flush().is_err() || Instant::now() >= end {
                return Next::Close;
            }
            if !self.output.is_empty() {
                self.wait(PollFlags::OUT, end);
            }
        }
        if closes { self.linger() } else { Next::Again }
    }

    /// Ends the connection so that what was written arrives: closing with input unread would make
    /// the system throw it away (RFC 9112, section 9.6).
    pub fn linger(&mut self) -> Next {
        let end = Instant::now() + LINGER;
        let _ = self.stream.shutdown(Shutdown::Write);
        let mut over = 0;
        while over < MAX_LINGER && Instant::now() < end {
            over += self.input.len();
            self.input.consume(self.input.len());
            match self.receive() {
                Ok(Some(0)) | Err(_) => break,
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.wait(PollFlags::IN, end);
                }
            }
        }
        Next::Close
    }
}
