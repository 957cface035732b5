//! Full disks and failing calls: an append that cannot be durable is refused with 74, and the chain
//! is whole afterwards.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Fixture, at, event, named};

use hasp_core::Kind;

/// A segment of this many bytes is closed.
const FULL: u64 = 16 << 20;

/// Tells why a test was not made; where CI says that everything is there, that is a failure.
fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{why}");
    let _ = hasp_core::output::write_all(std::io::stderr(), format!("skipped: {why}\n").as_bytes());
}

/// `hasp-audit append` under strace with these options; the outcome as a word.
fn traced(f: &Fixture, options: &[&str]) -> String {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_hasp-audit"));
    command.args(["append", "--json", "--log", f.id.as_str()]).env("HASP_HOME", f.dir.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let _ = hasp_core::output::write_all(child.stdin.take().unwrap(), br#"{"event":"test.fault"}"#);
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    match output.status.code() {
        Some(0) if told.contains(r#""n":"#) => "recorded".into(),
        Some(status) => format!("refused {status}"),
        None => "killed".into(),
    }
}

/// A small tmpfs in a mount namespace of its own, reached through the process that keeps it.
struct Small(Child);

impl Small {
    fn mount(at: &Path) -> Option<(Small, PathBuf)> {
        let script =
            "mount -t tmpfs -o size=1m,mode=700 none \"$0\" && touch \"$0/ready\" && exec sleep 60";
        let keeper = Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .arg(at)
            .stderr(Stdio::null())
            .spawn();
        let keeper = Small(keeper.ok()?);
        let inside = PathBuf::from(format!("/proc/{}/root{}", keeper.0.id(), at.display()));
        let ready = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            inside.join("ready").exists()
        });
        ready.then_some((keeper, inside))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_full_disk() {
    let point = tempfile::tempdir().unwrap();
    let Some((_keeper, dir)) = Small::mount(point.path()) else {
        return skip("a tmpfs of 1 MiB needs root and unshare");
    };
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![0; 300 << 10]).unwrap();
    let f = Fixture::within(tempfile::tempdir_in(dir).unwrap());
    let fat = |n: u64| {
        named("test.fat")
            .field("number", n)
            .field("pad", "x".repeat(500))
            .field("more", "y".repeat(500))
    };
    let (mut recorded, mut refused) = (1, 0);
    while refused < 5 && recorded < 9000 {
        match f.log.append(at(1), &[fat(1), fat(2), fat(3)]) {
            Ok(last) => {
                assert_eq!(last, recorded + 2);
                recorded += 3;
            }
            Err(e) => {
                assert_eq!(
                    (e.kind(), e.code().as_str(), e.kind().status()),
                    (Kind::Io, "disk-full", 74)
                );
                assert!(e.hints()[0].contains("make room"));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, 5);
    let report = f.verify();
    assert_eq!((report.records, report.fault), (recorded, None));
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(f.log.append(at(1), &[event(1)]).unwrap(), recorded);
    assert_eq!(f.fault(), None);
}

/// What an append finds: a log as it is, one with the rest of an append that a crash cut short, or
/// one whose segment is full.
fn prepared(state: &str) -> Fixture {
    let f = Fixture::within(
        tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap()),
    );
    f.fill(2);
    match state {
        "torn" => {
            let torn =
                [std::fs::read(f.segment()).unwrap(), b"{\"v\":1,\"n\":3,".to_vec()].concat();
            std::fs::write(f.segment(), torn).unwrap();
        }
        "full" => {
            let fat =
                (0..6).fold(named("test.fat"), |e, n| e.field(format!("pad{n}"), "x".repeat(500)));
            f.log.append(at(1), &vec![fat; 5_200]).unwrap();
            assert!(f.segment().metadata().unwrap().len() >= FULL);
        }
        _ => {}
    }
    f
}

#[test]
fn each_failing_write_and_flush() {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace is not installed");
    }
    for (state, calls, fewest) in [
        ("plain", &["write", "pwrite64", "fdatasync"][..], 3),
        ("torn", &["write", "fsync", "ftruncate", "rename", "pwrite64", "fdatasync"], 8),
        ("full", &["fsync", "pwrite64", "fdatasync"], 4),
    ] {
        let prepared = prepared(state);
        let saved = prepared.save();
        let mut refused = 0;
        for call in calls {
            for error in ["ENOSPC", "EIO"] {
                let every = (1..20).map_while(|when| {
                    prepared.restore(&saved);
                    injected(&prepared, call, error, when)
                });
                refused += every.filter(|refused| *refused).count();
            }
        }
        assert!(
            refused >= 2 * fewest,
            "{state}: {refused} refusals: some call was never made to fail"
        );
    }
}

/// Lets the `when`-th call fail; `None` if there are not so many, else whether the append was
/// refused. The chain is whole either way, and goes on.
fn injected(f: &Fixture, call: &str, error: &str, when: u32) -> Option<bool> {
    let trace = f.dir.path().join("trace");
    let inject = format!("inject={call}:error={error}:when={when}");
    let outcome =
        traced(f, &["-o", trace.to_str().unwrap(), "-e", &format!("trace={call}"), "-e", &inject]);
    if !std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)") {
        assert_eq!(outcome, "recorded", "{call} {error} {when}");
        return None;
    }
    let what = format!("{call} {error} {when}: {outcome}");
    assert!(["recorded", "refused 74"].contains(&outcome.as_str()), "{what}");
    let before = f.verify();
    assert_eq!(before.fault, None, "{what}");
    // What was refused is not there, unless its lines were durable and only what comes after that
    // failed.
    let there = events(f, "test.fault");
    assert!(there == 1 || there == 0 && outcome != "recorded", "{what}: {there}");
    let n = f.log.append(at(2), &[event(2)]).unwrap();
    let report = f.verify();
    assert_eq!((report.fault, report.records), (None, n + 1), "{what}");
    Some(outcome == "refused 74")
}

fn events(f: &Fixture, name: &str) -> usize {
    let mut found = 0;
    let mut count = |r: hasp_audit::Record| {
        found += usize::from(r.event() == name);
        Ok(())
    };
    f.log.each(&mut count).unwrap();
    found
}

#[test]
fn killed_at_each_call() {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace is not installed");
    }
    for call in ["pwrite64", "fdatasync", "flock", "openat"] {
        for when in [1, 2, 3, 9, 12] {
            let f = Fixture::of(3);
            let inject = format!("inject={call}:signal=SIGKILL:when={when}");
            let outcome =
                traced(&f, &["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            let n = f.log.append(at(2), &[event(2)]).unwrap();
            assert!(n == 4 || n == 3 && outcome == "killed", "{call} {when}: {n} {outcome}");
            assert_eq!(f.fault(), None, "{call} {when}");
        }
    }
}

#[test]
fn an_append_is_one_write_and_one_flush() {
    if !Path::new("/usr/bin/strace").exists() {
        return skip("strace is not installed");
    }
    let f = Fixture::of(3);
    let trace = f.dir.path().join("trace");
    let outcome = traced(
        &f,
        &["-e", "trace=pwrite64,fdatasync,fsync,syncfs,sync", "-o", trace.to_str().unwrap()],
    );
    assert_eq!(outcome, "recorded");
    let calls = std::fs::read_to_string(&trace).unwrap();
    let calls: Vec<&str> =
        calls.lines().filter_map(|l| l.split_whitespace().nth(1)?.split('(').next()).collect();
    assert_eq!(calls, ["pwrite64", "fdatasync", "pwrite64"]);
}
