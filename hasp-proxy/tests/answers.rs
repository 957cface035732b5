//! What comes back: byte for byte, at once, without the value in any form, within bounds. (Must
//! hold 4, 5, 6.)
#![allow(clippy::unwrap_used)]

mod upstream;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use upstream::*;

/// Bytes that no form of a value is in, and that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 40) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn twenty_megabytes_go_each_way_at_once_and_byte_for_byte() {
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(|seen, tls| {
            write!(tls, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in seen.body.chunks(100_000) {
                write!(tls, "{:x};ext=1\r\n", part.len())?;
                tls.write_all(part)?;
                tls.write_all(b"\r\n")?;
            }
            tls.write_all(b"0\r\nTrailer: dropped\r\n\r\n")
        }),
    );
    let proxy = Proxy::start(&upstream);
    let body = noise(20 << 20);
    let fields = proxy.bearer() + &format!("Content-Length: {}\r\n", body.len());
    let answer = proxy.ask("POST /v1/a", &fields, &body);
    assert!(answer.whole && answer.body == body, "{}", answer.head);
    let mut chunked = Vec::new();
    for part in body.chunks(77_777) {
        write!(chunked, "{:X}\r\n", part.len()).unwrap();
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let fields = proxy.bearer() + "Transfer-Encoding: chunked\r\n";
    let answer = proxy.ask("POST /v1/a", &fields, &chunked);
    assert!(answer.whole && answer.body == body && upstream.last().body == body);
    assert!(proxy.memory("VmHWM") < 32 * 1024, "{} KiB", proxy.memory("VmHWM"));
}

#[test]
#[ignore = "a minute"]
fn a_gibibyte_goes_each_way_in_bounded_memory() {
    const SIZE: usize = 1 << 30;
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(|seen, tls| {
            if !seen.body.is_empty() {
                let length = seen.body.len();
                write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                return tls.write_all(&seen.body);
            }
            let part = noise(1 << 20);
            write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n")?;
            (0..SIZE / part.len()).try_for_each(|_| tls.write_all(&part))
        }),
    );
    let proxy = Proxy::start(&upstream);
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
    let head = |line: &str, fields: &str| {
        let host = format!("Host: 127.0.0.1:{}\r\n", proxy.ports[0]);
        format!("{line} HTTP/1.1\r\n{host}{}{fields}Connection: close\r\n\r\n", proxy.bearer())
    };
    stream.write_all(head("GET /v1/a", "").as_bytes()).unwrap();
    let down = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
    assert!(down > SIZE as u64, "{down}");
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
    let fields = format!("X-Test-Drain: 1\r\nContent-Length: {SIZE}\r\n");
    stream.write_all(head("PUT /v1/a", &fields).as_bytes()).unwrap();
    let part = noise(1 << 20);
    (0..SIZE / part.len()).for_each(|_| stream.write_all(&part).unwrap());
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::of(&answer).text(), SIZE.to_string());
    assert!(proxy.memory("VmHWM") < 32 * 1024, "{} KiB", proxy.memory("VmHWM"));
}

