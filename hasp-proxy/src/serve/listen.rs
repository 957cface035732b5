//! The ports, one for each route, and a thread for each connection.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::Builder;
use std::time::Duration;

use crate::code;
use crate::serve::connection;
use crate::serve::site::{MOST_CONNECTIONS, Shared, Site};
use hasp_core::{Error, Kind, Result, cause_text};

/// The most connections whose requests are read, to be refused in words.
const MOST_READ: usize = 2 * MOST_CONNECTIONS;
/// What a thread's stack needs, with room to spare; the default of 8 MiB is not used.
const STACK: usize = 512 * 1024;
/// How long to wait where the system has no descriptor or no thread to give.
const SHORTAGE: Duration = Duration::from_millis(20);

/// A port of the loopback interface for each route.
///
/// # Errors
/// `[no-loopback]`.
pub fn bind(count: usize) -> Result<Vec<(TcpListener, u16)>> {
    let one = || {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        Ok((listener, port))
    };
    (0..count).map(|_| one()).collect::<std::io::Result<_>>().map_err(|e| {
        let message = format!("cannot listen on 127.0.0.1: {}", cause_text(&e));
        Error::new(Kind::Io, code::NO_LOOPBACK, message)
            .hint("set the interface up: ip link set lo up")
    })
}

/// Starts a thread that takes connections to one route.
///
/// # Errors
/// If the system has no thread to give.
pub fn accept(
    shared: &Arc<Shared>,
    index: usize,
    listener: TcpListener,
    port: u16,
) -> std::io::Result<()> {
    let shared = Arc::clone(shared);
    let take = move || {
        loop {
            match listener.accept() {
                Ok((stream, _)) => start(&shared, index, stream, port),
                Err(_) => std::thread::sleep(SHORTAGE),
            }
        }
    };
    Builder::new().stack_size(STACK).spawn(take).map(drop)
}

/// A connection that counts as long as it lives.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn start(shared: &Arc<Shared>, index: usize, stream: TcpStream, port: u16) {
    let before = shared.connections.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(Arc::clone(shared));
    if before >= MOST_READ {
        return connection::turn_away(&stream);
    }
    let serve = move || {
        let shared = &counted.0;
        let site = Site { index, route: &shared.routes[index], port };
        connection::serve(shared, &site, stream);
    };
    // Where there is no thread the connection is closed, and no longer counts.
    let _ = Builder::new().stack_size(STACK).spawn(serve);
}
