//! Live copies for syslog and journald: each record as it is, and an outage that costs no record,
//! is told once and counted.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{Fixture, ROOT, at, event, named};
use hasp_audit::{Against, Event, EventKind, Log};
use serde_json::Value;

/// A log in a home whose policy sends copies to sockets beside it.
fn with_copies(to: &str) -> Fixture {
    let f = Fixture::new();
    policy(&f, &format!("[audit]\ncopy = [{to}]\n"));
    f
}

fn policy(f: &Fixture, text: &str) {
    let sockets = ["syslog", "journald"]
        .map(|s| format!("{s}-socket = \"{}/{s}\"\n", f.dir.path().display()));
    hasp_core::files::replace(
        &f.dir.path().join("policy.toml"),
        format!("{text}{}", sockets.concat()).as_bytes(),
    )
    .unwrap();
}

fn listen(f: &Fixture, name: &str) -> UnixDatagram {
    let path = f.dir.path().join(name);
    let _ = std::fs::remove_file(&path);
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// The datagrams that are waiting.
fn received(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 16 << 10];
    let next = || {
        socket
            .recv(&mut buffer)
            .ok()
            .map(|size| String::from_utf8(buffer[..size].to_vec()).unwrap())
    };
    std::iter::from_fn(next).collect()
}

/// The lines of the log's records from number `first` on.
fn lines(f: &Fixture, first: usize) -> Vec<String> {
    f.lines()[first..].iter().map(|l| String::from_utf8_lossy(l).trim_end().to_owned()).collect()
}

fn objects(f: &Fixture) -> Vec<Value> {
    lines(f, 0).iter().map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[test]
fn each_record_goes_to_both_as_it_is() {
    let f = with_copies(r#""syslog", "journald""#);
    let (syslog, journald) = (listen(&f, "syslog"), listen(&f, "journald"));
    f.log
        .append(at(1), &[event(1), named("exec.deny").field("code", "spent\nPRIORITY=0")])
        .unwrap();
    let bodies: Vec<String> =
        received(&syslog).iter().map(|m| m.split_once("]: ").unwrap().1.to_owned()).collect();
    assert_eq!(bodies, lines(&f, 1));
    let entries = received(&journald);
    let fields: Vec<Vec<(&str, &str)>> =
        entries.iter().map(|e| e.lines().map(|l| l.split_once('=').unwrap()).collect()).collect();
    let of = |n: usize, name: &str| {
        fields[n].iter().filter(|(f, _)| *f == name).map(|(_, v)| *v).collect::<Vec<_>>()
    };
    for (n, line) in lines(&f, 1).iter().enumerate() {
        assert_eq!(of(n, "MESSAGE"), [line.as_str()]);
    }
    assert_eq!(
        (of(0, "PRIORITY"), of(1, "PRIORITY")),
        (vec!["5"], vec!["4"]),
        "a start is notice, a denial warning"
    );
    assert_eq!((of(1, "HASP_EVENT"), of(1, "HASP_N")), (vec!["exec.deny"], vec!["2"]));
    // Nothing about copies is on record while they are taken.
    assert_eq!(f.lines().len(), 3);
}

#[test]
fn an_outage_loses_nothing_and_is_told_once_with_a_count() {
    let f = with_copies(r#""syslog""#);
    // Nobody listens.
    for n in 1..=5 {
        f.log.append(at(n), &[event(1)]).unwrap();
    }
    let told: Vec<Value> = objects(&f).into_iter().filter(|o| o["event"] == "audit.copy").collect();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0]["to"].as_str(), told[0]["state"].as_str(), told[0]["n"].as_u64()),
        (Some("syslog"), Some("failing"), Some(2))
    );
    assert!(told[0]["why"].as_str().unwrap().contains("no such file"), "{}", told[0]);
    assert_eq!(f.lines().len(), 1 + 5 + 1);
    let syslog = listen(&f, "syslog");
    f.log.append(at(9), &[event(9)]).unwrap();
    let all = objects(&f);
    let back = all.last().unwrap();
    // Five records and the one that told of the outage.
    assert_eq!((back["state"].as_str(), back["missed"].as_u64()), (Some("back"), Some(6)));
    assert_eq!(received(&syslog).len(), 2, "the record and that copies are back");
    f.log.append(at(10), &[event(10)]).unwrap();
    assert_eq!((received(&syslog).len(), f.lines().len()), (1, all.len() + 1));
    // A socket file without anybody behind it is an outage of its own.
    drop(syslog);
    f.log.append(at(11), &[event(11)]).unwrap();
    assert_eq!(objects(&f).last().unwrap()["state"], "failing");
    let report = f.verify();
    assert_eq!((report.fault, report.records), (None, f.lines().len() as u64));
}

