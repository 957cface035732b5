//! Promise: what cannot be put on record does not happen: nothing is released, and the status is
//! 125, with a hint.
#![allow(clippy::unwrap_used)]

use hasp_tests::{Outcome, World, is_root, peer, say};

/// A run that was refused for want of a record: no value went anywhere.
fn nothing_released(world: &World, outcome: &Outcome, runs: usize) {
    outcome.civil();
    assert_eq!(outcome.status, 125, "{}", outcome.stderr);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    assert_eq!(world.runs(), runs, "the child did not start");
    assert!(world.files(&world.runtime().join("files")).is_empty());
}

fn kept_world() -> World {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    world
}

#[test]
fn a_record_that_cannot_be_written_stops_everything() {
    if !peer("strace") {
        return;
    }
    let world = kept_world();
    let log = world
        .files(&world.home().join("audit"))
        .into_iter()
        .find(|p| p.extension().is_some_and(|e| e == "jsonl"));
    let log = log.unwrap().display().to_string();
    for (calls, error) in [
        ("write,pwrite64,writev", "ENOSPC"),
        ("write,pwrite64,writev", "EIO"),
        ("fdatasync,fsync", "EIO"),
        ("openat", "EROFS"),
    ] {
        let inject = |command: &str| {
            let failing = world.sh(&format!(
                "strace -f -qq -o /dev/null -P {log} -e trace={calls} -e \
                 inject={calls}:error={error} {command}"
            ));
            failing.civil().clone()
        };
        let before = world.files(&world.runtime().join("grants")).len();
        nothing_released(&world, &inject("hasp-exec -t test"), 0);
        let minted = inject("hasp-grant -t test");
        assert_eq!(minted.status, 74, "{error} on {calls}: {}", minted.stderr);
        assert!(minted.stdout.is_empty() && minted.stderr.contains("hint: "), "{}", minted.stderr);
        assert_eq!(
            world.files(&world.runtime().join("grants")).len(),
            before,
            "no grant is left behind"
        );
        let revealed = inject("hasp-vault reveal --force api/key");
        assert!(
            revealed.status == 74 && revealed.stdout.is_empty(),
            "{error} on {calls}: {}",
            revealed.stderr
        );
    }
    world.sh("hasp-exec -t test").ok();
    world.verify_record();
}

#[test]
fn a_log_that_is_missing_stops_everything() {
    let world = kept_world();
    world.sh("mv ../home/audit ../audit").ok();
    nothing_released(&world, &world.sh("hasp-exec -t test"), 0);
    let minted = world.sh("hasp-grant -t test");
    assert!([65, 74].contains(&minted.status) && minted.stdout.is_empty(), "{}", minted.stderr);
    let verified = world.sh("hasp-audit verify");
    assert!(verified.status != 0, "a log that is gone is not whole: {}", verified.stdout);
    world.sh("rm -rf ../home/audit; mv ../audit ../home/audit; hasp-exec -t test").ok();
    world.verify_record();
}

#[test]
fn a_full_disk_stops_everything() {
    if !is_root() || !World::bare().sh("unshare -m true").stderr.is_empty() {
        say("skipped: mounting needs root");
        return;
    }
    let world = kept_world();
    let script = r#"
cp -a $HASP_HOME/audit ../saved
mount -t tmpfs -o size=128k,mode=0700 none $HASP_HOME/audit && cp -a ../saved/. $HASP_HOME/audit/
dd if=/dev/zero of=$HASP_HOME/audit/fill bs=1k 2>/dev/null
for i in $(seq 12); do hasp-exec -t test >../out.$i 2>../err.$i
  echo "$? $(wc -c <../out.$i) $(wc -l <ran)"; done
hasp-grant -t test >../minted 2>../minting; echo "mint $? $(wc -c <../minted)"
rm $HASP_HOME/audit/fill; hasp-exec -t test; hasp-audit verify >/dev/null && echo whole
"#;
    world.write("fill.sh", script);
    world.write("ran", "");
    let outcome = world.sh("unshare -m sh fill.sh");
    let lines: Vec<&str> = outcome.ok().lines().collect();
    let mut runs = 0;
    for (round, line) in lines[..12].iter().enumerate() {
        let fields: Vec<usize> = line.split(' ').map(|f| f.parse().unwrap()).collect();
        runs += usize::from(fields[0] == 0);
        let error = std::fs::read_to_string(world.beside(&format!("err.{}", round + 1))).unwrap();
        assert!(
            fields[0] == 0 || fields[0] == 125 && fields[1] == 0 && error.contains("hint: "),
            "{line}: {error}"
        );
        assert_eq!(fields[2], runs, "what was refused did not run");
    }
    assert!(runs < 12, "the disk was full");
    assert_eq!(
        lines[12],
        "mint 74 0",
        "{}",
        std::fs::read_to_string(world.beside("minting")).unwrap()
    );
    assert_eq!(
        lines[13..],
        ["url=[hasp:db/url] key=[hasp:api/key]", "whole"],
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_record_without_permission_stops_everything() {
    if !is_root() || !World::bare().sh("setpriv --version").stderr.is_empty() {
        say("skipped: changing users needs root");
        return;
    }
    let world = kept_world();
    world.sh("chown -R 61234:61234 .. $HASP_RUNTIME $HASP_RUNTIME/..").ok();
    let as_user = |line: &str| {
        world.sh(&format!(
            "exec setpriv --reuid=61234 --regid=61234 --clear-groups bash -c '{line}'"
        ))
    };
    as_user("hasp-grant -q -t test --for 1h --keep --consumer user && hasp-exec -t test").ok();
    let runs = world.runs();
    for mode in [
        "find $HASP_HOME/audit -type f -exec chattr +i {} +",
        "find $HASP_HOME/audit -name *.jsonl -exec chown 0:0 {} +",
    ] {
        if world.sh(mode).status != 0 {
            say("skipped: this file system has no immutable files");
            continue;
        }
        let outcome = as_user("hasp-exec -t test");
        let minted = as_user("hasp-grant -t test");
        world
            .sh("chattr -R -i $HASP_HOME/audit 2>/dev/null; chown -R 61234:61234 $HASP_HOME/audit")
            .ok();
        nothing_released(&world, &outcome, runs);
        assert!(minted.status != 0 && minted.stdout.is_empty(), "{}", minted.stderr);
    }
    as_user("hasp-exec -t test && hasp-audit verify").ok();
}
