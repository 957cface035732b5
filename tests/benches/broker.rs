//! Measures hasp-exec beside what it stands for: a run with 1, 10 and 64 values, bytes through
//! pipes and a terminal, and keys. What is compared takes turns in one run, so that all meet the
//! same machine.
#![allow(clippy::unwrap_used)]

mod measure;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use hasp_tests::World;
use measure::{Cost, ROUNDS, call, line, row};

/// How many values.
const COUNTS: [usize; 3] = [1, 10, 64];
/// What goes through pipes, and what through a terminal.
const PIPED: usize = 256 << 20;
const SHOWN: usize = 32 << 20;
/// Keys a round.
const KEYS: usize = 200;

fn main() {
    runs();
    let world = world(10);
    pipes(&world);
    terminal(&world);
    keys(&world);
}

/// A world with this many values, all delivered by the target `true`, `peak` and, in ad-hoc grants,
/// to any command.
fn world(count: usize) -> World {
    let world = World::new();
    let names: Vec<String> = (0..count).map(|n| format!("v{n}")).collect();
    for name in &names {
        world.store(name, format!("value-of-{name}-Quartz7Fjord2Zx81"));
    }
    let refs: String = names.iter().map(|n| format!("{n} = {{}}\n")).collect();
    let env = names
        .iter()
        .map(|n| format!("{} = \"{n}\"", n.to_uppercase()))
        .collect::<Vec<_>>()
        .join(", ");
    let target =
        |name: &str, run: &str| format!("[target.{name}]\nrun = {run}\nenv = {{ {env} }}\n");
    world.bind(&format!(
        "[refs]\n{refs}{}{}",
        target("true", "[\"/bin/true\"]"),
        target("peak", "[\"sh\", \"-c\", \"exec grep VmHWM /proc/$PPID/status\"]")
    ));
    keep(&world, "-t true");
    keep(&world, "-t peak");
    let deliveries: String =
        names.iter().map(|n| format!("-e {}={n} ", n.to_uppercase())).collect();
    keep(&world, &format!("{deliveries} --any-command"));
    world
}

fn keep(world: &World, what: &str) {
    world.sh(&format!("hasp-grant -q {what} --for 8h --keep --consumer user")).ok();
}

/// One run of a command that does nothing, and one grant.
fn runs() {
    let worlds = COUNTS.map(world);
    let mut alone = Cost::new("/bin/true");
    let mut execs = COUNTS.map(|n| Cost::new(format!("hasp-exec -t true, {n} values")));
    let mut grants = COUNTS.map(|n| Cost::new(format!("hasp-grant -t true, {n} values")));
    for _ in 0..ROUNDS {
        alone.batch(|| call(&worlds[0], "/bin/true", &[]));
        for (world, (exec, grant)) in worlds.iter().zip(execs.iter_mut().zip(&mut grants)) {
            exec.batch(|| call(world, "hasp-exec", &["-t", "true"]));
            grant.batch(|| call(world, "hasp-grant", &["-q", "-t", "true", "--consumer", "user"]));
        }
    }
    let alone = alone.finish();
    line(&format!("\n{:<44} {:>8} {:>9} {:>9}  target", "", "CPU ms", "wall ms", "to true"));
    row(&alone, &alone, "");
    for (count, exec) in COUNTS.iter().zip(execs) {
        row(&exec.finish(), &alone, if *count == 1 { "CPU at most 5 ms" } else { "" });
    }
    for (count, grant) in COUNTS.iter().zip(grants) {
        let most = [(1, 10), (10, 12), (64, 25)].into_iter().find(|(n, _)| n == count);
        let most = most.map(|(_, ms)| format!("CPU at most {ms} ms")).unwrap_or_default();
        row(&grant.finish(), &alone, &most);
    }
    for (count, world) in COUNTS.iter().zip(&worlds) {
        let told = world.sh("hasp-exec -t peak");
        let kib: f64 = told.ok().split_whitespace().nth(1).unwrap().parse().unwrap();
        line(&format!(
            "{:<44} {:>8.1} MiB, at most 12",
            format!("hasp-exec, largest memory, {count} values"),
            kib / 1024.0
        ));
    }
}

/// The lines of a long build, without a value.
fn big(world: &World, name: &str, size: usize) {
    let mut text = Vec::with_capacity(size + 200);
    let mut n = 0u64;
    while text.len() < size {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let crates = ["serde_json", "memchr", "rustix", "regex-automata", "proc-macro2"]
            [(n >> 40) as usize % 5];
        writeln!(
            text,
            "   Compiling {crates} v{}.{} (/build/{:016x}) with warnings: 0",
            n >> 60,
            (n >> 50) & 63,
            n
        )
        .unwrap();
    }
    text.truncate(size);
    world.write(name, text);
}

/// Seconds of each, in turns: the medians.
fn in_turns(rounds: usize, tasks: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut taken = vec![Vec::new(); tasks.len()];
    for _ in 0..rounds {
        for (task, taken) in tasks.iter_mut().zip(&mut taken) {
            let began = Instant::now();
            task();
            taken.push(began.elapsed().as_secs_f64());
        }
    }
    let middle = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    taken.into_iter().map(middle).collect()
}

