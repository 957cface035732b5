//! What the proxy costs beside the same TLS upstream directly: a request on a connection that is
//! kept, a large body, its start, its memory. What is compared takes turns. `cargo bench -p
//! hasp-proxy -- [requests] [MiB]`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/upstream/mod.rs"]
mod upstream;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use upstream::{Leaf, Proxy, Upstream, VALUE};

/// Bytes of a small answer: what an API says.
const SMALL: usize = 1000;
/// How often a start is measured.
const STARTS: usize = 20;
/// The targets: ms added, p50 and p99; ratio of a large body; ms until ready; MiB when idle.
const TARGETS: [f64; 5] = [0.2, 1.0, 0.6, 10.0, 6.0];

fn main() {
    let number = |n: usize, default: usize| {
        let words = std::env::args().skip(1).filter(|word| !word.starts_with('-'));
        words.filter_map(|word| word.parse().ok()).nth(n).unwrap_or(default)
    };
    let (requests, size) = (number(0, 3000), number(1, 1024) << 20);
    let api = Upstream::new(
        Leaf::Good,
        Arc::new(move |seen, tls| {
            let length = if seen.head.starts_with("GET /v1/large") { size } else { SMALL };
            let part = line(length.min(1 << 20));
            // In one piece, as a server sends a small answer.
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
            let first = [head.as_bytes(), &part].concat();
            tls.write_all(&first)?;
            (1..length.div_ceil(part.len())).try_for_each(|_| tls.write_all(&part))
        }),
    );
    starts(&api);
    let proxy = Proxy::start(&api);
    let mut direct = connect(&api);
    let mut through = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
    through.set_nodelay(true).unwrap();
    println!("idle: {:.1} MiB resident (target {})", mib(proxy.memory("VmRSS")), TARGETS[4]);
    let (to_api, to_proxy) = (
        head("/v1/small", &format!("localhost:{}", api.port), VALUE),
        head("/v1/small", &format!("127.0.0.1:{}", proxy.ports[0]), &proxy.placeholder),
    );
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for n in 0..requests + 100 {
        let one = time(|| ask(&mut direct, &to_api, SMALL));
        let other = time(|| ask(&mut through, &to_proxy, SMALL));
        // The first ones warm up both.
        if n >= 100 {
            ones.push(one);
            others.push(other);
        }
    }
    for (name, at, target) in [("p50", 0.5, TARGETS[0]), ("p99", 0.99, TARGETS[1])] {
        let (one, other) = (quantile(&mut ones, at), quantile(&mut others, at));
        let added = other - one;
        println!(
            "request {name}: direct {one:.3} ms, proxy {other:.3} ms: {added:.3} added \
                  (target {target})"
        );
    }
    let large = |to: &str| to.replacen("/v1/small", "/v1/large", 1);
    let one = time(|| ask(&mut direct, &large(&to_api), size));
    let other = time(|| ask(&mut through, &large(&to_proxy), size));
    println!(
        "{} MiB: direct {one:.0} ms, proxy {other:.0} ms, ratio {:.2} (target {})",
        size >> 20,
        one / other,
        TARGETS[2]
    );
    println!("at most {:.1} MiB resident", mib(proxy.memory("VmHWM")));
}

fn starts(api: &Upstream) {
    let mut all: Vec<f64> = (0..STARTS)
        .map(|_| {
            let mut proxy = None;
            let time = time(|| proxy = Some(Proxy::start(api)));
            drop(proxy);
            time
        })
        .collect();
    println!("start until ready: {:.1} ms (target {})", quantile(&mut all, 0.5), TARGETS[3]);
}

/// Text as a log has it.
fn line(length: usize) -> Vec<u8> {
    let text = b"2026-11-23T06:12:09Z INFO request served path=/v1/items status=200 bytes=4711\n";
    text.iter().copied().cycle().take(length).collect()
}

fn head(path: &str, host: &str, key: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n")
}

/// Sends a request and reads its answer, in chunks or of this length, to its last byte.
fn ask(stream: &mut (impl Read + Write), request: &str, length: usize) {
    stream.write_all(request.as_bytes()).unwrap();
    stream.flush().unwrap();
    let mut buffer = vec![0; 256 * 1024];
    let mut start = Vec::new();
    let head = loop {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended");
        start.extend_from_slice(&buffer[..count]);
        if let Some(at) = start.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let text = String::from_utf8_lossy(&start[..head]);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let chunked = text.contains("chunked");
    let mut tail = start[start.len().saturating_sub(7)..].to_vec();
    let mut read = start.len() - head;
    while if chunked { !tail.ends_with(b"\r\n0\r\n\r\n") } else { read < length } {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended");
        read += count;
        tail.extend_from_slice(&buffer[count.saturating_sub(7)..count]);
        tail.drain(..tail.len().saturating_sub(7));
    }
}

fn connect(api: &Upstream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(api.ca.as_bytes()).unwrap()).unwrap();
    let config =
        ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(("127.0.0.1", api.port)).unwrap();
    stream.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}

fn time(action: impl FnOnce()) -> f64 {
    let start = Instant::now();
    action();
    start.elapsed().max(Duration::from_nanos(1)).as_secs_f64() * 1000.0
}

fn quantile(times: &mut [f64], at: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * at) as usize]
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}
