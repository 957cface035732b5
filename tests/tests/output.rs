//! All that a command wrote before it ended arrives, however long the filter and the reader take
//! for it; what does not is said, and makes the status bad.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::process::Stdio;
use std::time::Instant;

use hasp_tests::{DB_URL, Load, Pty, World, peer, random};

/// A world in memory with a kept grant for any command that gets `db/url` in `$DB`.
fn world() -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user -e DB=db/url \
              --any-command")
        .ok();
    world
}

/// Numbered lines of at least this many bytes, with the value and its hex form among them.
fn mixture(bytes: usize) -> String {
    let hex: String = DB_URL.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut text = String::new();
    for number in 0.. {
        let what = [".", DB_URL, "plain text of a log", &hex][number % 4];
        let _ = writeln!(text, "{number} {what} end");
        if text.len() >= bytes {
            break;
        }
    }
    text
}

/// Checks that each line of the mixture arrived, with a marker where a value was. A pause of the
/// machine in the midst of one may have let out its first bytes.
#[track_caller]
fn is_whole(sent: &str, arrived: &str) {
    // What strace says of itself is nobody's output.
    let arrived: Vec<&str> = arrived.lines().filter(|l| !l.starts_with("strace: ")).collect();
    let sent: Vec<&str> = sent.lines().collect();
    for (number, (sent, arrived)) in sent.iter().zip(&arrived).enumerate() {
        let as_it_is = number % 2 == 0 && sent == arrived;
        let marked = number % 2 == 1
            && arrived.starts_with(&format!("{number} "))
            && arrived.ends_with("[hasp:db/url] end");
        assert!(as_it_is || marked && arrived.len() < 40, "line {number}: {arrived:?}");
    }
    assert_eq!(arrived.len(), sent.len(), "the last that arrived: {:?}", arrived.last());
}

/// Runs a command that prints a mixture of up to 256 KiB in each way in turn.
fn bursts(rounds: usize) {
    let world = world();
    for round in 0..rounds {
        let text = mixture(1 << (random(9) + 10));
        world.write("burst", &text);
        let arrived = match round % 4 {
            0 => world.sh("hasp-exec -- cat burst").ok().to_owned(),
            1 => world.sh("hasp-exec -- sh -c 'cat burst >&2' 2>&1 >/dev/null").ok().to_owned(),
            2 => world
                .sh("hasp-exec -- cat burst | (sleep 0.3; cat); exit ${PIPESTATUS[0]}")
                .ok()
                .to_owned(),
            _ => on_a_terminal(&world),
        };
        is_whole(&text, &arrived);
    }
    nothing_is_lost(&world);
}

fn on_a_terminal(world: &World) -> String {
    let (status, shown) = Pty::start(world, "hasp-exec", &["--", "cat", "burst"]).end();
    assert_eq!(status, 0, "{shown}");
    shown
}

#[test]
fn what_was_written_before_the_end_arrives_on_a_busy_machine() {
    let _load = Load::of(4);
    bursts(40);
}

#[test]
#[ignore = "long: run by make check-long"]
fn long_what_was_written_before_the_end_arrives_a_thousand_times() {
    let _load = Load::of(6);
    bursts(1000);
}

#[test]
fn a_filter_that_takes_longer_than_the_grace_loses_nothing() {
    if !peer("strace") {
        return;
    }
    let world = world();
    let text = mixture(40_000);
    world.write("burst", &text);
    // Each look at the pipe takes longer than a process that was left behind is waited for. One
    // that begins late sees the child's end before all that the child wrote is read.
    for late in ["delay_exit", "delay_enter"] {
        let slowed = format!(
            "strace -f -qq -o /dev/null -e trace=ppoll -e inject=ppoll:{late}=250000 hasp-exec --"
        );
        let out = world.sh(&format!("{slowed} cat burst"));
        assert!(!out.stderr.contains("warning"), "{late}: {}", out.stderr);
        is_whole(&text, out.ok());
        let err = world.sh(&format!("{slowed} sh -c 'cat burst >&2' 2>&1 >/dev/null"));
        is_whole(&text, err.ok());
        let (status, shown) =
            Pty::start(&world, "bash", &["-c", &format!("{slowed} cat burst")]).end();
        assert_eq!(status, 0, "{late}: {shown}");
        is_whole(&text, &shown);
    }
    nothing_is_lost(&world);
}

/// Runs a command whose output is a long value as it is, between two words, for which the filter
/// takes longer than the grace.
fn long_values(rounds: usize) {
    let world = World::in_memory();
    world
        .sh("head -c 200000 /dev/urandom >big; hasp-vault set long --from big -q; hasp-bind -q \
              add long")
        .ok();
    world.sh("hasp-grant -q --for 1h --keep --consumer user --file F=long --any-command").ok();
    for (stream, redirection) in [("", ""), (" >&2", " 2>&1")] {
        for _ in 0..rounds {
            let words = "echo START; cat \"$F\"; echo; echo THE-END";
            let line = format!("hasp-exec -- sh -c '{{ {words}; }}{stream}' {redirection}");
            let outcome = world.sh(&line);
            assert_eq!(outcome.status, 0, "{}", outcome.stderr);
            assert!(
                outcome.stdout.starts_with("START\n") && outcome.stdout.ends_with("\nTHE-END\n")
            );
            assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
        }
    }
    nothing_is_lost(&world);
}

