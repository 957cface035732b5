//! What goes upstream, and what does not: each check of a request with its status and its code, the
//! record of it, and an upstream that has seen nothing. (Must hold 2, 3, 7.)
#![allow(clippy::unwrap_used)]

mod upstream;

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hasp_core::{Timestamp, platform};
use serde_json::{Value, json};
use upstream::*;

#[test]
fn the_value_takes_the_place_of_the_placeholder_wherever_it_belongs() {
    let upstream = Upstream::echo();
    let basic =
        |user: &str, word: &str| data_encoding::BASE64.encode(format!("{user}:{word}").as_bytes());
    let p = placeholder();
    let places = [
        ("bearer", "/v1/a", format!("Authorization: bearer {p}\r\n"), format!("Bearer {VALUE}")),
        ("x-api-key", "/v1/a", format!("X-Api-Key: {p}\r\n"), format!("x-api-key: {VALUE}")),
        ("header:X-Key", "/v1/a", format!("x-KEY: {p}\r\n"), format!("x-key: {VALUE}")),
        (
            "basic:me",
            "/v1/a",
            format!("Authorization: Basic {}\r\n", basic("me", &p)),
            format!("Basic {}", basic("me", VALUE)),
        ),
        (
            "git",
            "/v1/a",
            format!("Authorization: Basic {}\r\n", basic("x-access-token", &p)),
            format!("Basic {}", basic("x-access-token", VALUE)),
        ),
        ("query:key", &format!("/v1/a?b=c&key={p}&d"), String::new(), {
            format!("GET /v1/a?b=c&key={VALUE}&d HTTP/1.1\r\n")
        }),
    ];
    for (place, target, field, sent) in places {
        let mut route = route(&upstream);
        route["as"] = place.into();
        let proxy = Proxy::with(&config(&[route]));
        let answer = proxy.ask(&format!("GET {target}"), &field, b"");
        assert_eq!(answer.status, 200, "{place}: {answer:?}");
        let head = upstream.last().head;
        assert!(head.contains(&sent) && !head.contains(&p), "{place}: {head}");
        // And what the upstream gave back of it has not reached the client.
        let text = answer.text();
        assert!(!text.contains(VALUE) && !text.contains(&basic("me", VALUE)), "{place}: {text}");
        assert!(text.contains("[hasp:openai/key]"), "{place}: {text}");
        let wrong = proxy.ask(&format!("GET {target}"), "Authorization: Bearer x\r\n", b"");
        assert_eq!(wrong.status, if place == "query:key" { 200 } else { 403 }, "{place}");
    }
}

#[test]
fn fields_of_the_connection_and_of_another_request_do_not_pass() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    let fields = format!(
        "{}Cookie: a=b\r\nRange: bytes=0-1\r\nIf-Range: x\r\nTE: trailers\r\nProxy-X: y\r\n\
         Keep-Alive: 5\r\nX-HTTP-Method-Override: DELETE\r\nX-Original-URL: /admin\r\n\
         Accept-Encoding: gzip\r\nX-Named: z\r\nConnection: x-named\r\nX-Mine: kept\r\n\
         Content-Encoding: gzip\r\n",
        proxy.bearer()
    );
    assert_eq!(proxy.ask("GET /v1/%61/b%20c?q=%2e%2E", &fields, b"").status, 200);
    let head = upstream.last().head;
    assert!(head.starts_with("GET /v1/%61/b%20c?q=%2e%2E HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nHost: localhost:{}\r\n", upstream.port)), "{head}");
    assert!(head.contains("X-Mine: kept") && head.contains("Accept-Encoding: identity"), "{head}");
    // What is said of the body is the upstream's to know.
    assert!(head.contains("Content-Encoding: gzip") && !head.contains("Accept-Encoding: gzip"));
    let lower = head.to_ascii_lowercase();
    for gone in ["cookie", "range", "te:", "proxy", "keep-alive", "override", "original"] {
        assert!(!lower.contains(gone), "{gone}: {head}");
    }
    assert!(!lower.contains("x-named") && !lower.contains("connection"), "{head}");
}

