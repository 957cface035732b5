//! Many appenders, killed at random: what was acknowledged is there, in one unbroken sequence, whatever else happened.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Fixture, at, event};
use hasp_audit::filter::Filter;
use hasp_audit::query::{self, By};
use hasp_audit::record::term;
use hasp_audit::{Event, segment};

const APPENDERS: usize = 50;
/// A round takes about a second; the promise does not depend on their number.
const ROUNDS: u64 = 5;
/// Appends until it is killed, and tells each that succeeded.
const SCRIPT: &str = r#"n=0; while [ $n -lt 200 ]; do
    printf '{"event":"test.crowd","grant":"%s-%s"}' "$2" "$n" | "$0" append --log "$1" && echo "ack $2-$n"; n=$((n+1)); done"#;

fn spawn(f: &Fixture, name: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", SCRIPT, env!("CARGO_BIN_EXE_hasp-audit"), f.id.as_str(), name]).env("HASP_HOME", f.dir.path());
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills the shell and what it runs at this moment.
fn kill(mut child: Child) {
    let group = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
    child.wait().unwrap();
}

#[test]
fn a_crowd_with_random_kills() {
    let f = Fixture::new();
    // Nearly full, so that the crowd goes over the end of a segment.
    let filler: Vec<Event> = (0..50).map(|n| event(n).field("pad", "x".repeat(500))).collect();
    while f.segment().metadata().unwrap().len() < segment::FULL - (60 << 10) {
        f.log.append(at(0), &filler).unwrap();
    }
    let (mut acknowledged, mut kills, mut seed) = (BTreeSet::new(), 0u64, 0x9e37_79b9_7f4a_7c15u64);
    for round in 0..ROUNDS {
        let mut children: Vec<Child> = (0..APPENDERS).map(|a| spawn(&f, &format!("r{round}a{a}"))).collect();
        let readers: Vec<_> = children.iter_mut().map(|c| BufReader::new(c.stdout.take().unwrap())).collect();
        let readers: Vec<_> = readers.into_iter().map(|r| std::thread::spawn(move || acks(r))).collect();
        for child in children {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round);
            std::thread::sleep(Duration::from_millis(seed >> 60));
            kill(child);
            kills += 1;
        }
        readers.into_iter().for_each(|r| acknowledged.extend(r.join().unwrap()));
        f.log.append(at(1), &[event(round)]).unwrap();
    }
    assert!(acknowledged.len() > 50, "only {} appends were acknowledged", acknowledged.len());
    let report = f.verify();
    assert_eq!(report.fault, None);
    assert!(report.notes.iter().filter(|n| n.contains("set aside")).count() as u64 <= kills);
    let mut there: BTreeMap<String, u32> = BTreeMap::new();
    query::run(f.log.path(), &Filter::term(term::event("test.crowd")), By::Index, &mut |r| {
        *there.entry(r.text("grant").to_owned()).or_default() += 1;
        Ok(())
    })
    .unwrap();
    let missing: Vec<_> = acknowledged.iter().filter(|a| there.get(*a) != Some(&1)).collect();
    assert!(missing.is_empty(), "acknowledged and not there: {missing:?}");
    assert!(segment::list(f.log.path()).unwrap().len() > 1, "no segment ended under load");
}

fn acks(reader: BufReader<std::process::ChildStdout>) -> Vec<String> {
    let lines = reader.lines().map_while(Result::ok);
    lines.filter_map(|l| l.strip_prefix("ack ").map(str::to_owned)).collect()
}

#[test]
fn threads_of_one_process_get_numbers_without_a_gap() {
    let f = Fixture::new();
    let numbers = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..25).map(|n| f.log.append(at(n), &[event(1)]).unwrap()).collect::<Vec<u64>>()))
            .collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect::<BTreeSet<u64>>()
    });
    assert_eq!(numbers, (1..=200).collect());
    let report = f.verify();
    assert_eq!((report.records, report.fault), (201, None));
}