#[test]
fn an_event_is_with_the_client_before_the_next_is_sent() {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let receiver = Mutex::new(receiver);
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(move |_, tls| {
            write!(tls, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")?;
            for n in 0..10 {
                write!(tls, "data: {n}\n\n")?;
                tls.flush()?;
                // Until the client has it.
                receiver.lock().unwrap().recv_timeout(Duration::from_secs(20)).unwrap();
            }
            Err(std::io::ErrorKind::Other.into())
        }),
    );
    let proxy = Proxy::start(&upstream);
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
    let host = format!("Host: localhost:{}\r\n", proxy.ports[0]);
    write!(stream, "GET /v1/a HTTP/1.1\r\n{host}{}\r\n", proxy.bearer()).unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    for n in 0..10 {
        while !text.contains(&format!("data: {n}\n\n")) {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{text}");
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        sender.send(()).unwrap();
    }
}

#[test]
fn an_echo_of_the_value_is_not_in_the_answer_wherever_it_was_cut() {
    use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    let v = VALUE.as_bytes();
    let percent: String = v.iter().map(|b| format!("%{b:02X}")).collect();
    let unicode: String = v.iter().map(|b| format!("\\u{b:04x}")).collect();
    let entity: String = v.iter().map(|b| format!("&#{b};")).collect();
    let forms = [
        VALUE.to_owned(),
        BASE64.encode(v),
        BASE64.encode(&[b"a", v].concat()),
        BASE64.encode(&[b"ab:", v, b"!"].concat()),
        BASE64URL_NOPAD.encode(v),
        HEXLOWER.encode(v),
        HEXUPPER.encode(v),
        BASE32.encode(v),
        percent,
        unicode,
        entity,
        BASE64.encode(BASE64.encode(v).as_bytes()),
        VALUE.chars().rev().collect(),
        format!("{}\\n{}", &VALUE[..9], &VALUE[9..]).replace("\\n", "\r\n"),
    ];
    // What the filter of this tree finds, is what must be absent; the first ones are promised.
    let cut = Arc::new(Mutex::new((String::new(), 0)));
    let of = Arc::clone(&cut);
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(move |_, tls| {
            let (text, at) = of.lock().unwrap().clone();
            let length = text.len() + 10;
            write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nX-Echo: {VALUE}\r\n\r\n")?;
            write!(tls, "begin{}", &text[..at])?;
            tls.flush()?;
            write!(tls, "{}  end", &text[at..])?;
            tls.flush()
        }),
    );
    let proxy = Proxy::start(&upstream);
    for (index, form) in forms.iter().enumerate().take(11) {
        for at in (0..=form.len()).step_by(if index == 0 { 1 } else { 5 }) {
            *cut.lock().unwrap() = (form.clone(), at);
            let answer = proxy.get("/v1/a");
            assert!(answer.whole && answer.status == 200, "{answer:?}");
            let text = answer.text();
            assert!(!text.contains(form.as_str()), "form {index} cut at {at}: {text}");
            assert!(text.contains("[hasp:openai/key]"), "form {index} cut at {at}: {text}");
            assert!(text.starts_with("begin") && text.ends_with("end"), "{text}");
            assert!(answer.head.contains("X-Echo: [hasp:openai/key]\r\n"), "{}", answer.head);
        }
    }
}

#[test]
fn of_a_redirect_only_one_to_the_same_origin_leads_back() {
    let location = |to: &str| {
        let upstream = Upstream::says(format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nSet-Cookie: a=b\r\nAlt-Svc: h3\r\n\
             Keep-Alive: x\r\nContent-Length: 0\r\nX-Kept: yes\r\n\r\n"
        ));
        let mut route = route(&upstream);
        let own = format!("https://localhost:{}", upstream.port);
        route["to"] = format!("{own}/v1").into();
        let proxy = Proxy::with(&config(&[route]));
        (proxy.get("/v1/a"), proxy.ports[0], upstream)
    };
    let (answer, _, upstream) = location("https://evil.example/x");
    assert!(answer.head.contains("\r\nLocation: https://evil.example/x\r\n"), "{}", answer.head);
    for gone in ["Set-Cookie", "Alt-Svc", "Keep-Alive"] {
        assert!(!answer.head.contains(gone), "{}", answer.head);
    }
    assert!(answer.head.contains("X-Kept: yes") && answer.status == 302);
    // It was passed on, not followed.
    assert_eq!(upstream.count(), 1);
    let (answer, ..) = location("/relative");
    assert!(answer.head.contains("\r\nLocation: /relative\r\n"), "{}", answer.head);

    let port = Arc::new(Mutex::new(0));
    let of = Arc::clone(&port);
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(move |_, tls| {
            let port = of.lock().unwrap();
            write!(tls, "HTTP/1.1 307 X\r\nContent-Length: 0\r\n")?;
            write!(tls, "location: https://LOCALHOST:{port}/v1/b?c=d\r\n\r\n")
        }),
    );
    *port.lock().unwrap() = upstream.port;
    let proxy = Proxy::start(&upstream);
    let answer = proxy.get("/v1/a");
    let back = format!("\r\nlocation: http://127.0.0.1:{}/v1/b?c=d\r\n", proxy.ports[0]);
    assert!(answer.head.contains(&back), "{}", answer.head);
}