#[test]
fn what_was_not_consented_to_is_refused_with_its_code_and_one_record() {
    let upstream = Upstream::echo();
    let mut route = route(&upstream);
    route["allow"] = json!(["POST /v1/chat", "GET /v1/m/*"]);
    let proxy = Proxy::with(&config(&[route]));
    let (b, p, port) = (proxy.bearer(), placeholder(), proxy.ports[0]);
    let host = format!("Host: 127.0.0.1:{port}\r\n");
    let cases = [
        (format!("GET /v1/m/1 HTTP/1.1\r\nHost: evil.example\r\n{b}"), 421, "other-host"),
        (format!("GET /v1/m/1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n{b}"), 421, "other-host"),
        (format!("GET /v1/m/1 HTTP/1.1\r\nHost: 127.0.0.1\r\n{b}"), 421, "other-host"),
        (format!("GET /v1/chat HTTP/1.1\r\n{host}{b}"), 403, "other-request"),
        (format!("DELETE /v1/m/1 HTTP/1.1\r\n{host}{b}"), 403, "other-request"),
        (format!("GET /v1/m/1/2 HTTP/1.1\r\n{host}{b}"), 403, "other-request"),
        (format!("get /v1/m/1 HTTP/1.1\r\n{host}{b}"), 403, "other-request"),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}"), 403, "no-placeholder"),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}Authorization: Bearer {p}x\r\n"), 403, {
            "no-placeholder"
        }),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}Authorization: {p}\r\n"), 403, "no-placeholder"),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}{b}{b}"), 403, "no-placeholder"),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}{b}X-Other: {p}\r\n"), 403, "no-placeholder"),
        (format!("GET /v1/m/1?k={p} HTTP/1.1\r\n{host}{b}"), 403, "no-placeholder"),
        (format!("GET /v1/m/1?k={p} HTTP/1.1\r\n{host}"), 403, "no-placeholder"),
        (format!("GET /v1/m/.. HTTP/1.1\r\n{host}{b}"), 400, "bad-path"),
        (format!("GET /v1/m/%2e%2e HTTP/1.1\r\n{host}{b}"), 400, "bad-path"),
        (format!("GET /v1/m/%252e%252e HTTP/1.1\r\n{host}{b}"), 400, "bad-path"),
        (format!("GET /v1/m/a%2F..%2Fb HTTP/1.1\r\n{host}{b}"), 400, "bad-path"),
        (format!("GET /v1/m/a%5Cb HTTP/1.1\r\n{host}{b}"), 400, "bad-path"),
        (format!("CONNECT a:1 HTTP/1.1\r\n{host}{b}"), 501, "no-upgrade"),
        (format!("TRACE / HTTP/1.1\r\n{host}{b}"), 501, "no-upgrade"),
        (format!("GET /v1/m/1 HTTP/1.1\r\n{host}{b}Upgrade: websocket\r\n"), 501, "no-upgrade"),
    ];
    for (head, status, code) in &cases {
        let answer = proxy.raw(format!("{head}Connection: close\r\n\r\n").as_bytes());
        assert_eq!((answer.status, answer.code().as_str()), (*status, *code), "{head}");
        assert!(!answer.text().contains(&p) && answer.text().contains("hints"), "{answer:?}");
        proxy.line(|line| line["ev"] == "deny" && line["code"] == *code);
    }
    assert_eq!(upstream.count(), 0);
    // Equal ones are told once, and counted.
    let denied = |p: &Proxy| -> Vec<Value> {
        let all = p.all("deny").into_iter();
        all.filter(|l| l["code"] == "other-request" && l["path"] == "/v1/chat").collect()
    };
    for _ in 0..5 {
        assert_eq!(proxy.get("/v1/chat?secret=1").status, 403);
    }
    assert_eq!(denied(&proxy).len(), 1);
    let mut proxy = proxy;
    assert!(proxy.end() < Duration::from_secs(5));
    proxy.line(|l| l["ev"] == "deny" && l["path"] == "/v1/chat" && l["count"] == 5);
    assert!(!format!("{:?}", proxy.lines.lock().unwrap()).contains("secret"));
}