#[test]
fn a_long_value_that_is_printed_leaves_nobody_behind() {
    long_values(5);
}

#[test]
#[ignore = "long: run by make check-long"]
fn long_a_long_value_that_is_printed_on_a_busy_machine_leaves_nobody_behind() {
    let _load = Load::of(4);
    long_values(50);
}

#[track_caller]
fn nothing_is_lost(world: &World) {
    let ends = world.events("exec.end");
    assert!(
        !ends.is_empty() && ends.iter().all(|e| e["status"] == 0 && e["lost"].is_null()),
        "{ends:?}"
    );
}

#[test]
fn the_dump_of_a_long_value_arrives_to_the_end() {
    if !peer("xxd") || !peer("base64") {
        return;
    }
    let world = World::in_memory();
    // Bytes without a pattern; the same in each run.
    let mut state = 7u32;
    let mut next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    world.store("blob", (0..6000).map(&mut next).collect::<Vec<u8>>());
    world
        .sh("hasp-bind add blob && hasp-grant --for 1h --keep --consumer user --file F=blob \
              --any-command")
        .ok();
    for dump in [
        "xxd -p \"$F\"",
        "xxd -p -c 0 \"$F\"",
        "xxd \"$F\"",
        "cat \"$F\"",
        "base64 \"$F\"",
        "od -An -tx1 \"$F\"",
    ] {
        for (stream, redirection) in [("", ""), (" >&2", " 2>&1")] {
            let line = format!(
                "hasp-exec -- sh -c '{{ echo START; {dump}; echo THE-END; }}{stream}'{redirection}"
            );
            let outcome = world.sh(&line);
            assert!(outcome.ok().starts_with("START\n"), "{line}: {}", outcome.stdout);
            assert!(
                outcome.stdout.ends_with("THE-END\n"),
                "{line}: {:?}",
                outcome.stdout.lines().last()
            );
        }
    }
}

#[test]
fn bytes_that_were_held_back_come_out_though_somebody_holds_the_stream() {
    let world = world();
    // The value's beginning, which could still become the value.
    world.script(
        "quiet",
        "#!/bin/sh\nprintf 'begun: postgres://app:Zx81'\nsetsid sleep 30 & echo $! >pid\n",
    );
    let outcome = world.sh("hasp-exec -- ./quiet");
    assert_eq!(outcome.ok(), "begun: postgres://app:Zx81");
    assert!(outcome.stderr.contains("outlived the command: 1"), "{}", outcome.stderr);
    world.sh("kill -9 $(cat pid)").ok();
    let (status, shown) = Pty::start(&world, "hasp-exec", &["--", "./quiet"]).end();
    assert!(status == 0 && shown.starts_with("begun: postgres://app:Zx81"), "{status}: {shown}");
    world.sh("kill -9 $(cat pid)").ok();
}

#[test]
fn what_a_process_that_was_left_behind_goes_on_writing_is_bounded_and_its_loss_is_said() {
    let world = world();
    // Faster than the filter, and seen to write before the command ends.
    world.script(
        "chatter",
        "#!/bin/sh\nmuch=$(yes | head -n 20000)\nwhile echo \"$much\"; do : >up; done\n",
    );
    let wait = "until test -e up; do sleep 0.02; done";
    world.script(
        "chatty",
        &format!(
            "#!/bin/sh\nrm -f up\nseq 1000\nsetsid ./chatter & echo $! >pid\n{wait}\nexit $1\n"
        ),
    );
    for (own, status) in [(0, 74), (3, 3)] {
        let began = Instant::now();
        let outcome = world.sh(&format!("hasp-exec --status-fd 3 -- ./chatty {own} 3>status >out"));
        assert_eq!(outcome.status, status, "{}", outcome.stderr);
        assert!(began.elapsed().as_secs() < 10);
        assert!(outcome.stderr.contains("output was lost"), "{}", outcome.stderr);
        assert!(std::fs::read_to_string(world.project().join("out")).unwrap().contains("\n1000\n"));
        assert!(
            std::fs::read_to_string(world.project().join("status"))
                .unwrap()
                .contains("\"lost\":\"unread\"")
        );
        assert_eq!(world.events("exec.end").last().unwrap()["lost"], "unread");
        world.sh("kill -9 $(cat pid)");
    }
}

#[test]
fn what_a_process_writes_when_it_is_ended_for_outliving_the_command_arrives() {
    let world = world();
    let late =
        "#!/bin/bash\ntrap 'echo ended; exit' TERM\necho up >up\nwhile :; do sleep 0.05; done\n";
    world.script("late", late);
    world.script(
        "leaves",
        "#!/bin/sh\nsetsid ./late & until test -s up; do sleep 0.02; done\necho before\n",
    );
    let mut command = world.shell("hasp-exec --kill-stragglers -- ./leaves");
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "before\nended\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
