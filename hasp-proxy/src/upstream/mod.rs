//! The connection to the one origin of a route. It is not sent a byte of a request before its
//! certificate has been found good.

mod trust;

use std::io::{self, Read};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hasp_target::route::Origin;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;

use crate::buffer::Buffer;
use crate::refusal::Refusal;
pub use trust::{Roots, Trust};

/// How long a connection may take to stand, TLS with it.
const CONNECT: Duration = Duration::from_secs(30);
/// How many connections wait for a next request, and for how long. Many servers close one that is
/// silent for five seconds: a request that must not be made twice gets a younger one.
const MOST_IDLE: usize = 16;
const IDLE: Duration = Duration::from_secs(60);
const FRESH: Duration = Duration::from_secs(4);

/// One connection.
pub struct Upstream {
    /// Without blocking.
    pub stream: TcpStream,
    /// Its TLS.
    pub tls: ClientConnection,
    /// What came and was not yet used.
    pub incoming: Buffer,
    /// Whether the upstream ended it, and whether properly so (RFC 8446, section 6.1).
    pub ended: Option<bool>,
    /// Whether a request was made on it before this one.
    pub used: bool,
    since: Instant,
}

/// The origin of a route.
pub struct Peer {
    to: Origin,
    trust: Trust,
    idle: Mutex<Vec<Upstream>>,
}

impl Peer {
    /// Nothing is connected yet.
    pub fn new(to: Origin, trust: Trust) -> Peer {
        Peer { to, trust, idle: Mutex::new(Vec::new()) }
    }

    /// The origin.
    pub fn to(&self) -> &Origin {
        &self.to
    }

    /// Whether the system's roots are not asked for.
    pub fn has_own_roots(&self) -> bool {
        self.trust.is_own()
    }

    /// A connection that waited, and still stands.
    pub fn waiting(&self, once: bool) -> Option<Upstream> {
        let limit = if once { FRESH } else { IDLE };
        loop {
            let mut upstream = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if upstream.since.elapsed() < limit && upstream.stands() {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub fn keep(&self, mut upstream: Upstream) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|one| one.since.elapsed() < IDLE);
        if idle.len() < MOST_IDLE {
            (upstream.since, upstream.used) = (Instant::now(), true);
            idle.push(upstream);
        }
    }

    /// A new connection.
    ///
    /// # Errors
    /// If there is no upstream, or its certificate is not good.
    pub fn connect(&self) -> Result<Upstream, Refusal> {
        let failed = |e: io::Error| Refusal::Upstream(e.to_string());
        let config = self.trust.config().map_err(Refusal::Upstream)?;
        let name = ServerName::try_from(self.to.host().to_owned())
            .map_err(|_| Refusal::Upstream("its name cannot be in a certificate".to_owned()))?;
        let end = Instant::now() + CONNECT;
        let mut stream = self.dial(end).map_err(failed)?;
        let mut tls =
            ClientConnection::new(config, name).map_err(|e| Refusal::Upstream(e.to_string()))?;
        stream.set_nodelay(true).map_err(failed)?;
        while tls.is_handshaking() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Refusal::Upstream("TLS did not stand within 30 s".to_owned()));
            }
            stream.set_read_timeout(Some(left)).map_err(failed)?;
            stream.set_write_timeout(Some(left)).map_err(failed)?;
            tls.complete_io(&mut stream).map_err(failed)?;
        }
        stream.set_nonblocking(true).map_err(failed)?;
        tls.set_buffer_limit(None);
        let (incoming, since) = (Buffer::default(), Instant::now());
        Ok(Upstream { stream, tls, incoming, ended: None, used: false, since })
    }

    fn dial(&self, end: Instant) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in (self.to.host(), self.to.port()).to_socket_addrs()? {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match TcpStream::connect_timeout(&address, left) {
                Ok(stream) => return Ok(stream),
                Err(e) => last = e,
            }
        }
        Err(last)
    }
}

impl Upstream {
    /// Reads what there is into `incoming`, and tells whether there was anything, the end included.
    ///
    /// # Errors
    /// If it is no TLS of this connection.
    pub fn receive(&mut self) -> Result<bool, String> {
        if self.ended.is_some() {
            return Ok(false);
        }
        if self.drain() {
            return Ok(true);
        }
        match self.tls.read_tls(&mut self.stream) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(_) => {
                self.ended = Some(false);
                return Ok(true);
            }
        }
        self.tls.process_new_packets().map_err(|e| e.to_string())?;
        self.drain();
        Ok(true)
    }

    /// Takes over what is decrypted.
    fn drain(&mut self) -> bool {
        let mut any = false;
        loop {
            match self.incoming.fill(&mut Plain(&mut self.tls)) {
                Ok(0) => self.ended = Some(true),
                Ok(_) => {
                    any = true;
                    continue;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return any,
                Err(_) => self.ended = Some(false),
            }
            return true;
        }
    }

    /// Whether nothing has come while it waited, apart from what TLS itself says.
    fn stands(&mut self) -> bool {
        loop {
            match self.receive() {
                Ok(true) if self.ended.is_none() && self.incoming.is_empty() => {}
                Ok(false) => return self.ended.is_none() && self.incoming.is_empty(),
                _ => return false,
            }
        }
    }
}

/// What is decrypted.
struct Plain<'a>(&'a mut ClientConnection);

impl Read for Plain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.reader().read(buffer)
    }
}