#[test]
fn an_answer_that_cannot_be_looked_through_or_believed_is_none() {
    let cases: [(&str, &str); 8] = [
        ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", {
            "encoded-response"
        }),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "upstream"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx", "upstream"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\nx", "upstream"),
        ("HTTP/1.1 101 Switching\r\n\r\n", "upstream"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "upstream"),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "upstream"),
        ("HTTP/1.1 999999 OK\r\n\r\n", "upstream"),
    ];
    for (bytes, code) in cases {
        let answer = Proxy::start(&Upstream::says(bytes)).get("/v1/a");
        assert_eq!((answer.status, answer.code().as_str()), (502, code), "{bytes}");
    }
    // One that is cut is not given an end.
    let upstream = Upstream::new(
        Leaf::Good,
        Arc::new(|_, tls| {
            write!(tls, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")?;
            tls.flush()?;
            Err(std::io::ErrorKind::Other.into())
        }),
    );
    let answer = Proxy::start(&upstream).get("/v1/a");
    assert!(!answer.whole && answer.status == 200, "{answer:?}");
    let interim = "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(Proxy::start(&Upstream::says(interim)).get("/v1/a").status, 204);
    let head = Upstream::says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    let proxy = Proxy::start(&head);
    let answer = proxy.ask("HEAD /v1/a", &proxy.bearer(), b"");
    assert!(answer.body.is_empty() && answer.head.contains("Content-Length: 5"), "{answer:?}");
}

#[test]
fn a_thousand_requests_keep_one_connection_and_sixty_four_are_served_at_once() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    let head = format!(
        "GET /v1/a HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n",
        proxy.ports[0],
        proxy.bearer()
    );
    let connect = || {
        let stream = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    };
    // The answer's end is its last chunk.
    let once = |stream: &mut TcpStream| -> u16 {
        stream.write_all(head.as_bytes()).unwrap();
        let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
        while !all.ends_with(b"0\r\n\r\n") && !all.ends_with(b"}") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0);
            all.extend_from_slice(&buffer[..read]);
        }
        Answer::of(&all).status
    };
    let mut first = connect();
    for n in 0..1000 {
        assert_eq!(once(&mut first), 200, "{n}");
    }
    let mut others: Vec<TcpStream> = (0..63).map(|_| connect()).collect();
    std::thread::scope(|scope| {
        for stream in others.iter_mut().chain([&mut first]) {
            let once = &once;
            scope.spawn(move || (0..10).for_each(|_| assert_eq!(once(stream), 200)));
        }
    });
    let mut over = connect();
    assert_eq!(once(&mut over), 503);
    drop(others);
    let end = Instant::now() + Duration::from_secs(30);
    while once(&mut connect()) != 200 {
        assert!(Instant::now() < end);
    }
}

#[test]
fn a_body_that_is_waited_for_is_asked_for_and_an_early_answer_is_passed_on() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.ports[0])).unwrap();
    let host = format!("Host: 127.0.0.1:{}\r\n", proxy.ports[0]);
    let fields = "Expect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n";
    write!(stream, "PUT /v1/a HTTP/1.1\r\n{host}{}{fields}\r\n", proxy.bearer()).unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(Answer::of(&rest).status, 200);
    assert_eq!(upstream.last().body, b"hello");
    assert!(!upstream.last().head.to_ascii_lowercase().contains("expect"));
}

#[test]
fn it_has_given_up_what_it_does_not_need_and_shows_nothing_of_the_value() {
    let upstream = Upstream::echo();
    let proxy = Proxy::start(&upstream);
    assert_eq!(proxy.get("/v1/a").status, 200);
    let process = format!("/proc/{}", proxy.child.id());
    let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    for name in ["cmdline", "environ"] {
        // Closed to this user, or without it.
        let text = std::fs::read(format!("{process}/{name}")).unwrap_or_default();
        assert!(!text.windows(VALUE.len()).any(|w| w == VALUE.as_bytes()), "{name}");
    }
}

#[test]
fn it_ends_with_whoever_started_it() {
    let upstream = Upstream::echo();
    for round in 0..10 {
        let mut proxy = Proxy::start(&upstream);
        if round % 2 == 0 {
            assert_eq!(proxy.get("/v1/a").status, 200);
        }
        assert!(proxy.end() < Duration::from_secs(1), "{round}");
    }
}
