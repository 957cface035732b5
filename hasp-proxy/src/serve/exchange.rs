//! One request on its way and the answer back, both at once: an upstream may answer while it is
//! still being sent to, and neither side can make the other's bytes pile up here.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hasp_redact::{IDLE_MS, Patterns};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::head::body::{Body, LAST_CHUNK, write_chunk};
use crate::head::request::Request;
use crate::head::response::Response;
use crate::head::{Framing, MAX_HEAD};
use crate::record::Traffic;
use crate::refusal::Refusal;
use crate::scrub::{self, Scrubbed};
use crate::serve::client::Client;
use crate::serve::site::Site;
use crate::upstream::Upstream;

/// How long neither side may say anything.
const SILENCE: Duration = Duration::from_secs(600);
/// Beyond so many bytes for the client nothing more is read from the upstream.
const PENDING: usize = 128 * 1024;
/// How much of a request's body is sent at once.
const PART: usize = 32 * 1024;
/// From so many bytes on more is taken to be at hand.
const BURST: usize = 16 * 1024;

/// What is to be done.
pub struct Task<'a> {
    /// The request, whose head has been handed to the upstream.
    pub request: &'a Request,
    /// Where it came.
    pub site: &'a Site<'a>,
    /// All values.
    pub patterns: &'a Arc<Patterns>,
    /// Whether it must not be made twice.
    pub once: bool,
}

/// How it ended.
pub enum End {
    /// The answer is with the client; whether each side can be used again.
    Whole {
        /// The status of the answer.
        status: u16,
        /// The client's connection.
        client: bool,
        /// The upstream's.
        upstream: bool,
    },
    /// The connection had ended while it waited; nothing was lost, and another one will do.
    Stale,
    /// The client has got nothing yet.
    Refused(Refusal),
    /// One side went away in the middle of an answer with this status.
    Broken(u16),
}

/// The state of one request.
pub struct Exchange<'a> {
    task: Task<'a>,
    client: &'a mut Client,
    upstream: &'a mut Upstream,
    upload: Body,
    /// Whether all of the request has been handed on.
    sent: bool,
    /// Whether the upstream takes no more of it.
    deaf: bool,
    answer: Option<(Response, Body)>,
    scrubbed: Scrubbed,
    /// Whether all of the answer has been handed on.
    finished: bool,
    traffic: Traffic,
}

impl<'a> Exchange<'a> {
    /// At its beginning.
    pub fn new(task: Task<'a>, client: &'a mut Client, upstream: &'a mut Upstream) -> Self {
        let upload = Body::new(task.request.framing);
        let scrubbed = Scrubbed::new(task.patterns);
        Exchange {
            sent: upload.is_done(),
            task,
            client,
            upstream,
            upload,
            deaf: false,
            answer: None,
            scrubbed,
            finished: false,
            traffic: Traffic::default(),
        }
    }

    /// To its end.
    pub fn run(mut self) -> (End, Traffic) {
        let mut last = Instant::now();
        let end = loop {
            match self.step() {
                Err(end) => break end,
                Ok(_) if self.finished && self.client.output.is_empty() => break self.whole(),
                Ok(true) => last = Instant::now(),
                Ok(false) => {
                    if let Err(end) = self.wait(last) {
                        break end;
                    }
                }
            }
        };
        (end, self.traffic)
    }

    fn step(&mut self) -> Result<bool, End> {
        let up = self.upload()?;
        let out = self.flush_upstream();
        let down = self.download()?;
        let back = self.client.flush().map_err(|_| self.broken())?;
        Ok(up || out || down || back)
    }

    fn whole(&self) -> End {
        let (status, keeps) = self.answer.as_ref().map_or((0, false), |(r, _)| (r.status, r.keeps));
        let clean = self.upstream.incoming.is_empty() && self.upstream.ended.is_none();
        End::Whole { status, client: self.sent, upstream: self.sent && keeps && clean }
    }

    fn broken(&self) -> End {
        End::Broken(self.answer.as_ref().map_or(0, |(response, _)| response.status))
    }

    /// What the client cannot be told any more, if an answer has begun.
    fn refused(&self, refusal: Refusal) -> End {
        if self.answer.is_none() { End::Refused(refusal) } else { self.broken() }
    }

    /// Takes a part of the request's body from the client, once the part before it has gone.
    fn upload(&mut self) -> Result<bool, End> {
        if self.sent || self.deaf || self.upstream.tls.wants_write() {
            return Ok(false);
        }
        if self.client.input.is_empty() {
            match self.client.receive() {
                Ok(None) => return Ok(false),
                Ok(Some(0)) | Err(_) => return Err(self.broken()),
                Ok(Some(_)) => {}
            }
        }
        let chunked = self.task.request.framing == Framing::Chunked;
        let data = self.client.input.data();
        let data = &data[..data.len().min(PART)];
        let (mut plain, mut count) = (Vec::with_capacity(data.len() + 64), 0);
        let taken = self.upload.take(data, |part| {
            count += part.len() as u64;
            if chunked { write_chunk(part, &mut plain) } else { plain.extend_from_slice(part) }
        });
        let malformed = Refusal::Malformed("a chunk of its body is malformed");
        let taken = taken.map_err(|_| self.refused(malformed))?;
        self.client.input.consume(taken);
        if self.upload.is_done() {
            self.sent = true;
            plain.extend_from_slice(if chunked { LAST_CHUNK } else { b"" });
        }
        self.traffic.bytes_out += count;
        self.deaf |= self.upstream.tls.writer().write_all(&plain).is_err();
        Ok(true)
    }

