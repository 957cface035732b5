//! A command ends with its terminal, however and whenever that goes away, and nobody waits for ever
//! for anybody: neither the broker for the monitor, nor either for a program that waits for its
//! terminal.

#![allow(clippy::unwrap_used)]

use std::process::Child;
use std::time::{Duration, Instant};

use hasp_tests::{DB_URL, Load, Pty, World, peer, random, running_in};
use rustix::process::{Pid, Signal, kill_process};

/// How long a broker may take to end with its terminal on a machine under load, far less than
/// anybody would wait in vain.
const PATIENCE: Duration = Duration::from_secs(10);

/// Programs on a terminal: one that asks it for a last answer when it is hung up, one that needs a
/// while, and one that wants to live on.
const PROGRAMS: [&str; 3] =
    ["vim -u NONE -N -c 'call setline(1, 1)' modified", "./tidy", "./stubborn"];
const TIDY: &str = "#!/bin/bash\ntrap 'sleep 0.1; touch tidied; exit 7' HUP\necho up\nwhile :; do \
                    sleep 0.02; done\n";
const STUBBORN: &str = "#!/bin/bash\ntrap '' HUP\necho up\nwhile :; do sleep 0.02; done\n";
/// Reads its terminal until that is dead, and says whether the signal had come by then.
const READER: &str = "#!/bin/bash\ntrap 'told=told' HUP\necho up\nwhile read -r _; do :; \
                      done\necho ${told:-not told} >order\n";

/// Every kill(2) of broker and monitor comes late.
const SLOWLY: &str =
    "strace -f -qq -o /dev/null -e trace=kill -e inject=kill:delay_enter=300000 hasp-exec";

/// Who leads the session on the terminal.
const LEADERS: [&str; 3] = [
    "exec hasp-exec -- PROGRAM",
    "hasp-exec -- PROGRAM; true",
    "bash -ic 'hasp-exec -- PROGRAM; true'",
];

/// What happens before the terminal is closed.
#[derive(Clone, Copy, Debug)]
enum Blow {
    None,
    ShellHangup,
    ShellKilled,
    BrokerKilled,
    MonitorKilled,
}

const BLOWS: [Blow; 5] =
    [Blow::None, Blow::ShellHangup, Blow::ShellKilled, Blow::BrokerKilled, Blow::MonitorKilled];

fn world() -> World {
    let world = World::in_memory();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind add db/url && hasp-grant --for 1h --keep --consumer user -e DB=db/url \
              --any-command")
        .ok();
    world.script("tidy", TIDY);
    world.script("stubborn", STUBBORN);
    world.script("reader", READER);
    world
}

/// The processes of this round that are ours, not the command's own.
fn ours(world: &World) -> Vec<(i32, String)> {
    let mut found = running_in(&world.project());
    found.retain(|(_, words)| words.split(' ').next().is_some_and(|w| w.ends_with("hasp-exec")));
    found
}

fn strike(world: &World, shell: &Child, blow: Blow) {
    let send =
        |number: i32, signal| kill_process(Pid::from_raw(number).unwrap(), signal).unwrap_or(());
    let of_ours = |monitor: bool| {
        ours(world).into_iter().filter(move |(_, w)| w.contains(" --monitor ") == monitor)
    };
    let shell = i32::try_from(shell.id()).unwrap();
    match blow {
        Blow::None => {}
        Blow::ShellHangup => send(shell, Signal::HUP),
        Blow::ShellKilled => send(shell, Signal::KILL),
        Blow::BrokerKilled => of_ours(false).for_each(|(number, _)| send(number, Signal::KILL)),
        Blow::MonitorKilled => of_ours(true).for_each(|(number, _)| send(number, Signal::KILL)),
    }
}

/// One terminal: started, struck after a while, closed. Nothing may be left but a program that
/// wanted to.
fn round(world: &World, program: &str, leader: &str, blow: Blow, wait: impl FnOnce(&mut Pty)) {
    let line = leader.replace(
        "PROGRAM",
        &if leader.contains('\'') { program.replace('\'', "\"") } else { program.to_owned() },
    );
    let mut terminal = Pty::start(world, "bash", &["-c", &line]);
    wait(&mut terminal);
    strike(world, &terminal.child, blow);
    let mut shell = terminal.close();
    let closed = Instant::now();
    let left = || if program == "./stubborn" { ours(world) } else { running_in(&world.project()) };
    while shell.try_wait().unwrap().is_none() || !left().is_empty() {
        assert!(closed.elapsed() < PATIENCE, "{line:?}, {blow:?}: {:?}", left());
        std::thread::sleep(Duration::from_millis(10));
    }
    for (number, _) in running_in(&world.project()) {
        let _ = kill_process(Pid::from_raw(number).unwrap(), Signal::KILL);
    }
}

