//! What memory holds while a command runs: in the broker the values that its output is searched
//! for, on locked pages; in the monitor and the reaper none; and nowhere a half of the grant.
#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use hasp_tests::{World, is_root, say, tools, wait_until};

/// Values that a parser would unescape, encode or move: each is searched for as it is.
fn values() -> [(&'static str, Vec<u8>); 3] {
    let long: String = (0..700).map(|n| format!("{n:x}-lg")).collect();
    [
        ("lines", b"Fj0rd-\"first\"\\ line 48213\nsecond\tline Qz81 \xc3\xa9 90210".to_vec()),
        ("bytes", b"\xff\xfeQuartz-8813-\x80\x81-Zephyr-4417".to_vec()),
        ("long", long.into_bytes()),
    ]
}

/// Where something is found: whether on pages that are locked and in no dump.
fn found(pid: u32, wanted: &[u8]) -> Vec<bool> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let (mut hits, mut count) = (Vec::new(), 0);
    for line in maps.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if let Some((from, to)) = first.split_once('-') {
            let at = u64::from_str_radix(from, 16).unwrap();
            let mut bytes = vec![0; (u64::from_str_radix(to, 16).unwrap() - at) as usize];
            // What cannot be read, as the kernel's own pages, is not ours.
            let read = !line.contains("[v") && memory.read_exact_at(&mut bytes, at).is_ok();
            count = if read { memchr::memmem::find_iter(&bytes, wanted).count() } else { 0 };
        } else if first == "VmFlags:" {
            let safe = ["lo", "dd"].iter().all(|flag| line.split_whitespace().any(|f| f == *flag));
            hits.extend(std::iter::repeat_n(safe, count));
        }
    }
    hits
}

fn exe(pid: u32) -> PathBuf {
    std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default()
}

fn parent(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')')
        .next()
        .and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// The broker above a command, and what else it runs: monitor and reaper.
fn brokers(child: u32) -> (u32, Vec<u32>) {
    let own = tools().join("hasp-exec");
    let mut broker = parent(child);
    while exe(parent(broker)) == own {
        broker = parent(broker);
    }
    assert_eq!(exe(broker), own);
    let all = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok());
    (broker, all.filter(|pid| parent(*pid) == broker && exe(*pid) == own).collect())
}

fn half(json: &[u8]) -> Vec<u8> {
    let parsed: serde_json::Value = serde_json::from_slice(json).unwrap();
    BASE64URL_NOPAD.decode(parsed["half"].as_str().unwrap().as_bytes()).unwrap()
}

/// Both halves of the one grant that there is, as bytes and as text.
fn halves(world: &World, token: &Path) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(token).unwrap();
    let body = BASE64URL_NOPAD.decode(text.trim().split('.').nth(2).unwrap().as_bytes()).unwrap();
    let ledger = world.files(&world.runtime().join("grants"));
    let both = [half(&body[..body.len() - 64]), half(&std::fs::read(&ledger[0]).unwrap())];
    both.iter().flat_map(|h| [h.clone(), BASE64URL_NOPAD.encode(h).into_bytes()]).collect()
}

fn world() -> Option<World> {
    if !is_root() {
        say("skipped: reading the memory of others needs root");
        return None;
    }
    let world = World::in_memory();
    for (name, value) in values() {
        world.store(name, value);
        world.sh(&format!("hasp-bind -q add {name}")).ok();
    }
    world.write("template.txt", "a={{lines}}\n");
    world.script(
        "wait",
        "#!/bin/sh\necho $$ >pid.new; mv pid.new pid; while ! [ -e stop ]; do sleep 0.05; done\n",
    );
    Some(world)
}

/// Runs the command with these deliveries and looks for all in all processes while it runs.
fn look(world: &World, deliveries: &str, terminal: bool) {
    let token = world.mint(&format!("--for 10m {deliveries} -- ./wait"));
    let halves = halves(world, &token);
    let run = format!("hasp-exec -g {}", token.display());
    let line = if terminal {
        format!("script -qefc '{run}' /dev/null >/dev/null")
    } else {
        format!("{run} >out")
    };
    let mut shell = world.start(&line);
    wait_until(Duration::from_secs(30), || world.project().join("pid").exists());
    let child =
        std::fs::read_to_string(world.project().join("pid")).unwrap().trim().parse().unwrap();
    let (broker, others) = brokers(child);
    // It goes on after the start of the command, until it waits.
    wait_until(Duration::from_secs(10), || !found(broker, &values()[0].1).contains(&false));
    assert_eq!(
        others.len(),
        usize::from(terminal) + usize::from(deliveries.contains("--file")),
        "{deliveries}"
    );
    let what = format!("{deliveries}, terminal: {terminal}");
    for pid in others.iter().chain([&broker]) {
        let role = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
        for half in &halves {
            assert!(found(*pid, half).is_empty(), "a half of the grant is in {role:?}: {what}");
        }
        for (name, value) in values() {
            let hits = found(*pid, &value);
            let wanted = *pid == broker && deliveries.contains(name);
            assert!(hits.iter().all(|safe| *safe), "{name} lies open in {role:?}: {what}");
            assert_eq!(hits.len(), usize::from(wanted), "{name} in {role:?}: {what}");
        }
    }
    let status = std::fs::read_to_string(format!("/proc/{broker}/status")).unwrap();
    assert!(
        !status.lines().any(|l| l.starts_with("VmLck:") && l.ends_with(" 0 kB")),
        "nothing is locked: {what}"
    );
    world.write("stop", "");
    assert!(shell.wait().unwrap().success());
    world.sh("rm -f stop pid; hasp-grant revoke --all -q").ok();
}

#[test]
fn values_in_the_environment_are_where_the_filter_needs_them() {
    let Some(world) = world() else { return };
    for terminal in [false, true] {
        look(&world, "-e A=lines -e B=bytes -e C=long", terminal);
    }
}

#[test]
fn values_in_files_and_on_descriptors_are_where_the_filter_needs_them() {
    let Some(world) = world() else { return };
    look(&world, "--file A=lines --fd B=bytes --stdin long", false);
    look(&world, "--file A=bytes --template T=template.txt -e B=lines", true);
}

#[test]
fn a_program_of_a_rotation_runs_beside_no_open_value() {
    let Some(world) = world() else { return };
    let program = world.script(
        "rotate",
        "#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho $PPID \
        >pid.new; mv pid.new pid\nwhile ! [ -e stop ]; do sleep 0.05; done\necho \
        Nxt-Value-77120-Gamma\n",
    );
    world.sh("chmod 755 . ..").ok();
    let mut shell =
        world.start(&format!("hasp-vault rotate lines --run {} 2>err", program.display()));
    wait_until(Duration::from_secs(30), || {
        world.project().join("pid").exists() || shell.try_wait().unwrap().is_some()
    });
    let text = std::fs::read_to_string(world.project().join("pid"));
    let vault =
        text.unwrap_or_else(|_| panic!("{}", world.sh("cat err").stdout)).trim().parse().unwrap();
    assert_eq!(exe(vault), tools().join("hasp-vault"));
    let open = found(vault, &values()[0].1).iter().filter(|safe| !**safe).count();
    world.write("stop", "");
    shell.wait().unwrap();
    assert_eq!(open, 0, "the old value lies open");
}