    fn flush_upstream(&mut self) -> bool {
        let mut any = false;
        while !self.deaf && self.upstream.tls.wants_write() {
            match self.upstream.tls.write_tls(&mut self.upstream.stream) {
                Ok(_) => any = true,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                // It may have answered before it went.
                Err(_) => self.deaf = true,
            }
        }
        any
    }

    fn has_room(&self) -> bool {
        !self.finished && self.client.output.len() < PENDING
    }

    fn download(&mut self) -> Result<bool, End> {
        if !self.has_room() {
            return Ok(false);
        }
        let moved = match self.upstream.receive() {
            Ok(moved) => moved,
            Err(why) => return Err(self.refused(Refusal::Upstream(why))),
        };
        while self.answer.is_none() {
            let data = self.upstream.incoming.data();
            let parsed = match data.is_empty() {
                true => None,
                false => Response::parse(data, &self.task.request.method).map_err(End::Refused)?,
            };
            let Some((response, length)) = parsed else { return self.no_head(moved) };
            self.upstream.incoming.consume(length);
            if response.status >= 200 {
                self.begin(response);
            }
        }
        if moved && !self.finished {
            self.pass_body()?;
        }
        Ok(moved)
    }

    fn no_head(&self, moved: bool) -> Result<bool, End> {
        let failed = |why: &str| Err(End::Refused(Refusal::Upstream(why.to_owned())));
        let nothing = self.upstream.incoming.is_empty();
        match self.upstream.ended {
            None if self.upstream.incoming.len() > MAX_HEAD => failed("its head has no end"),
            None => Ok(moved),
            Some(_) if self.upstream.used && nothing && !self.task.once => Err(End::Stale),
            Some(_) => failed("it closed the connection without an answer"),
        }
    }

    /// Writes the head of the answer, without values.
    fn begin(&mut self, response: Response) {
        let site = self.task.site;
        let lines = response.lines(site.route.peer.to(), site.port);
        let out = self.client.output.end();
        for line in scrub::lines(self.task.patterns, lines) {
            out.extend_from_slice(&line);
            out.extend_from_slice(b"\r\n");
        }
        match (response.framing, response.told) {
            (Framing::None, Some(length)) | (Framing::Length(length @ 0), _) => {
                out.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
            }
            (Framing::None, None) => {}
            _ => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
        if self.task.request.last {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        let body = Body::new(response.framing);
        self.finished = body.is_done();
        self.answer = Some((response, body));
    }

    fn pass_body(&mut self) -> Result<(), End> {
        let status = self.answer.as_ref().map_or(0, |(response, _)| response.status);
        let broken = || End::Broken(status);
        let Some((_, body)) = &mut self.answer else { return Ok(()) };
        let data = self.upstream.incoming.data();
        let more = data.len() >= BURST;
        let (scrubbed, traffic) = (&mut self.scrubbed, &mut self.traffic);
        let taken = body.take(data, |part| {
            traffic.bytes_in += part.len() as u64;
            scrubbed.push(part, more);
        });
        self.upstream.incoming.consume(taken.map_err(|_| broken())?);
        let out = self.client.output.end();
        if self.upstream.ended == Some(true) {
            body.end();
        }
        if body.is_done() {
            self.scrubbed.finish(out);
            self.finished = true;
            return Ok(());
        }
        self.scrubbed.write(out);
        // An answer that was cut is not given an end.
        if self.upstream.ended.is_some() { Err(broken()) } else { Ok(()) }
    }

    /// Waits until a side can be read or written.
    fn wait(&mut self, last: Instant) -> Result<(), End> {
        self.scrubbed.pause();
        if self.scrubbed.write(self.client.output.end()) {
            return Ok(());
        }
        let left = SILENCE.saturating_sub(last.elapsed());
        if left.is_zero() {
            return Err(self.refused(Refusal::Upstream("it was silent for 600 s".to_owned())));
        }
        let held = self.scrubbed.waits();
        let left = if held { left.min(Duration::from_millis(IDLE_MS)) } else { left };
        let pending = !self.deaf && self.upstream.tls.wants_write();
        let wants = |flag, yes| if yes { flag } else { PollFlags::empty() };
        let reads = !self.sent && !self.deaf && !pending && self.client.input.is_empty();
        let client =
            wants(PollFlags::IN, reads) | wants(PollFlags::OUT, !self.client.output.is_empty());
        let hears = self.has_room() && self.upstream.ended.is_none();
        let upstream = wants(PollFlags::IN, hears) | wants(PollFlags::OUT, pending);
        let mut fds = vec![PollFd::new(&self.client.stream, client)];
        if !upstream.is_empty() {
            fds.push(PollFd::new(&self.upstream.stream, upstream));
        }
        let left = Timespec::try_from(left).ok();
        let count = poll(&mut fds, left.as_ref());
        let gone = fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR);
        drop(fds);
        match count {
            Ok(0) if held => {
                self.scrubbed.idle();
                self.scrubbed.write(self.client.output.end());
                Ok(())
            }
            Ok(_) if gone => Err(self.broken()),
            _ => Ok(()),
        }
    }
}
