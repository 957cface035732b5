//! The broker under load: bursts before the end, gigabytes to a slow reader, streams that close at
//! once, and being killed at any moment.

#![allow(clippy::unwrap_used)]

use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hasp_tests::{DB_URL, World, peer};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A world in memory with a kept grant for any command that gets `db/url` in this way.
fn world(delivery: &str) -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world
        .sh(&format!(
            "hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user \
                      {delivery} --any-command"
        ))
        .ok();
    world
}

/// 64 KiB in which no part looks like another; a terminal would add to a line's end.
fn burst() -> Vec<u8> {
    (0..65_536u32 / 8).flat_map(|n| format!("{n:07x}.").into_bytes()).collect()
}

/// How often a child prints a burst and ends at once.
const BURSTS: usize = 500;

/// Runs a line that prints bursts into the file `out`; every byte of each must be there.
#[track_caller]
fn bursts_arrive(line: &str) {
    let world = world("-e DB=db/url");
    world.write("burst", burst());
    let outcome = world.sh(line);
    assert_eq!(outcome.status, 0, "{}{}", outcome.stdout, outcome.stderr);
    let out = std::fs::read(world.project().join("out")).unwrap();
    assert_eq!(out.len(), BURSTS * burst().len());
    assert!(out.chunks(burst().len()).all(|b| b == burst()), "bytes were exchanged");
    assert_eq!(world.events("exec.end").len(), BURSTS);
}

#[test]
fn bursts_before_the_end_arrive_whole_on_pipes() {
    bursts_arrive(&format!(
        "for i in $(seq {BURSTS}); do hasp-exec -- cat burst || exit; done >out"
    ));
}

#[test]
fn bursts_before_the_end_arrive_whole_on_a_terminal() {
    if peer("script") {
        let line = format!("for i in $(seq {BURSTS}); do hasp-exec -- cat burst || exit; done");
        bursts_arrive(&format!("mkfifo idle; script -qec '{line}' /dev/null >out <>idle"));
    }
}

#[test]
fn line_ends_of_what_is_still_on_its_way_at_the_end_are_not_doubled() {
    if peer("script") {
        let world = world("-e DB=db/url");
        let line = "mkfifo idle; script -qec 'hasp-exec -- seq 25000; stty -a' /dev/null <>idle | \
                    (sleep 0.5; cat)";
        let outcome = world.sh(line);
        let lines: Vec<&str> = outcome.ok().split("\r\n").collect();
        assert!(
            lines[..25_000].iter().zip(1..).all(|(line, n)| *line == format!("{n}")),
            "a line was changed"
        );
        assert!(
            lines[25_000..].iter().any(|line| line.starts_with("opost")),
            "the terminal was not restored"
        );
    }
}

#[test]
fn a_gigabyte_to_a_slow_reader_takes_little_memory() {
    let world = world("-e DB=db/url");
    world.script(
        "pour",
        "#!/bin/sh\nhead -c 1073741824 /dev/zero\ngrep VmHWM /proc/$PPID/status >peak\n",
    );
    let reader = "import sys, time\ntotal = 0\nwhile True:\n  chunk = sys.stdin.buffer.read1(1 << \
                  20)\n  if not chunk: break\n  \
                  if total >> 24 != (total + len(chunk)) >> 24: time.sleep(0.01)\n  total += \
                  len(chunk)\nprint(total)\n";
    world.write("reader.py", reader);
    let outcome = world.sh("hasp-exec -- ./pour | (sleep 0.5; python3 reader.py)");
    assert_eq!(outcome.ok(), "1073741824\n", "{}", outcome.stderr);
    let peak = std::fs::read_to_string(world.project().join("peak")).unwrap();
    let kib: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < 20 * 1024, "{kib} KiB");
}

#[test]
fn a_command_that_closes_its_streams_at_once_costs_nothing() {
    let world = world("-e DB=db/url");
    // On a terminal our parent is the monitor and its parent the broker.
    let quiet = "#!/bin/bash\nread -r _ name _ parent _ <<<\"$(cut -d' ' -f1-5 \
                 /proc/$PPID/stat)\"\n\
        broker=$PPID; [ \"$1\" != pty ] || broker=$parent\n\
        exec >&- 2>&- <&-\nsleep 0.2\ncut -d' ' -f14,15 /proc/$broker/stat >cpu\nsleep 1.3\ncut \
        -d' ' -f14,15 /proc/$broker/stat >>cpu\n\
        [ \"$1\" != pty ] || echo late >/dev/tty\nexit 5\n";
    world.script("quiet", quiet);
    // script(1) types an end of input, which would be echoed; a pipe that stays open has none.
    let on_terminal = "mkfifo idle; script -qec 'hasp-exec -- ./quiet pty' /dev/null <>idle";
    for (line, late) in [("hasp-exec -- ./quiet", ""), (on_terminal, "late\r\n")] {
        let outcome = world.sh(line);
        assert_eq!(
            (outcome.status, outcome.stdout.as_str()),
            (5, late),
            "{line}: {}",
            outcome.stderr
        );
        let cpu = std::fs::read_to_string(world.project().join("cpu")).unwrap();
        let ticks: Vec<u64> = cpu.split_whitespace().map(|n| n.parse().unwrap()).collect();
        let spent = ticks[2] + ticks[3] - ticks[0] - ticks[1];
        assert!(spent <= 5, "{line}: {spent} ticks of a hundredth of a second");
    }
}