#[test]
fn what_could_be_read_in_two_ways_is_refused_and_the_connection_closed() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    let (b, port) = (proxy.bearer(), proxy.ports[0]);
    let good = format!("POST /v1/a HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{b}");
    let next = format!("GET /v1/next HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{b}\r\n");
    let mut cases: Vec<String> = [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "Content-Length: 3, 3\r\n\r\nabc",
        "Content-Length: +3\r\n\r\nabc",
        "Content-Length: 0x3\r\n\r\nabc",
        "Content-Length: -1\r\n\r\nabc",
        "Content-Length: \r\n\r\nabc",
        "Content-Length: 99999999999999999999\r\n\r\nabc",
        "Host: 127.0.0.1\r\n\r\n",
        "X: a\n\r\n",
        "X: a\nY: b\r\n\r\n",
        "X: a\rY: b\r\n\r\n",
        "X: a\r\n folded\r\n\r\n",
        "X: a\r\n\tfolded\r\n\r\n",
        "X\r\n\r\n",
        ": a\r\n\r\n",
        "X Y: a\r\n\r\n",
        "X: a\0b\r\n\r\n",
        "X: a\u{1}b\r\n\r\n",
    ]
    .iter()
    .map(|rest| format!("{good}{rest}"))
    .collect();
    let host = format!("Host: 127.0.0.1:{port}\r\n{b}\r\n");
    cases.extend([
        format!("GET https://localhost:{}/v1/a HTTP/1.1\r\n{host}", upstream.port),
        format!("GET http://127.0.0.1:{port}/v1/a HTTP/1.1\r\n{host}"),
        format!("GET /v1/a HTTP/1.0\r\n{host}"),
        format!("GET /v1/a HTTP/2.0\r\n{host}"),
        format!("GET /v1/a\r\n{host}"),
        format!("GET  /v1/a HTTP/1.1\r\n{host}"),
        format!("GET /v1/a#b HTTP/1.1\r\n{host}"),
        format!("GET * HTTP/1.1\r\n{host}"),
        format!("GET v1/a HTTP/1.1\r\n{host}"),
        format!("\r\nGET /v1/a HTTP/1.1\r\n{host}"),
        format!("GET /v1/a HTTP/1.1\n{host}"),
        format!("GET /v1/a HTTP/1.1\r\n{b}\r\n"),
        format!("{good}{}\r\n", "X: a\r\n".repeat(129)),
        format!("{good}X: {}\r\n\r\n", "a".repeat(70_000)),
        "\u{16}\u{3}\u{1}\n".to_owned(),
    ]);
    for case in &cases {
        let answer = proxy.raw(format!("{case}{next}").as_bytes());
        let shown: String = case.chars().take(300).collect();
        assert_eq!((answer.status, answer.code().as_str()), (400, "bad-request"), "{shown:?}");
    }
    assert_eq!(upstream.count(), 0);
    assert!(proxy.memory("VmHWM") < 24 * 1024, "{} KiB", proxy.memory("VmHWM"));
}

#[test]
fn after_revoking_and_after_the_window_nothing_passes() {
    let upstream = Upstream::echo();
    let dir = tempfile::tempdir().unwrap();
    let mut waits: Vec<Duration> = Vec::new();
    for round in 0..20 {
        let live = dir.path().join(format!("{round}"));
        let file = std::fs::File::create(&live).unwrap();
        platform::set_inherited(file.as_raw_fd(), true).unwrap();
        let mut config = config(&[route(&upstream)]);
        config["live"] = file.as_raw_fd().into();
        let proxy = Proxy::with(&config);
        drop(file);
        assert_eq!(proxy.get("/v1/a").status, 200);
        let before = upstream.count();
        std::fs::remove_file(&live).unwrap();
        let start = Instant::now();
        let answer = proxy.get("/v1/a");
        waits.push(start.elapsed());
        assert_eq!((answer.status, answer.code().as_str()), (403, "revoked"));
        proxy.line(|line| line["ev"] == "deny" && line["code"] == "revoked");
        assert_eq!(upstream.count(), before);
    }
    let before = upstream.count();
    let mut wall = config(&[route(&upstream)]);
    wall["expires"] = json!(Timestamp::now());
    let mut boot = config(&[route(&upstream)]);
    boot["boot"] = json!(1);
    for config in [wall, boot] {
        let proxy = Proxy::with(&config);
        let answer = proxy.get("/v1/a");
        assert_eq!((answer.status, answer.code().as_str()), (403, "expired"));
        proxy.line(|line| line["ev"] == "deny" && line["code"] == "expired");
    }
    assert_eq!(upstream.count(), before);
}

