//! Promise: a window holds to the second; a clock that is set back opens nothing and is seen; no
//! grant outlives its boot; and the record names a grant that ran more often than it could.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use hasp_tests::{Outcome, World, is_root, peer, say};

/// A moment in the middle of a day, in seconds since 1970, far enough ahead that nothing else is.
const NOON: i64 = 1_922_011_200;
const HOUR: i64 = 3600;

/// A line run while the wall clock stands still at a moment.
fn at(world: &World, moment: i64, line: &str) -> Outcome {
    let frozen = format!(
        "export DONT_FAKE_MONOTONIC=1
        faketime -f \"$(date -u -d @{moment} '+%Y-%m-%d %H:%M:%S')\" {line}"
    );
    world.sh(&frozen)
}

/// A token for an hour, minted at noon.
fn token(world: &World) -> PathBuf {
    let path = world.beside(&format!("token-{}", world.events("grant.mint").len()));
    let options = format!("-q -t test --for 1h --consumer user -o {}", path.display());
    at(world, NOON, &format!("hasp-grant {options}")).ok();
    path
}

#[test]
fn a_window_begins_and_ends_with_its_second() {
    if !peer("faketime") {
        return;
    }
    let world = World::with_project();
    for (moment, code) in [
        (NOON - 1, "not-yet-valid"),
        (NOON, ""),
        (NOON + 1, ""),
        (NOON + HOUR - 1, ""),
        (NOON + HOUR, "expired"),
        (NOON + HOUR + 1, "expired"),
        (NOON - 86_400, "not-yet-valid"),
    ] {
        // Each has a grant of its own: a clock that is ahead ends what it finds for good.
        let token = token(&world);
        let ran = at(&world, moment, &format!("hasp-exec -g {}", token.display()));
        match code {
            "" => drop(ran.ok()),
            code => drop(ran.refused(125, code)),
        }
    }
    assert_eq!(world.runs(), 3);
}

#[test]
fn a_clock_that_was_set_back_is_a_note_and_no_fault() {
    if !peer("faketime") {
        return;
    }
    let world = World::with_project();
    let run = "hasp-grant -q -x -t test --consumer user";
    at(&world, NOON, run).ok();
    at(&world, NOON - 86_400, run).ok();
    let verified = world.sh("hasp-audit verify");
    assert!(verified.ok().starts_with("whole: "), "{}", verified.stdout);
    assert!(
        verified.stderr.contains("note: the clock was set back: record"),
        "{}",
        verified.stderr
    );
    let log = world.sh("hasp-audit log --event exec.start").ok().to_owned();
    assert_eq!(log.matches("the clock was set back").count(), 1, "{log}");
    // The order is that of the numbers.
    let numbers: Vec<u64> =
        world.record().iter().map(|record| record["n"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted());
}

#[test]
fn a_grant_of_another_boot_has_ended() {
    if !is_root() || !World::bare().sh("unshare -m true").stderr.is_empty() {
        say("skipped: mounting needs root");
        return;
    }
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let boot = world.write("boot", "11111111-2222-4333-8444-555555555555\n");
    let mount = format!("mount --bind {} /proc/sys/kernel/random/boot_id", boot.display());
    let elsewhere = |line: &str| world.sh(&format!("unshare -m bash -c '{mount} && {line}'"));
    elsewhere("hasp-exec --explain -t test; true").ok();
    let refused = elsewhere("hasp-exec -t test");
    assert_eq!((refused.status, world.runs()), (125, 0), "{}", refused.stderr);
    assert!(refused.stderr.contains("[no-grant]") || refused.stderr.contains("[expired]"));
    assert_eq!(world.events("grant.sweep")[0]["why"], "other boot");
    // What was swept stays so, also where the old boot seems to be back.
    assert_eq!(world.sh("hasp-exec -t test").status, 125);
}

#[test]
fn a_once_grant_with_two_starts_is_a_finding() {
    let world = World::with_project();
    let token = world.mint("-t test");
    let run = format!("hasp-exec -g {}", token.display());
    world.sh(&format!("cp -a $HASP_RUNTIME ../saved; {run}")).ok();
    world.sh("hasp-audit verify").ok();
    world.sh(&format!("rm -rf $HASP_RUNTIME; cp -a ../saved $HASP_RUNTIME; {run}")).ok();
    let verified = world.sh("hasp-audit verify");
    verified.refused_with_hint(1, "start-ungranted");
    assert!(!verified.stdout.contains("whole"), "{}", verified.stdout);
    let starts = world.events("exec.start");
    let both: Vec<String> =
        starts.iter().map(|start| format!("record {}", start["n"].as_u64().unwrap())).collect();
    assert!(both.len() == 2 && both.iter().all(|n| verified.stderr.contains(n)), "{both:?}");
}
