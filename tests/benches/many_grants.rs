//! Measures what must not grow: a run, a list and a sweep beside 1,000 live grants, and beside
//! 100,000 that ended; each beside the same with few, in interleaved rounds of one run.
#![allow(clippy::unwrap_used)]

mod measure;

use hasp_tests::World;
use measure::{Cost, ROUNDS, call, line, row};

/// Grants that live, of which a fifth is kept, for other targets than the one that runs.
const LIVE: usize = 1_000;
const KEPT: usize = 200;
/// Grants that ended.
const ENDED: usize = 100_000;
/// Targets among which the live ones are spread.
const TARGETS: usize = 20;

fn main() {
    let worlds = [world(0, 0), world(LIVE, 0), world(LIVE, ENDED)];
    let names = ["1 live", "1,000 live", "1,000 live, 100,000 ended"];
    let costs = |verb: &str| names.map(|name| Cost::new(format!("{verb}, {name}")));
    let (mut execs, mut lists) = (costs("hasp-exec -t test"), costs("hasp-grant list"));
    let mut sweeps = costs("hasp-grant sweep");
    // The first sweep of a day looks for old tombstones; what is measured is every other one.
    worlds.iter().for_each(|world| call(world, "hasp-grant", &["-q", "sweep"]));
    for _ in 0..ROUNDS {
        for (at, world) in worlds.iter().enumerate() {
            execs[at].batch(|| call(world, "hasp-exec", &["-t", "test"]));
            lists[at].batch(|| call(world, "hasp-grant", &["list"]));
            sweeps[at].batch(|| call(world, "hasp-grant", &["-q", "sweep"]));
        }
    }
    line(&format!("\n{:<44} {:>8} {:>9} {:>9}  target", "", "CPU ms", "wall ms", "to few"));
    for (costs, targets) in [
        (execs, ["", "the same within 20 %", "the same within 20 %"]),
        (lists, ["", "15 ms", "50 ms"]),
        (sweeps, ["", "", "the same as without ended ones"]),
    ] {
        let [few, many, ended] = costs.map(Cost::finish);
        row(&few, &few, targets[0]);
        row(&many, &few, targets[1]);
        row(&ended, &few, targets[2]);
    }
}

/// A world with a kept grant for `test`, and behind it so many others.
fn world(live: usize, ended: usize) -> World {
    let world = World::new();
    world.store("a", "value-of-a-0123456789abcdef");
    let target =
        |name: String| format!("[target.{name}]\nrun = [\"/bin/true\"]\nenv = {{ A = \"a\" }}\n");
    let others: String = (0..TARGETS).map(|n| target(format!("t{n}"))).collect();
    world.bind(&format!("[refs]\na = {{}}\n{}{others}", target("test".to_owned())));
    world.sh("hasp-grant -q -t test --for 8h --keep --consumer user").ok();
    for n in 0..live {
        let keep = if n < KEPT { "--keep" } else { "-o ../t" };
        let of = n % TARGETS;
        world.sh(&format!("hasp-grant -q -t t{of} --for 7h {keep} --consumer user")).ok();
    }
    if ended > 0 {
        bury(&world, ended);
    }
    world
}

/// As many tombstones as so many once grants leave.
fn bury(world: &World, count: usize) {
    world.sh("hasp-grant -q -x -t t0 --consumer user").ok();
    let spent = world.runtime().join("spent");
    let one = std::fs::read_dir(&spent).unwrap().next().unwrap().unwrap().path();
    let told = std::fs::read(one).unwrap();
    for n in 0..count {
        std::fs::write(spent.join(format!("{n:032x}.1")), &told).unwrap();
    }
}
