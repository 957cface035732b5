//! Many writers, killed writers, full and read-only disks: the vault always opens, with every value
//! that was acknowledged.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use common::{Installed, Lab, has};
use hasp_core::Secret;
use rustix::process::{Pid, Signal};

fn start_set(lab: &Lab, name: &str, value: &str) -> Child {
    let mut command = lab.command(&["set", name, "--quiet"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(value.as_bytes()).unwrap();
    child
}

/// What dead writers left in the vault and among the serials seen.
fn temps(lab: &Lab) -> usize {
    let places = [lab.vault(), lab.home().join("seen")];
    let out = std::process::Command::new("find")
        .args(places)
        .args(["-name", ".hasp-*"])
        .output()
        .unwrap();
    out.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count()
}

#[test]
fn fifty_writers_at_once_lose_nothing() {
    let lab = Lab::new();
    let children: Vec<Child> =
        (0..50).map(|n| start_set(&lab, &format!("w/{n}"), &format!("value {n}"))).collect();
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

/// What the fifty writers below share: who runs, and what was acknowledged.
#[derive(Default)]
struct Field {
    running: Mutex<BTreeMap<u32, Instant>>,
    acknowledged: Mutex<Vec<(String, String)>>,
    over: AtomicBool,
}

/// Runs a command that the killer may end; whether it ended well.
fn risk(mut command: Command, stdin: &[u8], field: &Field) -> bool {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    field.running.lock().unwrap().insert(child.id(), Instant::now());
    let _ = child.stdin.take().unwrap().write_all(stdin);
    // Waits without reaping, so that the killer never meets a number that was given to somebody
    // else.
    let status = loop {
        let mut running = field.running.lock().unwrap();
        if let Some(status) = child.try_wait().unwrap() {
            running.remove(&child.id());
            break status;
        }
        drop(running);
        std::thread::sleep(Duration::from_millis(2));
    };
    status.success()
}

/// Half of the writers share five names, half have one each; a third of the writes are rotations.
/// What a killed rotation left open is resumed or given up.
fn write_on(installed: &Installed, writer: usize, field: &Field) {
    let name = if writer.is_multiple_of(2) {
        format!("own/n{writer}")
    } else {
        format!("shared/n{}", writer % 5)
    };
    let mut round = 0;
    while !field.over.load(Relaxed) {
        round += 1;
        let value = format!("writer {writer} round {round}");
        let verb = if round % 3 == 0 { "rotate" } else { "set" };
        if risk(installed.command(&[verb, &name, "--quiet"]), value.as_bytes(), field) {
            field.acknowledged.lock().unwrap().push((name.clone(), value));
        } else {
            let how = if round % 2 == 0 { "--resume" } else { "--abort" };
            risk(installed.command(&["rotate", &name, how, "--quiet"]), b"", field);
        }
    }
}

#[test]
fn fifty_writers_under_random_kills_keep_every_acknowledged_write() {
    const ROUNDS: usize = 200;
    let installed = Installed::in_memory();
    let field = Field::default();
    let mut random = 1u64;
    let mut killed = 0;
    std::thread::scope(|scope| {
        for writer in 0..50 {
            let (installed, field) = (&installed, &field);
            scope.spawn(move || write_on(installed, writer, field));
        }
        for _ in 0..ROUNDS {
            std::thread::sleep(Duration::from_millis(20));
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let running = field.running.lock().unwrap();
            // One that has had the time to get somewhere, else any.
            let old: Vec<u32> = running
                .iter()
                .filter(|(_, s)| s.elapsed().as_millis() > 5)
                .map(|(p, _)| *p)
                .collect();
            if let Some(pid) = old.get((random >> 33) as usize % old.len().max(1)) {
                rustix::process::kill_process(Pid::from_raw(*pid as i32).unwrap(), Signal::KILL)
                    .unwrap();
                killed += 1;
            }
        }
        field.over.store(true, Relaxed);
    });
    let lab = &installed.lab;
    assert!(killed > ROUNDS / 2, "{killed} killed");
    lab.set("last", b"sweeps what is left");
    assert_eq!(lab.run(&["fsck"]).ok().text(), "");
    let (vault, unlocked) = (lab.open().unwrap(), lab.unlock());
    let acknowledged = field.acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() > 50, "{} writes", acknowledged.len());
    for (name, value) in acknowledged {
        let item = vault.item(&name.parse().unwrap()).unwrap();
        let stored = unlocked.fingerprint(&Secret::copy_of(value.as_bytes()).unwrap());
        let version = item
            .versions
            .iter()
            .find(|v| v.fp == stored)
            .unwrap_or_else(|| panic!("{name} lost {value}"));
        assert!(version.number <= item.current, "{name}: {value} was acknowledged and is staged");
        assert!(unlocked.value(&item, version.number).unwrap().expose() == value.as_bytes());
    }
    for item in vault.survey(&vault.names().unwrap()).items {
        let kept = item.versions.iter().filter(|v| v.destroyed.is_none()).count();
        assert_eq!(
            std::fs::read_dir(lab.item(item.name.as_str())).unwrap().count(),
            kept + 1,
            "{}",
            item.name
        );
    }
    assert_eq!(temps(lab), 0);
}

#[test]
fn a_killed_holder_of_the_lock_holds_nobody_up() {
    if !has("flock") {
        return common::skipped("flock");
    }
    let lab = Lab::new();
    lab.set("n", b"the value");
    let locks = std::fs::read_dir(lab.home().join("locks")).unwrap();
    // The lock has the vault's id for a name.
    let is_id = |path: &std::path::PathBuf| path.file_name().is_some_and(|name| name.len() == 32);
    let lock = locks.map(|e| e.unwrap().path()).find(is_id).unwrap();
    let mut holder =
        Command::new("flock").arg("-F").arg(&lock).args(["sleep", "60"]).spawn().unwrap();
    let is_free = || Command::new("flock").arg("-n").arg(&lock).arg("true").status().unwrap();
    while is_free().success() {}
    let mut waiting = start_set(&lab, "n", "another value");
    // Without the lock it would have written by then.
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "a lock is passed over");
    holder.kill().unwrap();
    holder.wait().unwrap();
    let start = Instant::now();
    assert!(waiting.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(lab.value("n").unwrap() == b"another value");
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
    for call in [
        "fsync",
        "rename",
        "renameat",
        "renameat2",
        "fdatasync",
        "write",
        "pwrite64",
        "unlink",
        "ftruncate",
        "openat",
    ] {
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
                // After the commit point only the memory of it can fail: reported, and the value
                // stands.
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
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
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
            command
                .env_clear()
                .env("HASP_HOME", lab.home())
                .stderr(Stdio::null())
                .stdin(Stdio::null());
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
