//! On a terminal the broker is not noticed: the command sees a terminal of its own, keys and window sizes reach it, job control works,
//! and redaction stays on. Driven through tmux, as a person would.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hasp_tests::{DB_URL, Screen, World, peer};

/// How long a command may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn the_command_sees_a_terminal_and_its_output_is_redacted() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("sees");
    screen.enter("hasp-exec -- sh -c 'test -t 0 && test -t 1 && test -t 2 && echo all three; stty size; echo \"<$DB>\"; exit 3'; echo rc=$?");
    let shown = screen.see("rc=3");
    assert!(shown.contains("\nall three\n") && shown.contains("\n30 100\n"), "{shown}");
    assert!(shown.contains("<[hasp:db/url]>") && !shown.contains("Quartz"), "{shown}");
    screen.enter(
        "clear; hasp-exec -- sh -c 'trap \"stty size; exit\" WINCH; echo waiting; while :; do sleep 0.05; done'",
    );
    screen.see("waiting");
    screen.tmux(&["resize-window", "-t", "t", "-x", "90", "-y", "25"]);
    screen.see("25 90");
}

#[test]
fn keys_signals_and_job_control_work_as_without_it() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("jobs");
    let status = screen.world.project().join("status");
    screen.enter("stty -a >before; hasp-exec --status-fd 3 -- sleep 100 3>status");
    started(&status);
    screen.key("C-c");
    screen.enter("echo rc=$?");
    screen.see("rc=130");
    std::fs::remove_file(&status).expect("a status");
    screen.enter("clear; hasp-exec --status-fd 3 -- sleep 100 3>status");
    started(&status);
    screen.key("C-z");
    screen.see("[1]+  Stopped");
    screen.enter("fg");
    screen.see("hasp-exec --status-fd 3 -- sleep 100");
    std::thread::sleep(Duration::from_millis(400));
    screen.key("C-c");
    screen.enter("echo again=$?");
    screen.see("again=130");
    screen.enter("clear; hasp-exec -- cat &");
    screen.see("[1]");
    std::thread::sleep(Duration::from_millis(700));
    screen.enter("");
    screen.enter("fg");
    std::thread::sleep(Duration::from_millis(700));
    screen.enter("line for cat");
    screen.see("line for cat");
    screen.key("C-d");
    screen.enter("clear; stty -a | cmp - before && echo terminal as before");
    screen.see("terminal as before");
}

#[test]
fn prompts_passwords_and_pipelines() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("asks");
    screen.enter("hasp-exec -- bash -c 'read -rsp \"Password: \" p; echo; echo length ${#p}'");
    screen.see("Password:");
    screen.enter("opensesame");
    let shown = screen.see("length 10");
    assert!(!shown.contains("opensesame"), "{shown}");
    screen.enter("clear; seq 3 | hasp-exec -- sh -c 'cat; read x </dev/tty; echo got $x'");
    screen.see("3");
    screen.enter("typed");
    screen.see("got typed");
    screen.enter("clear; hasp-exec -- sh -c 'test -t 1 || echo piped; echo $DB' | cat");
    screen.see("piped");
    screen.see("[hasp:db/url]");
    screen.enter("clear; hasp-exec -- sh -c 'echo out; echo err >&2' 2>/dev/null; echo end");
    let shown = screen.see("end");
    assert!(shown.contains("out\n") && !shown.contains("err\n"), "{shown}");
}

/// The command's number, from the first line of `--status-fd`.
fn started(status: &Path) -> u32 {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(status).unwrap_or_default();
        if let Some(line) = text.lines().next() {
            let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
            return u32::try_from(object["pid"].as_u64().expect("a pid")).expect("a pid");
        }
        assert!(began.elapsed() < PATIENCE, "the command did not start");
        std::thread::sleep(Duration::from_millis(30));
    }
}

fn parent(pid: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|l| l.strip_prefix("PPid:")).expect("a parent");
    line.trim().parse().expect("a number")
}

#[test]
fn the_terminal_is_restored_when_the_broker_is_told_to_end() {
    if !peer("tmux") {
        return;
    }
    let screen = Screen::open("term");
    screen.enter("stty -a >before; hasp-exec --status-fd 3 -- sleep 50 3>status; echo rc=$?");
    let broker = parent(parent(started(&screen.world.project().join("status"))));
    assert!(Command::new("kill").args(["-TERM", &broker.to_string()]).status().expect("kill").success());
    screen.see("rc=143");
    screen.enter("clear; stty -a | cmp - before && echo terminal as before");
    screen.see("terminal as before");
}

#[test]
fn a_burst_before_the_end_arrives_whole() {
    if !peer("script") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind add db/url").ok();
    world.script("burst", "#!/bin/sh\nhead -c 65536 /dev/zero | tr '\\0' x\n");
    world.sh("hasp-grant -e DB=db/url --for 1h --keep --consumer user -- ./burst").ok();
    let rounds = 60;
    for (how, line) in [
        ("on pipes", "hasp-exec -- ./burst | wc -c"),
        ("on a terminal", "script -qec 'hasp-exec -- ./burst' /dev/null | tr -dc x | wc -c"),
    ] {
        let outcome = world.sh(&format!("for i in $(seq {rounds}); do {line}; done | sort | uniq -c"));
        let counted: Vec<&str> = outcome.ok().split_whitespace().collect();
        assert_eq!(counted, [rounds.to_string().as_str(), "65536"], "{how}");
    }
}

#[test]
fn the_monitor_has_no_environment() {
    if !peer("script") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind add db/url").ok();
    world.script("look", "#!/bin/sh\ntr '\\0' ' ' </proc/$PPID/cmdline; echo size=$(wc -c </proc/$PPID/environ)\n");
    let line =
        "hasp-grant -e DB=db/url -o token --consumer user -- ./look && script -qec 'hasp-exec -g token' /dev/null";
    let outcome = world.sh(line);
    let shown = outcome.ok();
    assert!(shown.contains("--monitor") && shown.contains("size=0\r"), "{shown}");
}