fn rate(name: &str, size: usize, seconds: f64, to: f64, target: &str) {
    let mib = size as f64 / f64::from(1 << 20) / seconds;
    line(&format!("{name:<44} {mib:>8.0} MiB/s {:>8.2}  {target}", to / seconds));
}

/// Through pipes: another `cat` in our place is the measure.
fn pipes(world: &World) {
    big(world, "big", PIPED);
    let shell = |text: &str| assert_eq!(world.sh(text).ok(), "");
    let taken = in_turns(
        7,
        &mut [&mut || shell("cat big | cat >/dev/null"), &mut || {
            shell("hasp-exec -- cat big >/dev/null")
        }],
    );
    line(&format!("\n{:<44} {:>14} {:>8}", "through pipes, 10 values", "", "to cat"));
    rate("cat BIG | cat", PIPED, taken[0], taken[0], "");
    rate("hasp-exec -- cat BIG", PIPED, taken[1], taken[0], "at least 0.6");
    std::fs::remove_file(world.project().join("big")).unwrap();
}

/// A terminal of the bench's own, with a command on it.
struct Terminal {
    leader: File,
    child: Child,
}

impl Terminal {
    fn start(world: &World, line: &str) -> Terminal {
        let leader =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&leader).and_then(|()| unlockpt(&leader)).unwrap();
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let follower: OwnedFd = ioctl_tiocgptpeer(&leader, flags).unwrap();
        let copy = || Stdio::from(follower.as_fd().try_clone_to_owned().unwrap());
        let mut command = world.command("setsid");
        command.args(["--ctty", "--wait", "sh", "-c", line]).env("TERM", "dumb");
        let child = command.stdin(copy()).stdout(copy()).stderr(copy()).spawn().unwrap();
        Terminal { leader: leader.into(), child }
    }

    /// Reads until the end, which on a terminal is an error.
    fn drain(mut self) -> usize {
        let (mut total, mut buffer) = (0, vec![0; 1 << 16]);
        while let Ok(count) = self.leader.read(&mut buffer) {
            if count == 0 {
                break;
            }
            total += count;
        }
        assert!(self.child.wait().unwrap().success());
        total
    }

    fn read_until(&mut self, text: &[u8]) {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while !seen.windows(text.len()).any(|w| w == text) {
            let count = self.leader.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..count]);
        }
    }

    /// Milliseconds from a key to what the command answers with.
    fn round_trip(&mut self, key: u8) -> f64 {
        let (began, mut answer) = (Instant::now(), [0; 16]);
        self.leader.write_all(&[key]).unwrap();
        let count = self.leader.read(&mut answer).unwrap();
        assert_eq!(&answer[..count], [key]);
        began.elapsed().as_secs_f64() * 1000.0
    }
}

/// To a terminal that is read as fast as it can be.
fn terminal(world: &World) {
    big(world, "shown", SHOWN);
    let show = |line: &str| assert!(Terminal::start(world, line).drain() > SHOWN);
    let taken = in_turns(
        7,
        &mut [
            &mut || show("cat shown"),
            &mut || show("script -qec 'cat shown' /dev/null"),
            &mut || show("hasp-exec -- cat shown"),
        ],
    );
    line(&format!("\n{:<44} {:>14} {:>8}", "to a terminal, 10 values", "", "to script"));
    rate("cat BIG", SHOWN, taken[0], taken[1], "");
    rate("script -c 'cat BIG'", SHOWN, taken[1], taken[1], "");
    rate("hasp-exec -- cat BIG", SHOWN, taken[2], taken[1], "at least 0.5");
    std::fs::remove_file(world.project().join("shown")).unwrap();
}

/// From a key to a command that answers each key by itself.
fn keys(world: &World) {
    let answer = "stty raw -echo; printf ready; exec dd bs=1 status=none";
    let lines = [
        format!("sh -c '{answer}'"),
        format!("script -qec \"{answer}\" /dev/null"),
        format!("hasp-exec -- sh -c '{answer}'"),
    ];
    let mut terminals = lines.map(|l| Terminal::start(world, &l));
    let mut taken = [const { Vec::new() }; 3];
    for terminal in &mut terminals {
        terminal.read_until(b"ready");
    }
    std::thread::sleep(Duration::from_millis(300));
    // Letters with which values begin in one form or another are among them.
    for key in b"abcdefghijklmnopqrst".iter().cycle().take(KEYS) {
        for (terminal, taken) in terminals.iter_mut().zip(&mut taken) {
            taken.push(terminal.round_trip(*key));
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    line(&format!(
        "\n{:<44} {:>10} {:>10}",
        "from a key to its answer, 10 values", "median ms", "99 % ms"
    ));
    let names = ["a terminal alone", "script", "hasp-exec"];
    for ((name, mut taken), target) in names.iter().zip(taken).zip(["", "", "median under 1 ms"]) {
        taken.sort_by(f64::total_cmp);
        line(&format!(
            "{name:<44} {:>10.3} {:>10.3}  {target}",
            taken[KEYS / 2],
            taken[KEYS * 99 / 100]
        ));
    }
    for mut terminal in terminals {
        let _ = terminal.child.kill();
        let _ = terminal.child.wait();
        drop(terminal);
    }
}
