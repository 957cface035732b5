//! Promise: a use is spent exactly once, whoever races, whatever dies; and what is refused before
//! the spend burns nothing.
#![allow(clippy::unwrap_used)]

use std::process::Stdio;

use hasp_tests::{World, peer};

const COUNT: &str = "#!/bin/sh\necho ran >>ran\n";

fn counting_world() -> World {
    let world = World::with_project();
    world.script("show", COUNT);
    world
}

/// A line that starts `n` copies of a command at the same moment and prints one letter for each
/// that succeeded.
fn race(n: usize, command: &str) -> String {
    format!(
        "exec 8>../gate; flock 8; for i in $(seq {n}); do (flock -s 9; {command} >/dev/null \
         2>>../race.err 8>&- 9>&- && printf y) \
         9<../gate 8>&- & done; flock -u 8; exec 8>&-; wait"
    )
}

#[test]
fn one_of_a_hundred_racing_processes_runs() {
    let world = counting_world();
    for round in 1..=20 {
        let token = world.mint("-t test");
        let won = world.sh(&race(100, &format!("hasp-exec -g {}", token.display())));
        assert_eq!((won.ok(), world.runs()), ("y", round), "round {round}");
    }
    assert_eq!(world.events("exec.start").len(), 20);
    let denials = world.events("exec.deny");
    // So many come in a minute; the next record says for how many it stands.
    let stood_for: u64 = denials.iter().map(|d| d["count"].as_u64().unwrap_or(1)).sum();
    assert!(denials.len() >= 20 && stood_for <= 20 * 99, "{} {stood_for}", denials.len());
    let codes: std::collections::BTreeSet<String> =
        denials.iter().map(|d| d["code"].to_string()).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), ["\"spent\""]);
    world.verify_record();
}

#[test]
fn five_uses_are_five_also_while_others_are_revoked() {
    let world = counting_world();
    for round in 1..=4 {
        let token = world.mint("-t test --uses 5");
        for _ in 0..10 {
            world.mint("-t test --reason bystander");
        }
        let ids = "hasp-grant list --json | jq -r 'select(.reason == \"bystander\") | .grant'";
        if !peer("jq") {
            return;
        }
        let line = format!(
            "for id in $({ids}); do hasp-grant revoke -q $id || echo revoke; done & {}; wait",
            race(30, &format!("hasp-exec -g {}", token.display()))
        );
        assert_eq!((world.sh(&line).ok(), world.runs()), ("yyyyy", 5 * round), "round {round}");
    }
    world.verify_record();
}

#[test]
fn nothing_starts_after_revoke_has_returned() {
    let world = counting_world();
    for _ in 0..4 {
        let token = world.mint("-t test --uses 1000");
        // The grant is revoked somewhere in the middle of the race; when does not matter.
        let line = format!(
            "{{ {}; }} & sleep 0.1; hasp-grant revoke -q --all; hasp-exec -g {}; s=$?; wait; exit \
             $s",
            race(30, &format!("hasp-exec -g {}", token.display())),
            token.display()
        );
        world.sh(&line).refused_with_hint(125, "revoked");
        let starts = world.events("exec.start").len();
        let ends = world.events("exec.end").len();
        assert_eq!((starts, ends), (world.runs(), world.runs()));
    }
    world.verify_record();
}

#[test]
fn a_refusal_burns_nothing() {
    let world = counting_world();
    let token = world.mint("-t test");
    let used = format!("hasp-exec -g {}", token.display());
    let refused =
        |line: &str, status: i32, code: &str| drop(world.sh(line).refused(status, code).clone());
    std::fs::create_dir_all(world.beside("elsewhere/.git")).unwrap();
    refused(&format!("cd ../elsewhere && {used}"), 125, "other-project");
    refused(&format!("{used} -t other"), 125, "other-target");
    refused(&format!("mv show hidden && {used}"), 127, "program-missing");
    refused(&format!("touch show && {used}"), 126, "program-not-executable");
    refused(&format!("chmod +x show && {used}"), 126, "program-not-executable");
    refused(&format!("rm show; mkdir show; {used}"), 126, "program-not-executable");
    world.sh("rmdir show; mv hidden show").ok();
    world.sh("mv ../home/bindings ../b").ok();
    refused(&used, 125, "unbound");
    world.sh("mv ../b ../home/bindings").ok();
    world.sh(&format!("{used} --explain")).ok();
    assert_eq!(world.runs(), 0);
    world.sh(&used).ok();
    assert_eq!(world.runs(), 1);
}