#[test]
fn without_a_record_nothing_passes_then_or_later() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    assert_eq!(proxy.get("/v1/a").status, 200);
    proxy.records.store(false, Ordering::Relaxed);
    assert_eq!(proxy.get("/v1/a").status, 200, "this kind is on record");
    let answer = proxy.get("/v1/b");
    assert_eq!((answer.status, answer.code().as_str()), (503, "no-record"));
    proxy.records.store(true, Ordering::Relaxed);
    for path in ["/v1/a", "/v1/b", "/v1/c"] {
        assert_eq!(proxy.get(path).code(), "no-record", "{path}");
    }
    assert_eq!(upstream.count(), 2);
}

#[test]
fn the_first_of_each_kind_is_on_record_before_it_goes_out_and_the_rest_is_counted() {
    let upstream = Upstream::echo();
    let mut proxy = Proxy::start(&upstream);
    for n in 0..300 {
        assert_eq!(proxy.get(&format!("/v1/{n}/rest?q=x")).status, 200, "{n}");
    }
    let body = proxy.ask("POST /v1/up", &(proxy.bearer() + "Content-Length: 5\r\n"), b"hello");
    assert_eq!(body.status, 200);
    let uses = proxy.all("use");
    assert_eq!(uses.len(), 257);
    assert_eq!((&uses[0]["method"], &uses[0]["path"]), (&json!("GET"), &json!("/v1/0")));
    assert_eq!((&uses[256]["method"], &uses[256]["path"]), (&json!("*"), &json!("*")));
    proxy.end();
    let rest = proxy.line(|l| l["ev"] == "count" && l["path"] == "*");
    assert_eq!((&rest["count"], &rest["bytes_out"]), (&json!(45), &json!(5)));
    assert_eq!(rest["statuses"], json!({"200": 45}));
    assert!(rest["bytes_in"].as_u64().unwrap() > 45 * 50);
}

#[test]
fn a_certificate_that_is_not_the_hosts_gets_no_request() {
    for leaf in [Leaf::OtherHost, Leaf::Expired, Leaf::SelfSigned] {
        let upstream = Upstream::new(leaf, Arc::new(|_, _| Ok(())));
        let answer = Proxy::start(&upstream).get("/v1/a");
        assert_eq!((answer.status, answer.code().as_str()), (502, "upstream"), "{answer:?}");
        assert_eq!(upstream.count(), 0);
    }
    // The system's roots do not know it either.
    let upstream = Upstream::echo();
    let mut route = route(&upstream);
    route["ca"].take();
    assert_eq!(Proxy::with(&config(&[route])).get("/v1/a").code(), "upstream");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_proxy_that_is_told_nonsense_does_not_start() {
    let upstream = Upstream::echo();
    let good = config(&[route(&upstream)]);
    let changes: [(&str, Value); 8] = [
        ("to", json!("http://localhost")),
        ("as", json!("cookie")),
        ("allow", json!(["GET a"])),
        ("ca", json!("no certificate")),
        ("value", json!("%")),
        ("value", json!(data_encoding::BASE64.encode(b"two\r\nlines"))),
        ("placeholder", json!("short")),
        ("more", json!(1)),
    ];
    for (key, wrong) in changes {
        let mut config = good.clone();
        config["routes"][0][key] = wrong;
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hasp-proxy"))
            .args(["--json", "--config", "-", "--control", "fd:2"])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut stdin, config.to_string().as_bytes()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(65), "{key}: {said}");
        assert!(said.contains("bad-config") && !said.contains("two"), "{key}: {said}");
    }
}
