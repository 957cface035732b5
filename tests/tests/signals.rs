//! Signals reach the command once, whoever sends them, its end is our end, and nothing is left when
//! the broker is killed.

#![allow(clippy::unwrap_used)]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hasp_tests::{DB_URL, Screen, World, is_root, peer, skip, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is passed on, in an order in which the command can live through all of them.
const FORWARDED: [&str; 9] =
    ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "TSTP", "CONT"];

/// Writes its parent's and its grandparent's number, then the name of each signal that it gets,
/// until the file `enough` is there.
const CATCHER: &str = "#!/usr/bin/env python3\nimport os, signal, time\n\
    log = os.open('caught', os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)\n\
    for name in 'INT TERM HUP QUIT USR1 USR2 WINCH TSTP CONT'.split():\n  \
    signal.signal(getattr(signal, 'SIG' + name), lambda number, _, name=name: os.write(log, (name \
    + '\\n').encode()))\n\
    parent = open(f'/proc/{os.getppid()}/stat').read().rsplit(')', 1)[1].split()[1]\n\
    os.write(log, f'{os.getppid()} {parent}\\n'.encode())\n\
    while not os.path.exists('enough'): time.sleep(0.01)\n";

/// A world in memory with a kept grant for any command that gets `db/url`.
fn world() -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user -e DB=db/url \
              --any-command")
        .ok();
    world.script("catcher", CATCHER);
    world
}

/// What the catcher wrote, once it has written this many lines.
#[track_caller]
fn caught(world: &World, lines: usize) -> Vec<String> {
    let path = world.project().join("caught");
    let read = || std::fs::read_to_string(&path).unwrap_or_default();
    wait_until(PATIENCE, || read().lines().count() >= lines);
    read().lines().map(str::to_owned).collect()
}

fn kill(signal: &str, pid: &str) {
    assert!(
        Command::new("kill").args([&format!("-{signal}"), "--", pid]).status().unwrap().success()
    );
}

#[test]
fn a_signal_to_the_broker_alone_is_passed_on_once() {
    if !peer("python3") || !peer("script") {
        return;
    }
    for (line, ancestor) in [
        ("hasp-exec -- ./catcher >out", 0),
        ("script -qec 'hasp-exec -- ./catcher' /dev/null </dev/null", 1),
    ] {
        let world = world();
        let mut run = world.start(line);
        let broker = caught(&world, 1)[0].split(' ').nth(ancestor).unwrap().to_owned();
        for (number, name) in FORWARDED.iter().enumerate() {
            kill(name, &broker);
            assert_eq!(caught(&world, number + 2)[number + 1], *name, "{line}");
        }
        // One that came twice would be here by now.
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(caught(&world, 1).len(), 1 + FORWARDED.len(), "{line}");
        world.write("enough", "");
        assert!(run.wait().unwrap().success(), "{line}");
    }
}

#[test]
fn what_the_terminal_sends_to_the_whole_group_arrives_once() {
    if !peer("python3") || !peer("tmux") {
        return;
    }
    let screen = Screen::open("keys");
    screen.world.script("catcher", CATCHER);
    for redirection in [" >out 2>&1", ""] {
        screen.world.sh("rm -f caught enough").ok();
        screen.enter(&format!("clear; hasp-exec -- ./catcher{redirection}"));
        caught(&screen.world, 1);
        // In its own terminal the command's group gets the keys from there.
        if redirection.is_empty() {
            screen.until_raw();
        }
        screen.key("C-c");
        caught(&screen.world, 2);
        screen.key("C-\\");
        caught(&screen.world, 3);
        screen.tmux(&[
            "resize-window",
            "-t",
            "t",
            "-x",
            if redirection.is_empty() { "100" } else { "95" },
        ]);
        caught(&screen.world, 4);
        screen.key("C-z");
        let mut expected = vec!["INT", "QUIT", "WINCH", "TSTP"];
        caught(&screen.world, 5);
        if !redirection.is_empty() {
            // The command lives on, and the shell has its job back when we have stopped.
            screen.see("[1]+  Stopped");
            screen.enter("fg");
            expected.push("CONT");
            caught(&screen.world, 6);
        }
        // One that came twice would be here by now.
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(caught(&screen.world, 1)[1..], expected, "'{redirection}'");
        screen.world.write("enough", "");
        wait_until(PATIENCE, || screen.shown().lines().any(|l| l.trim_end().ends_with("ready>")));
    }
}

