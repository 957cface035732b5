//! Measures the tools as they are installed, every figure beside what it is compared with, in interleaved rounds of one run.
//!
//! CPU time is that of waited-for children in /proc/self/stat (user and system, 10 ms a tick), taken over batches; memory is
//! VmHWM of the broker, read by its own child.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use hasp_core::{Home, Secret, Timestamp};
use hasp_tests::{World, tools};
use hasp_vault::crypto::identity::Identity;
use hasp_vault::{SetOptions, Vault};

const ROUNDS: usize = 8;
const BATCH: usize = 12;

/// Milliseconds of one call: CPU and the best and middle wall time.
struct Cost {
    name: &'static str,
    cpu: f64,
    wall: f64,
    walls: Vec<f64>,
}

impl Cost {
    fn new(name: &'static str) -> Cost {
        Cost { name, cpu: 0.0, wall: 0.0, walls: Vec::new() }
    }

    /// Runs a batch.
    fn batch(&mut self, mut call: impl FnMut()) {
        let before = children_cpu();
        for _ in 0..BATCH {
            let began = Instant::now();
            call();
            self.walls.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        self.cpu += children_cpu() - before;
    }

    fn finish(mut self) -> Cost {
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
    let ticks: u64 = after.split_whitespace().skip(13).take(2).map(|n| n.parse::<u64>().unwrap()).sum();
    ticks as f64 * 1000.0 / rustix::param::clock_ticks_per_second() as f64
}

fn run(mut command: Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
    assert!(command.status().unwrap().success(), "{command:?}");
}

fn call(world: &World, program: &str, words: &[&str]) {
    let mut command = world.command(program);
    command.args(words);
    run(command);
}

fn line(text: &str) {
    std::io::stdout().write_all(format!("{text}\n").as_bytes()).unwrap();
}

fn row(cost: &Cost, base: &Cost, target: &str) {
    let ratio = if base.wall > 0.0 { cost.wall / base.wall } else { 0.0 };
    line(&format!("{:<44} {:>8.2} {:>9.2} {:>8.1}x  {target}", cost.name, cost.cpu, cost.wall, ratio));
}

/// Two appends of a record's size, each flushed, on the disk that holds the home.
fn two_fsyncs(path: &Path) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    for _ in 0..2 {
        file.write_all(&[b'x'; 900]).unwrap();
        file.sync_data().unwrap();
    }
}

fn main() {
    let world = ready();
    broker(&world);
    sizes();
}

/// A world with three secrets, kept grants for a target around /bin/true and for one that tells the broker's memory.
fn ready() -> World {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.store(name, format!("value-of-{name}-0123456789abcdef"));
    }
    world.bind(
        "[refs]\na = {}\nb = {}\nc = {}\n\
         [target.test]\nrun = [\"/bin/true\"]\nenv = { A = \"a\", B = \"b\", C = \"c\" }\n\
         [target.broker]\nrun = [\"sh\", \"-c\", \"exec grep VmHWM /proc/$PPID/status\"]\nenv = { A = \"a\", B = \"b\", C = \"c\" }\n",
    );
    for target in ["test", "broker"] {
        world.sh(&format!("hasp-grant -q -t {target} --for 1h --keep --consumer user")).ok();
    }
    world
}

/// `hasp-exec` and `hasp-grant`.
fn broker(world: &World) {
    let mut costs = [
        "/bin/true",
        "env X=1 /bin/true",
        "two fsyncs of the same disk",
        "hasp-exec -t test (3 secrets, kept grant)",
        "hasp-grant -t test (plain identity)",
    ]
    .map(Cost::new);
    let scratch = world.home().join("fsync");
    let [alone, env, flush, exec, grant] = &mut costs;
    for _ in 0..ROUNDS {
        alone.batch(|| call(world, "/bin/true", &[]));
        env.batch(|| call(world, "env", &["X=1", "/bin/true"]));
        flush.batch(|| two_fsyncs(&scratch));
        exec.batch(|| call(world, "hasp-exec", &["-t", "test"]));
        grant.batch(|| call(world, "hasp-grant", &["-q", "-t", "test", "--consumer", "user"]));
        world.sh("hasp-grant revoke -q --all; hasp-grant -q -t test --for 1h --keep --consumer user; hasp-grant -q -t broker --for 1h --keep --consumer user").ok();
    }
    let [alone, env, flush, exec, grant] = costs.map(Cost::finish);
    line(&format!("\n{:<44} {:>8} {:>9} {:>9}  target", "", "CPU ms", "wall ms", "to true"));
    row(&alone, &alone, "");
    row(&env, &alone, "");
    row(&flush, &alone, "");
    let allowed = flush.wall + 5.0;
    row(&exec, &alone, &format!("CPU at most 5 ms, wall at most two fsyncs + 5 = {allowed:.1} ms"));
    row(&grant, &alone, "CPU at most 10 ms");
    let memory = world.sh("hasp-exec -t broker");
    let kib: f64 = memory.ok().split_whitespace().nth(1).unwrap().parse().unwrap();
    line(&format!("{:<44} {:>8.1} MiB {:>15}  at most 12 MiB", "hasp-exec, largest memory", kib / 1024.0, ""));
}

