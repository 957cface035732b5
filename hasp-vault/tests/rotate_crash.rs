//! A rotation that is killed at every step, or whose disk fails at every write: `--resume` and
//! `--abort` both lead to one consistent state, and before the promotion the old value stands.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};

use common::{Installed, Ran, has};

const OLD: &[u8] = b"the-old-value-0123";
const NEW: &[u8] = b"the-new-value-4567";
/// The calls that change something, and those that start programs and wait for them.
const CALLS: [&str; 14] = [
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "write",
    "pwrite64",
    "unlink",
    "unlinkat",
    "ftruncate",
    "clone",
    "clone3",
    "vfork",
    "waitid",
    "wait4",
];

/// A home in memory with a secret `n`, and programs that make, test and retire.
fn world() -> Installed {
    let installed = Installed::in_memory();
    installed.lab.set("n", OLD);
    let dir = installed.lab.dir.path();
    installed.script(&dir.join("new"), "printf the-new-value-4567");
    installed.script(&dir.join("try"), "[ \"$(cat <&3)\" = the-new-value-4567 ]");
    installed.script(&dir.join("drop"), "cat <&3 >dropped");
    installed
}

fn restore(home: &Path, from: &Path) {
    let _ = std::fs::remove_dir_all(home);
    assert!(Command::new("cp").arg("-a").arg(from).arg(home).status().unwrap().success());
}

/// A whole rotation by three programs with one fault injected; `None` if it was killed.
fn rotate_with(installed: &Installed, calls: &str, fault: &str) -> Option<i32> {
    let dir = installed.lab.dir.path();
    let mut command = Command::new("strace");
    command.args([
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={calls}"),
        "-e",
        &format!("inject={calls}:{fault}"),
    ]);
    command
        .arg(installed.bin.join("hasp-vault"))
        .args(["rotate", "n", "--run", "./new", "--test", "./try"]);
    command
        .args(["--retire", "./drop", "--quiet"])
        .env_clear()
        .env("HASP_HOME", installed.lab.home());
    command
        .env("PATH", "/usr/bin:/bin")
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.stderr(Stdio::null()).status().unwrap().code()
}

/// What is there: the value, whether a rotation is open, and how many old versions wait.
fn state(installed: &Installed) -> (Vec<u8>, bool, usize) {
    let shown = installed.lab.run(&["show", "n", "--json", "--verify"]).ok().json();
    let waiting = shown["retiring"].as_array().unwrap().len();
    (installed.lab.value("n").unwrap(), !shown["rotation"].is_null(), waiting)
}

fn settle(installed: &Installed, how: &str, at: &str) {
    let (before, open, waiting) = state(installed);
    let ran: Ran = installed.detached(&["rotate", "n", how]);
    let expected = match (open, waiting, how) {
        (true, ..) | (false, 1, "--resume") => (0, ""),
        (false, 0, _) => (66, "no-rotation"),
        _ => (77, "rotated-already"),
    };
    assert_eq!(ran.refused(), (expected.0, expected.1.to_owned()), "{at} {how}: {}", ran.stderr);
    let (value, open_after, waiting_after) = state(installed);
    assert!(!open_after, "{at} {how}");
    match how {
        "--resume" => {
            let done = open || waiting == 1 || before == NEW;
            assert!(value == if done { NEW } else { OLD } && waiting_after == 0, "{at} {how}");
        }
        _ => assert!(value == before && waiting_after == waiting, "{at} {how}"),
    }
    assert_eq!(installed.lab.run(&["fsck"]).ok().text(), "", "{at} {how}");
    let item = installed.lab.open().unwrap().item(&"n".parse().unwrap()).unwrap();
    let kept = item.versions.iter().filter(|v| v.destroyed.is_none()).count();
    assert_eq!(std::fs::read_dir(installed.lab.item("n")).unwrap().count(), kept + 1, "{at} {how}");
    // Life goes on.
    installed.lab.set("n", b"whatever comes next");
}

#[test]
fn a_kill_at_every_step_of_a_rotation_can_be_resumed_and_given_up() {
    if !has("strace") {
        return common::skipped("strace");
    }
    std::thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || {
                for calls in CALLS.iter().skip(part).step_by(2) {
                    kills(calls);
                }
            });
        }
    });
}

fn kills(calls: &str) {
    let installed = world();
    let (home, start, killed) = (
        installed.lab.home(),
        installed.lab.dir.path().join("start"),
        installed.lab.dir.path().join("killed"),
    );
    restore(&start, &home);
    for when in 1..200 {
        restore(&home, &start);
        let ended = rotate_with(&installed, calls, &format!("signal=KILL:when={when}"));
        let at = format!("{calls} {when}");
        if ended == Some(0) {
            assert_eq!(state(&installed), (NEW.to_vec(), false, 0), "{at}");
            return;
        }
        // Before anything else looks at it, as it was left.
        restore(&killed, &home);
        settle(&installed, "--resume", &at);
        restore(&home, &killed);
        settle(&installed, "--abort", &at);
    }
    panic!("{calls}: no end");
}

#[test]
fn a_disk_that_fails_during_a_rotation_keeps_a_whole_value() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let installed = world();
    let (home, start) = (installed.lab.home(), installed.lab.dir.path().join("start"));
    restore(&start, &home);
    for (calls, errno) in [
        ("fsync", "EIO"),
        ("fdatasync", "EIO"),
        ("write", "ENOSPC"),
        ("pwrite64", "ENOSPC"),
        ("rename", "EIO"),
        ("renameat", "EIO"),
    ] {
        for when in 1..200 {
            restore(&home, &start);
            let dropped = installed.lab.dir.path().join("dropped");
            let _ = std::fs::remove_file(&dropped);
            let ended = rotate_with(&installed, calls, &format!("error={errno}:when={when}"));
            let at = format!("{calls} {errno} {when}");
            let (value, open, waiting) = state(&installed);
            assert!(value == OLD || value == NEW, "{at}");
            // What was taken back at the provider is not the current value any more.
            assert!(!dropped.exists() || value == NEW, "{at}");
            if ended == Some(0) && (value, open, waiting) == (NEW.to_vec(), false, 0) {
                break;
            }
            assert!(ended.is_some(), "{at}");
            settle(&installed, if when % 2 == 0 { "--resume" } else { "--abort" }, &at);
        }
    }
}
