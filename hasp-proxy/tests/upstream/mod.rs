//! A TLS upstream that plays an API, the broker's side of the control socket, and a client that
//! sends what it is told to, byte by byte.
#![allow(clippy::unwrap_used, dead_code)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use hasp_core::{Timestamp, platform, time::boot_seconds};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

pub type Tls = StreamOwned<ServerConnection, TcpStream>;

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub head: String,
    pub body: Vec<u8>,
}

/// What its certificate is worth.
#[derive(Clone, Copy, PartialEq)]
pub enum Leaf {
    Good,
    OtherHost,
    Expired,
    SelfSigned,
}

/// An API on loopback.
pub struct Upstream {
    pub port: u16,
    pub ca: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
}

pub type Handler = Arc<dyn Fn(&Seen, &mut Tls) -> std::io::Result<()> + Send + Sync>;

impl Upstream {
    pub fn new(leaf: Leaf, handler: Handler) -> Upstream {
        let (config, ca) = certificates(leaf);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, handler, list) = (config.clone(), handler.clone(), list.clone());
                std::thread::spawn(move || {
                    stream.set_nodelay(true).unwrap();
                    let tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                    serve(tls, &handler, &list);
                });
            }
        });
        Upstream { port, ca, seen }
    }

    /// Answers each request with its own head and body.
    pub fn echo() -> Upstream {
        Upstream::new(
            Leaf::Good,
            Arc::new(|seen, tls| {
                let body = [seen.head.as_bytes(), &seen.body].concat();
                write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len())?;
                tls.write_all(&body)
            }),
        )
    }

    /// Answers each request with these bytes.
    pub fn says(answer: impl Into<Vec<u8>>) -> Upstream {
        let answer = answer.into();
        Upstream::new(Leaf::Good, Arc::new(move |_, tls| tls.write_all(&answer)))
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn last(&self) -> Seen {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn certificates(leaf: Leaf) -> (Arc<ServerConfig>, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_cert = ca.self_signed(&ca_key).unwrap();
    let text = BASE64.encode(ca_cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let key = KeyPair::generate().unwrap();
    let name = if leaf == Leaf::OtherHost { "other.example" } else { "localhost" };
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    if leaf == Leaf::Expired {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    }
    let cert = match leaf {
        Leaf::SelfSigned => params.self_signed(&key).unwrap(),
        _ => params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap(),
    };
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Arc::new(config), pem)
}

fn serve(mut tls: Tls, handler: &Handler, list: &Mutex<Vec<Seen>>) {
    while let Some(seen) = request(&mut tls) {
        list.lock().unwrap().push(seen.clone());
        if handler(&seen, &mut tls).and_then(|()| tls.flush()).is_err() {
            return;
        }
        if seen.head.contains("x-test-close") {
            break;
        }
    }
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

fn request(tls: &mut Tls) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let lower = head.to_ascii_lowercase();
    let mut body = Vec::new();
    if let Some(length) = lower.split("content-length: ").nth(1) {
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        if lower.contains("x-test-drain") {
            let read = std::io::copy(&mut tls.take(length as u64), &mut std::io::sink()).ok()?;
            return Some(Seen { head, body: read.to_string().into_bytes() });
        }
        body.resize(length, 0);
        tls.read_exact(&mut body).ok()?;
    } else if lower.contains("transfer-encoding: chunked") {
        let mut reader = BufReader::with_capacity(1, tls);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    Some(Seen { head, body })
}

/// A running proxy, and who started it.
pub struct Proxy {
    pub child: Child,
    pub ports: Vec<u16>,
    pub placeholder: String,
    pub control: Option<UnixStream>,
    pub lines: Arc<Mutex<Vec<Value>>>,
    pub records: Arc<AtomicBool>,
}

pub const VALUE: &str = "kq8Zr-Wm3Xy7Tn5Vb2Lp9";

/// A route's fields, to be changed.
pub fn route(upstream: &Upstream) -> Value {
    json!({
        "name": "openai/key",
        "value": BASE64.encode(VALUE.as_bytes()),
        "placeholder": placeholder(),
        "to": format!("https://localhost:{}/v1", upstream.port),
        "as": "bearer",
        "allow": ["* /v1/**"],
        "ca": upstream.ca,
    })
}

pub fn placeholder() -> String {
    format!("hasp-{}", "p".repeat(43))
}

pub fn config(routes: &[Value]) -> Value {
    json!({
        "v": 1,
        "expires": Timestamp::now().after(Duration::from_secs(3600)),
        "boot": boot_seconds() + 3600,
        "routes": routes,
    })
}

impl Proxy {
    pub fn start(upstream: &Upstream) -> Proxy {
        Proxy::with(&config(&[route(upstream)]))
    }

    pub fn with(config: &Value) -> Proxy {
        let (own, theirs) = UnixStream::pair().unwrap();
        platform::set_inherited(theirs.as_raw_fd(), true).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_hasp-proxy"))
            .args(["--config", "-", "--control", &format!("fd:{}", theirs.as_raw_fd())])
            .env_clear()
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        drop(theirs);
        child.stdin.take().unwrap().write_all(config.to_string().as_bytes()).unwrap();
        let (lines, records) = (Arc::default(), Arc::new(AtomicBool::new(true)));
        let mut reader = BufReader::new(own.try_clone().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let ready: Value = serde_json::from_str(&first).unwrap();
        let ports = ready["ports"].as_array().unwrap();
        let ports = ports.iter().map(|port| port.as_u64().unwrap() as u16).collect();
        let (list, answers, socket) =
            (Arc::clone(&lines), Arc::clone(&records), own.try_clone().unwrap());
        std::thread::spawn(move || attend(reader, &socket, &list, &answers));
        Proxy { child, ports, placeholder: placeholder(), control: Some(own), lines, records }
    }

    /// What a request with these lines and this body is answered, on a connection of its own.
    pub fn ask(&self, line: &str, fields: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{fields}Connection: close\r\n\r\n",
            self.ports[0]
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    /// The same with the placeholder where it belongs.
    pub fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), &self.bearer(), b"")
    }

    pub fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.placeholder)
    }

    /// What these bytes are answered.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.ports[0])).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut writer = stream.try_clone().unwrap();
        let bytes = bytes.to_vec();
        let sent = std::thread::spawn(move || writer.write_all(&bytes));
        let mut all = Vec::new();
        match stream.read_to_end(&mut all) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::ConnectionReset => {}
            Err(e) => panic!("no end of the answer: {e}, {}", String::from_utf8_lossy(&all)),
        }
        let _ = sent.join().unwrap();
        Answer::of(&all)
    }

    /// Waits until a line like this came over the control socket.
    pub fn line(&self, found: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(line) = self.lines.lock().unwrap().iter().find(|line| found(line)) {
                return line.clone();
            }
            assert!(Instant::now() < end, "{:?}", self.lines.lock().unwrap());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn all(&self, event: &str) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| line["ev"] == event).cloned().collect()
    }

    /// Ends it as its broker does, and waits until it is gone; how long that took.
    pub fn end(&mut self) -> Duration {
        let start = Instant::now();
        if let Some(control) = self.control.take() {
            let _ = control.shutdown(std::net::Shutdown::Write);
        }
        self.child.wait().unwrap();
        start.elapsed()
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn attend(
    reader: BufReader<UnixStream>,
    mut socket: &UnixStream,
    lines: &Mutex<Vec<Value>>,
    records: &AtomicBool,
) {
    for line in reader.lines().map_while(Result::ok) {
        let line: Value = serde_json::from_str(&line).unwrap();
        if line["ev"] == "use" {
            let ok = records.load(Ordering::Relaxed);
            let _ = writeln!(socket, "{}", json!({"id": line["id"], "ok": ok}));
        }
        lines.lock().unwrap().push(line);
    }
}

/// An answer, its chunks joined.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body has the end that its head promises.
    pub whole: bool,
}

impl Answer {
    pub fn of(mut bytes: &[u8]) -> Answer {
        if let Some(rest) = bytes.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n") {
            bytes = rest;
        }
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let rest = &bytes[end..];
        let (body, whole) = match head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            true => joined(rest),
            false => (rest.to_vec(), true),
        };
        Answer { status, head, body, whole }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of a refusal.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

fn joined(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(chunk) = rest.get(at + 2..at + 2 + size) else { break };
        body.extend_from_slice(chunk);
        rest = &rest[(at + 4 + size).min(rest.len())..];
    }
    (body, false)
}
