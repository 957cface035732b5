//! Measures the tools as they are installed, every figure beside what it is compared with, in
//! interleaved rounds of one run.
//!
//! CPU time is that of waited-for children in /proc/self/stat (user and system, 10 ms a tick),
//! taken over batches; memory is VmHWM of the broker, read by its own child.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use hasp_core::{Home, Secret, Timestamp};
use hasp_tests::{World, tools};
use hasp_vault::Identity;
use hasp_vault::{SetOptions, Vault};

mod measure;

use measure::{Cost, ROUNDS, call, line, row, run};

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

/// A world with three secrets, kept grants for a target around /bin/true and for one that tells the
/// broker's memory.
fn ready() -> World {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.store(name, format!("value-of-{name}-0123456789abcdef"));
    }
    world.bind(
        "[refs]\na = {}\nb = {}\nc = {}\n\
         [target.test]\nrun = [\"/bin/true\"]\nenv = { A = \"a\", B = \"b\", C = \"c\" }\n\
         [target.broker]\nrun = [\"sh\", \"-c\", \"exec grep VmHWM /proc/$PPID/status\"]\nenv = { \
         A = \"a\", B = \"b\", C = \"c\" }\n",
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
        world
            .sh("hasp-grant revoke -q --all; hasp-grant -q -t test --for 1h --keep --consumer \
                  user; hasp-grant -q -t broker --for 1h --keep --consumer user")
            .ok();
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
    line(&format!(
        "{:<44} {:>8.1} MiB {:>15}  at most 12 MiB",
        "hasp-exec, largest memory",
        kib / 1024.0,
        ""
    ));
}

/// The same verbs in vaults of 10 and of 10,000 secrets, on disk.
fn sizes() {
    let worlds = [10, 10_000].map(vault_of);
    let mut sets =
        [Cost::new("hasp-vault set, vault of 10"), Cost::new("hasp-vault set, vault of 10,000")];
    let mut lists = [Cost::new("hasp-vault list of 10"), Cost::new("hasp-vault list of 10,000")];
    let mut rotations = [
        Cost::new("hasp-vault rotate, vault of 10"),
        Cost::new("hasp-vault rotate, vault of 10,000"),
    ];
    let mut due =
        [Cost::new("hasp-vault list --due of 10"), Cost::new("hasp-vault list --due of 10,000")];
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
    let vault = Vault::open(&Home::at(&home), &home.join("vault")).unwrap();
    let identity = Secret::from_vec(std::fs::read(home.join("identity")).unwrap()).unwrap();
    let unlocked = vault.unlock_with(Identity::parse(identity).unwrap()).unwrap();
    for n in 0..secrets {
        let value = Secret::copy_of(format!("value-{n}-0123456789").as_bytes()).unwrap();
        unlocked
            .set(
                &format!("n/{n}").parse().unwrap(),
                &value,
                &SetOptions::default(),
                Timestamp::now(),
            )
            .unwrap();
    }
    let copied = Command::new("cp").arg("-a").arg(&home).arg(world.home()).status().unwrap();
    assert!(copied.success() && tools().is_absolute());
    rustix::fs::sync();
    world
}
