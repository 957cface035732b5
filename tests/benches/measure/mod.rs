//! What the benches share: the cost of a call, and how a row of the table looks.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use hasp_tests::World;

/// How often the things that are compared take turns.
pub const ROUNDS: usize = 8;
const BATCH: usize = 12;

/// Milliseconds of one call: CPU and the best and middle wall time.
pub struct Cost {
    /// What was called.
    pub name: String,
    /// Milliseconds of CPU, children included.
    pub cpu: f64,
    /// The middle wall time.
    pub wall: f64,
    walls: Vec<f64>,
}

impl Cost {
    /// Of nothing yet.
    pub fn new(name: impl Into<String>) -> Cost {
        Cost { name: name.into(), cpu: 0.0, wall: 0.0, walls: Vec::new() }
    }

    /// Runs a batch.
    pub fn batch(&mut self, mut call: impl FnMut()) {
        let before = children_cpu();
        for _ in 0..BATCH {
            let began = Instant::now();
            call();
            self.walls.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        self.cpu += children_cpu() - before;
    }

    /// Averages and medians.
    pub fn finish(mut self) -> Cost {
        self.cpu /= self.walls.len() as f64;
        self.walls.sort_by(f64::total_cmp);
        self.wall = self.walls[self.walls.len() / 2];
        self
    }
}

/// CPU time of all children that were waited for, in milliseconds.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after = stat.rsplit_once(')').unwrap().1;
    let ticks: u64 =
        after.split_whitespace().skip(13).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    ticks as f64 * 1000.0 / rustix::param::clock_ticks_per_second() as f64
}

/// Runs a command to its good end.
pub fn run(mut command: Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// Runs a program of the world.
pub fn call(world: &World, program: &str, words: &[&str]) {
    let mut command = world.command(program);
    command.args(words);
    run(command);
}

/// Prints a line of the table.
pub fn line(text: &str) {
    std::io::stdout().write_all(format!("{text}\n").as_bytes()).unwrap();
}

/// One row, its wall time beside another's.
pub fn row(cost: &Cost, base: &Cost, target: &str) {
    let ratio = if base.wall > 0.0 { cost.wall / base.wall } else { 0.0 };
    line(&format!(
        "{:<44} {:>8.2} {:>9.2} {:>8.1}x  {target}",
        cost.name, cost.cpu, cost.wall, ratio
    ));
}
