//! Many appenders, killed at random: what was acknowledged is there, in one unbroken sequence,
//! whatever else happened.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use common::{Fixture, at, event, named};
use hasp_audit::{Log, Record};
use hasp_core::{Home, output};

const APPENDERS: usize = 50;
/// So small that segments end all the time, also while somebody is killed.
const SEGMENT: u64 = 64 << 10;
/// Home, log and name of an appender, for the process that is one.
const ORDER: &str = "HASP_TEST_APPENDER";

/// An appender, when this test program runs itself as one: appends until it is killed, and tells
/// each that succeeded.
#[test]
#[ignore = "a part of the test below, which runs it as a process of its own"]
fn appender() {
    // Without an order it was not the test below that ran it, but whoever runs all that is ignored.
    let Ok(order) = std::env::var(ORDER) else { return };
    let [home, id, name] = order.split(' ').collect::<Vec<_>>()[..] else { panic!("{order}") };
    let log = Log::open(&Home::at(home), &id.parse().unwrap()).unwrap().with_segment_size(SEGMENT);
    for n in 0.. {
        let grant = format!("{name}-{n}");
        log.append(at(n), &[named("test.crowd").field("grant", grant.as_str())]).unwrap();
        output::write_all(std::io::stdout(), format!("ack {grant}\n").as_bytes()).unwrap();
    }
}

fn spawn(f: &Fixture, name: &str) -> (Child, JoinHandle<Vec<String>>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "appender", "--ignored", "--nocapture"]);
    command.env(ORDER, format!("{} {} {name}", f.dir.path().display(), f.id));
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    (child, std::thread::spawn(|| acks(stdout)))
}

fn acks(stdout: ChildStdout) -> Vec<String> {
    let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
    lines
        .filter_map(|l| String::from_utf8(l).ok()?.strip_prefix("ack ").map(str::to_owned))
        .collect()
}

/// In memory, where a flush costs nothing: 5,000 kills in half a minute.
fn in_memory() -> Fixture {
    Fixture::within(
        tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap()),
    )
}

#[test]
fn a_crowd_with_random_kills() {
    crowd(25);
}

#[test]
#[ignore = "long: run by make check-long"]
fn a_crowd_with_five_thousand_random_kills() {
    crowd(100);
}

/// So many rounds of [`APPENDERS`] that are killed.
fn crowd(rounds: u64) {
    let f = in_memory();
    let (mut acknowledged, mut kills, mut seed) = (BTreeSet::new(), 0u64, 0x9e37_79b9_7f4a_7c15u64);
    for round in 0..rounds {
        let crowd: Vec<_> = (0..APPENDERS).map(|a| spawn(&f, &format!("r{round}a{a}"))).collect();
        for (mut child, reader) in crowd {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round | 1);
            std::thread::sleep(Duration::from_micros(seed >> 53));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            acknowledged.extend(reader.join().unwrap());
        }
        f.log.append(at(1), &[event(round)]).unwrap();
    }
    let most = acknowledged.len();
    assert!(most as u64 > 10 * rounds, "only {most} appends were acknowledged");
    // One sequence without a gap, each record under its own key.
    let report = f.verify();
    assert_eq!(report.fault, None);
    let torn = report.notes.iter().filter(|n| n.contains("set aside")).count() as u64;
    assert!(torn <= kills, "{torn} torn appends after {kills} kills");
    let mut there: BTreeMap<String, u32> = BTreeMap::new();
    let mut count = |r: Record| {
        if r.event() == "test.crowd" {
            *there.entry(r.text("grant").to_owned()).or_default() += 1;
        }
        Ok(())
    };
    f.log.each(&mut count).unwrap();
    let missing: Vec<_> = acknowledged.iter().filter(|a| there.get(*a) != Some(&1)).collect();
    assert!(missing.is_empty(), "acknowledged and not there once: {missing:?}");
    let segments = f.save().iter().filter(|(p, _)| is_segment(p)).count();
    let wanted = rounds / 20;
    assert!(segments as u64 > wanted, "only {segments} segments: too few ended under load");
}

/// Plain, or packed by another process meanwhile.
fn is_segment(path: &std::path::Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".jsonl") || name.ends_with(".jsonl.zst")
}

#[test]
fn threads_of_one_process_get_numbers_without_a_gap() {
    let f = Fixture::new();
    let numbers = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    (0..25).map(|n| f.log.append(at(n), &[event(1)]).unwrap()).collect::<Vec<u64>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect::<BTreeSet<u64>>()
    });
    assert_eq!(numbers, (1..=200).collect());
    let report = f.verify();
    assert_eq!((report.records, report.fault), (201, None));
}