#[test]
fn an_impossible_delivery_is_refused_before_anything_is_granted() {
    let world = World::new();
    world.store("nul", b"a\0b");
    world.store("long", "x".repeat(131_072));
    world.sh("hasp-bind add nul && hasp-bind add long").ok();
    for name in ["nul", "long"] {
        let outcome = world.sh(&format!("hasp-grant -e V={name} -- /bin/true"));
        assert_eq!(outcome.status, 77, "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("--file") && outcome.stderr.contains("--fd"),
            "{}",
            outcome.stderr
        );
        assert_eq!(world.sh(&format!("hasp-grant -x -e V={name} -- /bin/true")).status, 125);
    }
    assert!(world.files(&world.runtime().join("grants")).is_empty());
    assert!(world.events("exec.start").is_empty());
}

#[test]
fn what_only_execve_finds_is_spent_and_recorded() {
    let world = counting_world();
    world.script("show", "#!/no/such/interpreter\n");
    let token = world.mint("-t test");
    world.sh(&format!("hasp-exec -g {}", token.display())).refused(126, "cannot-execute");
    world.sh(&format!("hasp-exec -g {}", token.display())).refused(125, "spent");
    world.sh("hasp-bind add api/key").ok();
    let many = world.mint("-e K=api/key -- /bin/true $(seq 100000)");
    world
        .sh(&format!("ulimit -s 1024; hasp-exec -g {}", many.display()))
        .refused(126, "cannot-execute");
    assert_eq!(
        world.events("exec.end").iter().filter(|e| e["failed"] == "cannot-execute").count(),
        2
    );
    world.verify_record();
}

/// The system calls of one run from the making of the tombstone to the start of the child, as
/// (name, how often before).
fn between_spend_and_spawn(trace: &str) -> Vec<(String, usize)> {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    let (mut inside, mut window) = (false, Vec::new());
    for line in trace.lines() {
        // A line is "PID  name(..."; everything up to the spawn is in one thread.
        let call =
            line.split_whitespace().nth(1).and_then(|c| c.split_once('(')).map(|(name, _)| name);
        let Some(name) = call.filter(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        else {
            continue;
        };
        let count = seen.entry(name.to_owned()).or_default();
        *count += 1;
        inside |= line.contains("/spent/") && line.contains("O_EXCL");
        if inside {
            window.push((name.to_owned(), *count));
        }
        if inside && ["clone", "clone3", "vfork", "fork"].contains(&name) {
            break;
        }
    }
    window
}

#[test]
fn killed_anywhere_between_spend_and_spawn_it_never_runs_twice() {
    if !peer("strace") {
        return;
    }
    let world = counting_world();
    let token = world.mint("-t test");
    world.sh(&format!("strace -f -o ../trace hasp-exec -g {}", token.display())).ok();
    let window = between_spend_and_spawn(&std::fs::read_to_string(world.beside("trace")).unwrap());
    assert!(window.len() > 10, "the trace shows {} calls between spend and spawn", window.len());
    let step = window.len().div_ceil(40);
    for (name, count) in window.iter().step_by(step).chain(window.last()) {
        let before = world.runs();
        let token = world.mint("-t test");
        let inject = format!("-e trace={name} -e inject={name}:signal=KILL:when={count}");
        let killed =
            world.sh(&format!("strace -f -o /dev/null {inject} hasp-exec -g {}", token.display()));
        assert_eq!(killed.status, 137, "{name} {count}: {}", killed.stderr);
        let mut again = world.command("hasp-exec");
        let again = again.arg("-g").arg(&token).stdin(Stdio::null()).output().unwrap().status;
        let ran = world.runs() - before;
        assert!(ran <= 1, "{name} {count}: it ran {ran} times");
        assert!(ran == 1 || again.code() == Some(125), "{name} {count}: neither run nor refused");
    }
    world.verify_record();
    let starts = world.events("exec.start");
    let grants: std::collections::BTreeSet<String> =
        starts.iter().map(|s| s["grant"].to_string()).collect();
    assert_eq!(grants.len(), starts.len(), "no grant has two starts on record");
    assert!(world.runs() <= starts.len(), "whatever ran is on record");
    world.sh("hasp-grant -x -t test").ok();
}
