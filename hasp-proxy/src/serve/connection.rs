//! One client: each request checked, made or refused, until one side has enough.

use std::io::Write;
use std::net::TcpStream;

use zeroize::Zeroizing;

use crate::answer;
use crate::buffer::Buffer;
use crate::head::Framing;
use crate::head::request::Request;
use crate::record::{RequestKind, Traffic};
use crate::refusal::Refusal;
use crate::serve::check::check;
use crate::serve::client::{Client, Next};
use crate::serve::exchange::{End, Exchange, Task};
use crate::serve::site::{Shared, Site};
use crate::upstream::Upstream;

/// Serves one connection to its end.
pub fn serve(shared: &Shared, site: &Site<'_>, stream: TcpStream) {
    if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
        return;
    }
    let (input, output) = (Buffer::default(), Buffer::default());
    let mut client = Client { stream, input, output };
    while turn(shared, site, &mut client) == Next::Again {}
}

/// There are far too many connections: one that is not even read.
pub fn turn_away(mut stream: &TcpStream) {
    let _ = stream.set_nonblocking(true);
    let _ = stream.write(&answer::refusal(&Refusal::Busy, false, true));
}

fn turn(shared: &Shared, site: &Site<'_>, client: &mut Client) -> Next {
    let request = match client.head() {
        Ok(None) => return Next::Close,
        Ok(Some(head)) => Request::parse(&head),
        Err(refusal) => Err(refusal),
    };
    let request = match request {
        Ok(request) => request,
        Err(refusal) => {
            shared.record.deny(RequestKind::of(site.index, "", ""), &refusal);
            return client.refuse(&refusal, false, true);
        }
    };
    match check(shared, site, &request) {
        Ok(kind) => forward(shared, site, client, &request, &kind),
        Err(refusal) => {
            let kind = RequestKind::of(site.index, &request.method, request.raw_path());
            shared.record.deny(kind, &refusal);
            let closes = refusal.closes() || request.last || has_body(&request);
            client.refuse(&refusal, request.method == "HEAD", closes)
        }
    }
}

fn has_body(request: &Request) -> bool {
    !matches!(request.framing, Framing::None | Framing::Length(0))
}

fn forward(
    shared: &Shared,
    site: &Site<'_>,
    client: &mut Client,
    request: &Request,
    kind: &RequestKind,
) -> Next {
    let peer = &site.route.peer;
    let once = has_body(request) || !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let mut waiting = peer.waiting(once);
    loop {
        let mut upstream = match waiting.take().map_or_else(|| peer.connect(), Ok) {
            Ok(upstream) => upstream,
            Err(refusal) => {
                shared.record.count(kind, refusal.status().0, Traffic::default());
                let closes = request.last || has_body(request);
                return client.refuse(&refusal, request.method == "HEAD", closes);
            }
        };
        if request.waits && has_body(request) && client.input.is_empty() {
            client.output.extend(answer::CONTINUE);
        }
        if upstream.tls.writer().write_all(&head(site, request)).is_err() {
            return Next::Close;
        }
        let task = Task { request, site, patterns: &shared.patterns, once };
        let (end, traffic) = Exchange::new(task, client, &mut upstream).run();
        match end {
            End::Stale => continue,
            other => return settle(shared, site, client, request, kind, upstream, other, traffic),
        }
    }
}

/// What came of it is counted; what can be used again is.
#[allow(clippy::too_many_arguments, reason = "it is the rest of one function")]
fn settle(
    shared: &Shared,
    site: &Site<'_>,
    client: &mut Client,
    request: &Request,
    kind: &RequestKind,
    upstream: Upstream,
    end: End,
    traffic: Traffic,
) -> Next {
    match end {
        End::Whole { status, client: again, upstream: keeps } => {
            shared.record.count(kind, status, traffic);
            if keeps {
                site.route.peer.keep(upstream);
            }
            match again && !request.last {
                true => Next::Again,
                false => client.linger(),
            }
        }
        End::Refused(refusal) => {
            shared.record.count(kind, refusal.status().0, traffic);
            client.refuse(&refusal, request.method == "HEAD", true)
        }
        End::Broken(status) => {
            shared.record.count(kind, status, traffic);
            Next::Close
        }
        End::Stale => Next::Close,
    }
}

/// The head as the upstream gets it: with the value.
fn head(site: &Site<'_>, request: &Request) -> Zeroizing<Vec<u8>> {
    let (credential, to) = (&site.route.credential, site.route.peer.to());
    let target = credential.target(&request.target);
    let line = credential.line();
    let fields: Vec<_> = request.passed(credential.field()).collect();
    let length: usize = fields.iter().map(|f| f.written.len() + f.value.len() + 4).sum();
    let of_line = line.as_ref().map_or(0, |line| line.len());
    let room = request.method.len() + target.len() + of_line + length + 512;
    // With room for all of it: a buffer that grows leaves its content where it was.
    let mut head = Zeroizing::new(Vec::with_capacity(room));
    head.extend_from_slice(request.method.as_bytes());
    head.push(b' ');
    head.extend_from_slice(&target);
    head.extend_from_slice(format!(" HTTP/1.1\r\nHost: {}\r\n", to.authority()).as_bytes());
    head.extend_from_slice(line.as_ref().map_or(&[][..], |line| line.as_slice()));
    for field in fields {
        head.extend_from_slice(field.written.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(&field.value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"Accept-Encoding: identity\r\n");
    match request.framing {
        Framing::Length(length) => {
            head.extend_from_slice(format!("Content-Length: {length}\r\n").as_bytes());
        }
        Framing::Chunked => head.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Framing::None | Framing::Close => {}
    }
    head.extend_from_slice(b"\r\n");
    head
}
