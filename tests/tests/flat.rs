//! Promise: a run costs what it costs beside one grant however many live beside it, and a list and
//! a sweep what they cost however many have ended. Counted in system calls, not in time.
#![allow(clippy::unwrap_used)]

use hasp_tests::{World, peer};

/// How many live, of which half are kept for another target, newer than the one that runs.
const LIVE: usize = 60;
/// How many have ended.
const ENDED: usize = 2_000;

/// A world with one kept grant for `test`.
fn world() -> World {
    let world = World::with_project();
    let other = "[target.other]\nrun = [\"./show\"]\nenv = { API_KEY = \"api/key\" }\n";
    world.bind(&format!("{}\n{other}", hasp_tests::MANIFEST));
    world.sh("hasp-grant -q -t test --for 8h --keep --consumer user").ok();
    world
}

/// The system calls of a line, without those of what it starts.
fn calls(world: &World, line: &str) -> usize {
    // The first time after a change all are looked at.
    world.sh(line).ok();
    world.sh(&format!("strace -qq -o ../calls {line}")).ok();
    std::fs::read_to_string(world.beside("calls")).unwrap().lines().count()
}

/// Waiting for the command takes a call more or less.
#[track_caller]
fn about(few: usize, many: usize) {
    assert!(many <= few + 20 + few / 20, "{few} calls beside few, {many} beside many");
}

#[test]
fn a_run_does_not_look_at_the_grants_of_others() {
    if !peer("strace") {
        return;
    }
    let world = world();
    let few = calls(&world, "hasp-exec -t test");
    for n in 0..LIVE {
        let keep = if n % 2 == 0 { "--keep" } else { "-o ../t" };
        world.sh(&format!("hasp-grant -q -t other --for 7h {keep} --consumer user")).ok();
    }
    about(few, calls(&world, "hasp-exec -t test"));
    assert_eq!(world.sh("hasp-grant list --json").objects().len(), LIVE + 1);
    // What ends by itself is swept all the same.
    world.sh("hasp-grant -q -t other --for 1s --keep --consumer user").ok();
    let ended = || world.events("grant.sweep").len();
    for _ in 0..100 {
        world.sh("hasp-exec -t test").ok();
        if ended() == 1 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(ended(), 1);
}

#[test]
fn a_list_and_a_sweep_do_not_look_at_what_has_ended() {
    if !peer("strace") {
        return;
    }
    let world = world();
    let lines = ["hasp-grant list", "hasp-grant -q sweep", "hasp-exec -t test"];
    let few = lines.map(|line| calls(&world, line));
    world.sh("hasp-grant -q -x -t other --consumer user").ok();
    let spent = world.runtime().join("spent");
    let one = std::fs::read_dir(&spent).unwrap().next().unwrap().unwrap().path();
    let told = std::fs::read(one).unwrap();
    for n in 0..ENDED {
        std::fs::write(spent.join(format!("{n:032x}.1")), &told).unwrap();
    }
    for (line, few) in lines.iter().zip(few) {
        about(few, calls(&world, line));
    }
}