/// Numbers that differ from run to run.
fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    u64::from_ne_bytes(bytes) % below
}

#[test]
fn no_file_outlives_a_broker_that_is_killed_at_any_moment() {
    let world = world("--file DB=db/url");
    let files = world.runtime().join("files");
    let plain = |world: &World| {
        world.files(&files).into_iter().filter(|f| f.file_name().unwrap() == "DB").count()
    };
    // How long a run takes here, so that the moments are spread over all of it.
    let began = Instant::now();
    world.sh("hasp-exec -- cat /dev/null").ok();
    let whole = u64::try_from(began.elapsed().as_micros()).unwrap();
    let mut caught = 0;
    for round in 0..200 {
        let mut command = world.command("hasp-exec");
        command.args(["--", "sleep", "20"]).process_group(0);
        let mut broker = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random(whole)));
        caught += usize::from(plain(&world) > 0);
        let pid = Pid::from_child(&broker);
        if round % 2 == 0 {
            kill_process(pid, Signal::KILL).unwrap();
        } else {
            kill_process_group(pid, Signal::KILL).unwrap();
        }
        broker.wait().unwrap();
        let killed = Instant::now();
        while plain(&world) > 0 {
            assert!(killed.elapsed() < Duration::from_secs(1), "round {round}: a file is left");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    assert!(caught > 0, "no round was killed with a file there");
    world.sh("hasp-exec -- true").ok();
    assert_eq!(world.files(&files).len(), 0);
    world.verify_record();
}

#[test]
fn no_value_is_written_to_a_disk() {
    if !peer("strace") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind add db/url").ok();
    world
        .sh("hasp-grant --consumer user -o token -e A=db/url --file B=db/url --fd C=db/url -- sh \
              -c 'cat $B; echo $A >&2; cat <&$C'")
        .ok();
    let line = "strace -f -qq -y -s 4096 -o trace -e \
                trace=write,writev,pwrite64,pwritev,sendto,sendmsg,sendfile,splice,vmsplice \
                hasp-exec -g token >out 2>err";
    world.sh(line).ok();
    let trace = std::fs::read_to_string(world.project().join("trace")).unwrap();
    let holds: Vec<&str> = trace.lines().filter(|l| l.contains("Quartz")).collect();
    let memory = ["</dev/shm/", "</memfd:", "<pipe:", "<socket:", "<UNIX"];
    let elsewhere: Vec<&&str> =
        holds.iter().filter(|l| !memory.iter().any(|m| l.contains(m))).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
    assert!(
        holds.iter().any(|l| l.contains("</dev/shm/"))
            && holds.iter().any(|l| l.contains("</memfd:")),
        "{holds:#?}"
    );
    assert!(
        std::fs::read_to_string(world.project().join("out")).unwrap().starts_with("[hasp:db/url]")
    );
}

#[test]
fn the_child_has_its_streams_its_deliveries_and_what_was_passed() {
    if !peer("script") {
        return;
    }
    let world = world("--fd KEY=db/url --file FILE=db/url");
    world.script("list", "#!/bin/sh\nexec find /proc/self/fd -type l -printf '%f %l\\n' >listed\n");
    for line in [
        "hasp-exec --pass-fd 9 -- ./list",
        "script -qec 'hasp-exec --pass-fd 9 -- ./list' /dev/null",
    ] {
        world.sh(&format!("{line} 7</etc/hostname 8>stray 9</etc/passwd")).ok();
        let listed = std::fs::read_to_string(world.project().join("listed")).unwrap();
        // What find itself has open while it looks: where it was and where it is.
        let own =
            |l: &str| l.contains(" /proc/") || l.ends_with(&*world.project().to_string_lossy());
        let mut all: Vec<&str> = listed.lines().filter(|l| !own(l)).collect();
        all.retain(|l| !["0 ", "1 ", "2 "].iter().any(|n| l.starts_with(n)));
        all.sort_by_key(|l| l.contains("/etc/passwd"));
        assert_eq!(all.len(), 2, "{line}: {listed}");
        assert!(all[0].contains("/memfd:hasp") && all[1] == "9 /etc/passwd", "{line}: {listed}");
    }
}