/// The same verbs in vaults of 10 and of 10,000 secrets, on disk.
fn sizes() {
    let worlds = [10, 10_000].map(vault_of);
    let mut sets = [Cost::new("hasp-vault set, vault of 10"), Cost::new("hasp-vault set, vault of 10,000")];
    let mut lists = [Cost::new("hasp-vault list of 10"), Cost::new("hasp-vault list of 10,000")];
    let mut rotations = [Cost::new("hasp-vault rotate, vault of 10"), Cost::new("hasp-vault rotate, vault of 10,000")];
    let mut due = [Cost::new("hasp-vault list --due of 10"), Cost::new("hasp-vault list --due of 10,000")];
    let value = worlds[0].write("value", "a-new-value-0123456789");
    let from = value.display().to_string();
    for _ in 0..ROUNDS {
        for (world, cost) in worlds.iter().zip(&mut sets) {
            cost.batch(|| call(world, "hasp-vault", &["set", "-q", "n/5", "--from", &from]));
        }
    }
    for _ in 0..ROUNDS {
        for (world, cost) in worlds.iter().zip(&mut rotations) {
            cost.batch(|| call(world, "hasp-vault", &["rotate", "-q", "n/6", "--kind", "hex"]));
        }
    }
    for (world, cost) in worlds.iter().zip(&mut due) {
        cost.batch(|| call(world, "hasp-vault", &["list", "--due"]));
    }
    for (world, cost) in worlds.iter().zip(&mut lists) {
        cost.batch(|| call(world, "hasp-vault", &["list"]));
    }
    let [small, large] = sets.map(Cost::finish);
    let [few, many] = lists.map(Cost::finish);
    let [rotate, rotate_large] = rotations.map(Cost::finish);
    let [due, due_large] = due.map(Cost::finish);
    line(&format!("\n{:<44} {:>8} {:>9} {:>9}  target", "", "CPU ms", "wall ms", "to 10"));
    row(&small, &small, "");
    row(&large, &small, "the same within 20 %");
    row(&few, &few, "");
    row(&many, &few, "under 150 ms");
    row(&rotate, &rotate, "");
    row(&rotate_large, &rotate, "the same within 20 %");
    row(&due, &due, "");
    row(&due_large, &due, "under 150 ms");
}

/// A vault with this many secrets: made in memory, then copied to the disk.
fn vault_of(secrets: usize) -> World {
    let world = World::bare();
    let fast = tempfile::TempDir::new_in("/dev/shm").unwrap();
    let home: PathBuf = fast.path().join("home");
    let mut init = world.command("hasp-vault");
    init.args(["init", "-q", "--no-passphrase"]).env("HASP_HOME", &home);
    run(init);
    let environ = [("HASP_HOME".into(), home.clone().into_os_string())].into_iter().collect();
    let vault = Vault::locate(&Home::at(&home), &environ, None).unwrap();
    let identity = Secret::from_vec(std::fs::read(home.join("identity")).unwrap()).unwrap();
    let unlocked = vault.unlock_with(Identity::parse(identity).unwrap()).unwrap();
    for n in 0..secrets {
        let value = Secret::copy_of(format!("value-{n}-0123456789").as_bytes()).unwrap();
        unlocked.set(&format!("n/{n}").parse().unwrap(), &value, &SetOptions::default(), Timestamp::now()).unwrap();
    }
    let copied = Command::new("cp").arg("-a").arg(&home).arg(world.home()).status().unwrap();
    assert!(copied.success() && tools().is_absolute());
    rustix::fs::sync();
    world
}
