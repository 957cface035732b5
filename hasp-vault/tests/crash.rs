//! Many writers, killed writers, full and read-only disks: the vault always opens, with every value that was acknowledged.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{Lab, has};

fn start_set(lab: &Lab, name: &str, value: &str) -> Child {
    let mut command = lab.command(&["set", name, "--quiet"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    child
}

/// What dead writers left in the vault and among the serials seen.
fn temps(lab: &Lab) -> usize {
    let places = [lab.vault(), lab.home().join("seen")];
    let out = std::process::Command::new("find").args(places).args(["-name", ".hasp-*"]).output().unwrap();
    out.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count()
}

#[test]
fn fifty_writers_at_once_lose_nothing() {
    let lab = Lab::new();
    let children: Vec<Child> = (0..50).map(|n| start_set(&lab, &format!("w/{n}"), &format!("value {n}"))).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let unlocked = lab.unlock();
    let vault = lab.open().unwrap();
    assert_eq!(vault.names().unwrap().len(), 50);
    for n in 0..50 {
        let item = vault.item(&format!("w/{n}").parse().unwrap()).unwrap();
        assert!(unlocked.value(&item, 1).unwrap().expose() == format!("value {n}").as_bytes());
    }
    assert_eq!(lab.record().matches("vault.set").count(), 50);
    assert_eq!(temps(&lab), 0);
}

#[test]
fn killed_writers_leave_the_old_value_or_the_new_one() {
    let lab = Lab::new();
    let mut acknowledged: BTreeMap<String, u32> = BTreeMap::new();
    let mut tried: BTreeMap<String, u32> = BTreeMap::new();
    let end = Instant::now() + Duration::from_secs(6);
    let mut round = 0u32;
    while Instant::now() < end {
        round += 1;
        let mut running: Vec<(String, Child)> = Vec::new();
        for writer in 0..3 {
            let name = format!("n{}", (round + writer) % 4);
            running.push((name.clone(), start_set(&lab, &name, &format!("round {round}"))));
            tried.insert(name, round);
        }
        // A different moment each round, from before the first write to after the last.
        std::thread::sleep(Duration::from_millis(u64::from(round * 7 % 40)));
        running[1].1.kill().unwrap();
        for (name, mut child) in running {
            if child.wait().unwrap().success() {
                acknowledged.insert(name, round);
            }
        }
    }
    assert!(round > 10, "only {round} rounds");
    lab.set("last", b"sweeps what is left");
    assert!(lab.run(&["fsck"]).ok().text().is_empty());
    let (vault, unlocked) = (lab.open().unwrap(), lab.unlock());
    for (name, least) in &acknowledged {
        let item = vault.item(&name.parse().unwrap()).unwrap();
        let value = unlocked.value(&item, item.current).unwrap();
        let text = std::str::from_utf8(value.expose()).unwrap();
        let stored: u32 = text.strip_prefix("round ").unwrap().parse().unwrap();
        assert!((*least..=tried[name]).contains(&stored), "{name}: stored {stored}, acknowledged {least}");
        let files = std::fs::read_dir(lab.item(name)).unwrap().count();
        assert_eq!(files, item.versions.len() + 1, "{name}: files that no record names");
    }
    assert_eq!(temps(&lab), 0);
}

#[test]
fn a_killed_holder_of_the_lock_holds_nobody_up() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    let mut slow = lab.command(&["set", "n"]);
    let mut child = slow.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    lab.set("n", b"another value");
    assert!(start.elapsed() < Duration::from_secs(2));
}

/// SIGKILL at each write, sync and rename of a `set`, in turn: a crash at any step.
#[test]
fn a_kill_at_every_step_is_survived() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::new();
    lab.set("n", b"value 0");
    let mut stored = "value 0".to_owned();
    for call in
        ["fsync", "rename", "renameat", "renameat2", "fdatasync", "write", "pwrite64", "unlink", "ftruncate", "openat"]
    {
        for when in 1..60 {
            let value = format!("value {call} {when}");
            let ran = traced(&lab, &format!("inject={call}:signal=KILL:when={when}"), &value);
            let now = String::from_utf8(lab.value("n").unwrap()).unwrap();
            assert!(now == stored || now == value, "{call} {when}");
            stored = now;
            if ran == Some(0) {
                assert!(stored == value, "{call} {when}: acknowledged and lost");
                break;
            }
        }
    }
    lab.set("n", b"the end");
    assert_eq!(temps(&lab), 0);
    assert!(lab.run(&["fsck"]).ok().text().is_empty());
}

/// ENOSPC and EIO at each write and sync: reported, and the old value stays.
#[test]
fn a_failing_disk_keeps_the_old_value() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::new();
    lab.set("n", b"old");
    for (call, errno) in [
        ("fsync", "EIO"),
        ("write", "ENOSPC"),
        ("pwrite64", "ENOSPC"),
        ("fdatasync", "EIO"),
        ("renameat", "EIO"),
        ("rename", "EIO"),
    ] {
        for when in 1..40 {
            let ran = traced(&lab, &format!("inject={call}:error={errno}:when={when}"), "new");
            let now = lab.value("n").unwrap();
            if ran == Some(0) {
                assert!(now == b"new", "{call} {when}: acknowledged and lost");
                break;
            }
            assert!(now == b"old" || now == b"new", "{call} {when}");
            if now == b"new" {
                // After the commit point only the memory of it can fail: reported, and the value stands.
                lab.set("n", b"old");
            }
        }
        lab.set("n", b"old");
    }
    assert_eq!(temps(&lab), 0);
}

fn traced(lab: &Lab, inject: &str, value: &str) -> Option<i32> {
    let call = inject.split(['=', ':']).nth(1).unwrap();
    let mut command = std::process::Command::new("strace");
    command.args([
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={call}"),
        "-e",
        inject,
        common::binary(),
        "set",
        "n",
        "--quiet",
    ]);
    command.env_clear().env("HASP_HOME", lab.home()).env("PATH", std::env::var_os("PATH").unwrap());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(value.as_bytes());
    child.wait().unwrap().code()
}

#[test]
fn an_interrupted_init_is_finished_or_done_again() {
    if !has("strace") {
        return common::skipped("strace");
    }
    for call in ["rename", "renameat", "fsync", "mkdir", "unlink", "unlinkat"] {
        for when in 1..40 {
            let lab = Lab::empty();
            let mut command = std::process::Command::new("strace");
            let inject = format!("inject={call}:signal=KILL:when={when}");
            command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            command.args([common::binary(), "init", "--no-passphrase"]);
            command.env_clear().env("HASP_HOME", lab.home()).stderr(Stdio::null()).stdin(Stdio::null());
            let done = command.status().unwrap().success();
            let again = lab.run(&["init", "--no-passphrase"]);
            let finished = again.status == 0 || again.refused().1 == "exists";
            assert!(finished, "{call} {when}: {}", again.stderr);
            lab.set("n", b"the value");
            assert!(lab.value("n").unwrap() == b"the value", "{call} {when}");
            assert!(!lab.home().join("init.new").exists(), "{call} {when}");
            if done {
                break;
            }
        }
    }
}