#[test]
fn every_status_is_the_commands_own() {
    let world = world();
    let line = "for i in $(seq 0 255); do hasp-exec -- sh -c \"exit $i\"; [ $? = $i ] || echo bad \
                $i; done";
    assert_eq!(world.sh(line).ok(), "");
    for (number, name) in [
        (1, "HUP"),
        (2, "INT"),
        (3, "QUIT"),
        (6, "ABRT"),
        (9, "KILL"),
        (11, "SEGV"),
        (13, "PIPE"),
        (14, "ALRM"),
        (15, "TERM"),
        (34, "34"),
    ] {
        let mut command = world.command("hasp-exec");
        let ended = command
            .args(["--", "sh", "-c", &format!("kill -{name} $$; sleep 5")])
            .output()
            .unwrap()
            .status;
        assert_eq!(ended.signal(), Some(number), "{name}: {ended}");
    }
    if peer("script") {
        for (end, status) in [("exit 77", 77), ("kill -TERM $$", 143), ("kill -INT $$", 130)] {
            let line = format!(
                "script -qec \"hasp-exec -- sh -c '{}'; exit \\$?\" /dev/null",
                end.replace('$', "\\$")
            );
            assert_eq!(world.sh(&line).status, status, "{end}");
        }
    }
    let ends = world.events("exec.end");
    assert!(ends.iter().any(|e| e["status"] == 255) && ends.iter().any(|e| e["signal"] == 9));
}

fn runs(pid: &str) -> bool {
    let stat =
        std::fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[test]
fn a_command_does_not_outlive_a_broker_that_is_killed() {
    if !peer("script") {
        return;
    }
    for (line, ancestor) in [
        ("hasp-exec -- ./wait >out", 0),
        ("script -qec 'hasp-exec -- ./wait' /dev/null </dev/null", 1),
    ] {
        let world = world();
        let wait = "#!/bin/bash\nread -r _ _ _ parent _ <<<\"$(cat /proc/$PPID/stat)\"\necho \
                    $PPID $parent >caught.new\n\
                    echo $$ >pid; mv caught.new caught\nexec sleep 60\n";
        world.script("wait", wait);
        let mut run = world.start(line);
        let broker = caught(&world, 1)[0].split(' ').nth(ancestor).unwrap().to_owned();
        let pid = std::fs::read_to_string(world.project().join("pid")).unwrap().trim().to_owned();
        assert!(runs(&pid), "{line}");
        kill("KILL", &broker);
        wait_until(Duration::from_secs(2), || !runs(&pid));
        run.wait().unwrap();
        world.sh("hasp-audit log").ok();
    }
}

#[test]
fn as_the_first_process_it_reaps_and_passes_on_what_it_is_sent() {
    if !peer("unshare") || !is_root() && !skip("making a pid namespace takes root") {
        return;
    }
    let world = world();
    // Orphans of the command become children of the first process.
    let orphans = "for i in 1 2 3; do (sh -c \"exec sleep 0.1\" &); done; i=0; while pgrep -x \
                   sleep >/dev/null && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done; echo \
                   $PPID; grep -l \"^State:.Z\" /proc/[0-9]*/status; exit 5";
    let contained = "unshare -fp --mount-proc";
    let outcome = world.sh(&format!("{contained} hasp-exec -- sh -c '{orphans}'"));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (5, "1\n"), "{}", outcome.stderr);
    if peer("script") {
        let line = format!("script -qec '{contained} hasp-exec -- ./orphans' /dev/null </dev/null");
        world.script("orphans", &format!("#!/bin/sh\n{}\n", orphans.replace("echo $PPID; ", "")));
        let outcome = world.sh(&line);
        assert_eq!((outcome.status, outcome.stdout.as_str()), (5, ""), "{}", outcome.stderr);
    }
    // What a container's manager does: TERM to the first process, from outside. Death by a signal
    // is a status here.
    let line = format!(
        "{contained} hasp-exec -- sh -c 'touch up; exec sleep 60' & while ! test -e up; do sleep \
         0.02; done; \
                        kill -TERM $(pgrep -P $!); wait $!"
    );
    let outcome = world.sh(&line);
    assert_eq!(outcome.status, 143, "{}", outcome.stderr);
    assert!(world.events("exec.end").iter().any(|e| e["signal"] == 15));
}