/// Where the outage itself cannot be recorded, what was asked for is recorded all the same, and the
/// outage at the next chance.
#[test]
fn an_outage_that_cannot_be_recorded_is_told_later() {
    let f = with_copies(r#""syslog""#);
    // The count cannot be kept in a directory.
    std::fs::create_dir(f.path("missed-syslog")).unwrap();
    assert_eq!(f.log.append(at(1), &[event(1)]).unwrap(), 1);
    assert_eq!(f.lines().len(), 2);
    std::fs::remove_dir(f.path("missed-syslog")).unwrap();
    assert_eq!(f.log.append(at(2), &[event(2)]).unwrap(), 2);
    assert_eq!(objects(&f).last().unwrap()["state"], "failing");
}

#[test]
fn a_reader_that_does_not_read_delays_nothing() {
    let f = with_copies(r#""syslog", "journald""#);
    let (syslog, journald) = (listen(&f, "syslog"), listen(&f, "journald"));
    let began = Instant::now();
    let many: Vec<Event> = (0..3000).map(event).collect();
    f.log.append(at(1), &many).unwrap();
    f.log.append(at(2), &[event(1)]).unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let told: Vec<Value> = objects(&f).into_iter().filter(|o| o["event"] == "audit.copy").collect();
    assert_eq!(
        told.iter().map(|o| &o["to"]).collect::<Vec<_>>(),
        ["syslog", "journald"],
        "{told:?}"
    );
    let taken = received(&syslog).len();
    assert!(taken > 0 && taken == received(&journald).len());
    f.log.append(at(3), &[event(2)]).unwrap();
    let all = objects(&f);
    let back: Vec<&Value> = all.iter().filter(|o| o["state"] == "back").collect();
    // All that were sent before this one (3000, 1, and the two that tell of the outage) and were
    // not taken.
    assert_eq!(back[0]["missed"].as_u64(), Some(3003 - taken as u64));
    assert_eq!(f.verify().fault, None);
}

#[test]
fn a_policy_that_is_not_understood_records_no_more_than_ends_and_says_where() {
    let f = Fixture::of(2);
    policy(&f, "[audit]\ncopies = [\"syslog\"]\n");
    let refused = f.log.append(at(1), &[event(1)]).unwrap_err();
    assert_eq!((refused.code().as_str(), refused.kind().status()), ("bad-policy", 78));
    assert!(refused.message().contains("policy.toml:2:1: "), "{}", refused.message());
    assert_eq!(f.lines().len(), 2);
    // What only ends or refuses is recorded; beside something else it is not.
    let ended = || Event::new(EventKind::GrantRevoke).field("grant", "0".repeat(32));
    assert_eq!(f.log.append(at(1), &[ended(), event(1)]).unwrap_err().code(), refused.code());
    f.log.append(at(1), &[ended(), Event::new(EventKind::GrantDeny)]).unwrap();
    assert_eq!(f.lines().len(), 4);
    // What was recorded can be read and verified all the same.
    assert_eq!(f.verify().fault, None);
    std::fs::remove_file(f.dir.path().join("policy.toml")).unwrap();
    f.log.append(at(1), &[event(1)]).unwrap();
}

#[test]
fn losses_and_recoveries_are_copied_too() {
    let f = with_copies(r#""syslog""#);
    let syslog = listen(&f, "syslog");
    f.fill(4);
    f.put(&f.lines()[..3]);
    received(&syslog);
    f.log.accept_loss(at(5)).unwrap();
    assert!(matches!(
        &received(&syslog)[..],
        [one] if one.contains("audit.loss") && one.starts_with("<84>")
    ));
    std::fs::remove_file(f.path("key")).unwrap();
    let against = Against { audit_root: &ROOT, public: None, expect: None, progress: &|_| {} };
    Log::recover(&f.home, &f.id, &against, at(6)).unwrap();
    assert!(received(&syslog).iter().any(|m| m.contains("audit.recover")));
}

/// Programs that we did not write read what we send: systemd-journald both forms, as on a machine
/// that runs it.
#[test]
fn journald_itself_takes_both_forms() {
    const JOURNALD: &str = "/lib/systemd/systemd-journald";
    if !Path::new(JOURNALD).exists() || !rustix::process::geteuid().is_root() {
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "systemd-journald is not installed, or this is not root"
        );
        let _ = hasp_core::output::write_all(
            std::io::stderr(),
            b"skipped: needs systemd-journald and root\n",
        );
        return;
    }
    let f = with_copies(r#""syslog", "journald""#);
    // A /run of its own; what was logged is printed as JSON when the record was written.
    let script = r#"
set -e
mount --make-rprivate / && mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/journal /run/log/journal && rm -f "$1/go" "$1/ready"
/lib/systemd/systemd-journald & daemon=$!
at=/run/systemd/journal
for i in $(seq 300); do [ -S $at/socket ] && [ -S $at/dev-log ] && break; sleep 0.05; done
ln -s "/proc/$$/root$at/socket" "$1/journald"; ln -s "/proc/$$/root$at/dev-log" "$1/syslog"
touch "$1/ready"
for i in $(seq 600); do [ -e "$1/go" ] && break; sleep 0.05; done
for i in $(seq 100); do
	journalctl -D /run/log/journal -t hasp-audit -o json --no-pager >"$1/told" 2>/dev/null || true
	[ "$(grep -c . "$1/told")" -ge 2 ] && break; sleep 0.1
done
kill $daemon; cat "$1/told"
"#;
    let mut command = std::process::Command::new("unshare");
    command
        .args(["-m", "bash", "-c", script, "bash"])
        .arg(f.dir.path())
        .stdout(std::process::Stdio::piped());
    let child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let ready = (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        f.dir.path().join("ready").exists()
    });
    assert!(ready, "journald did not start");
    f.log.append(at(1), &[event(1)]).unwrap();
    std::fs::write(f.dir.path().join("go"), "").unwrap();
    let output = child.wait_with_output().unwrap();
    let told: Vec<Value> = output
        .stdout
        .split(|b| *b == b'\n')
        .filter_map(|l| serde_json::from_slice(l).ok())
        .collect();
    assert_eq!(f.lines().len(), 2, "both were taken");
    for transport in ["journal", "syslog"] {
        let entry = told.iter().find(|e| e["_TRANSPORT"] == transport);
        let entry = entry.unwrap_or_else(|| panic!("nothing came by {transport}: {told:?}"));
        assert_eq!(entry["MESSAGE"].as_str(), Some(lines(&f, 1)[0].as_str()));
        assert_eq!(
            (entry["PRIORITY"].as_str(), entry["SYSLOG_FACILITY"].as_str()),
            (Some("5"), Some("10"))
        );
    }
}