#[test]
fn a_command_ends_with_its_terminal() {
    if !peer("vim") {
        return;
    }
    let world = world();
    for (number, blow) in BLOWS.into_iter().enumerate() {
        for (place, program) in PROGRAMS.into_iter().enumerate() {
            let leader = LEADERS[(number + place) % LEADERS.len()];
            // What each of them shows when it runs.
            round(&world, program, leader, blow, |t| {
                drop(t.see(if program.starts_with("vim") { "[?1049h" } else { "up" }))
            });
        }
        round(&world, PROGRAMS[0], LEADERS[number % LEADERS.len()], blow, |_| ());
    }
    assert!(world.project().join("tidied").exists());
    let ends = world.events("exec.end");
    assert!(
        ends.iter().any(|e| e["left"] == true && e["status"].is_null() && e["signal"].is_null()),
        "{ends:?}"
    );
    assert!(ends.iter().any(|e| e["status"] == 7), "{ends:?}");
    world.verify_record();
}

#[test]
fn a_command_gets_the_signal_before_its_terminal_is_dead() {
    if !peer("strace") {
        return;
    }
    let world = world();
    for (number, blow) in BLOWS.into_iter().enumerate() {
        let leader = LEADERS[number % LEADERS.len()].replace("hasp-exec", SLOWLY);
        round(&world, "./reader", &leader, blow, |t| drop(t.see("up")));
        let order = world.project().join("order");
        assert_eq!(std::fs::read_to_string(&order).unwrap(), "told\n", "{leader:?}, {blow:?}");
        std::fs::remove_file(order).unwrap();
    }
}

#[test]
#[ignore = "long: run by make check-long"]
fn long_a_command_ends_with_its_terminal_at_any_moment_under_load() {
    if !peer("vim") {
        return;
    }
    let world = world();
    let _load = Load::of(4);
    for number in 0..100 {
        let pick = |from: usize| usize::try_from(random(from as u64)).unwrap();
        let (program, leader) = (PROGRAMS[pick(PROGRAMS.len())], LEADERS[number % LEADERS.len()]);
        let moment = Duration::from_micros(random(1100) * random(1100));
        round(&world, program, leader, BLOWS[pick(BLOWS.len())], |t| {
            // A shell loses a hangup that comes between its fork and its exec, with any command.
            if !leader.starts_with("exec") {
                hasp_tests::wait_until(PATIENCE, || !ours(&world).is_empty());
            }
            let began = Instant::now();
            while began.elapsed() < moment {
                t.shown();
                std::thread::sleep(Duration::from_millis(2));
            }
        });
    }
}

#[test]
fn with_hangups_ignored_broker_and_command_live_on() {
    let world = world();
    world.script(
        "survivor",
        "#!/bin/bash\necho up\nwhile ! test -e closed; do sleep 0.02; \
                              done\necho \"to a file $DB\"\n{ echo to nobody >/dev/tty; } \
                              2>/dev/null || echo hung up\n",
    );
    let mut terminal =
        Pty::start(&world, "bash", &["-c", "nohup hasp-exec -- ./survivor >log 2>&1; true"]);
    let log = || std::fs::read_to_string(world.project().join("log")).unwrap_or_default();
    hasp_tests::wait_until(PATIENCE, || log().contains("up"));
    terminal.shown();
    let mut shell = terminal.close();
    shell.wait().unwrap();
    world.write("closed", "");
    hasp_tests::wait_until(PATIENCE, || running_in(&world.project()).is_empty());
    assert!(log().contains("to a file [hasp:db/url]"), "{}", log());
    assert!(world.events("exec.end").iter().all(|e| e["status"] == 0), "{}", log());
}

#[test]
fn a_reader_that_stalls_does_not_keep_a_broker_whose_terminal_is_gone() {
    let world = world();
    // The reader takes nothing and is told of nothing.
    let line = "hasp-exec -- sh -c 'echo up >up; exec yes' | (trap '' HUP; exec sleep 60)";
    let terminal = Pty::start(&world, "bash", &["-c", line]);
    hasp_tests::wait_until(PATIENCE, || world.project().join("up").exists());
    let mut shell = terminal.close();
    hasp_tests::wait_until(PATIENCE, || ours(&world).is_empty());
    for (number, words) in running_in(&world.project()) {
        assert!(!words.starts_with("yes"), "{words}");
        kill_process(Pid::from_raw(number).unwrap(), Signal::KILL).unwrap();
    }
    shell.wait().unwrap();
}
