//! What a rotation says and waits for around its programs: nothing that they leave running, and no
//! passphrase where there is none.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Installed, Lab};

#[test]
fn what_a_program_leaves_running_is_not_waited_for() {
    let installed = Installed::new();
    installed.lab.set("k", b"the-old-value-1234");
    let new = installed.bin.join("new");
    installed.script(&new, "echo new-value-123456\nsleep 300 2>/dev/null &");
    let began = Instant::now();
    let ran = installed.run(&["rotate", "k", "--run", new.to_str().unwrap()], b"").ok();
    assert!(began.elapsed() < Duration::from_secs(120), "{:?}", began.elapsed());
    let held = |stderr: &str| {
        let pid = stderr.split("left sleep (process ").nth(1).and_then(|t| t.split(')').next());
        let pid = pid.unwrap_or_else(|| panic!("no process is named: {stderr}"));
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(name, "sleep\n");
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    };
    held(&ran.stderr);
    assert_eq!(installed.lab.value("k").unwrap(), b"new-value-123456");
    let askpass = installed.bin.join("askpass");
    installed.script(&askpass, "echo 'correct horse'\nsleep 300 2>/dev/null &");
    let lab = Lab::empty();
    let env = [("HASP_ASKPASS", askpass.to_str().unwrap())];
    held(&lab.run_with(&["init"], b"", &env).ok().stderr);
    held(&lab.run_with(&["set", "n"], b"the value", &env).ok().stderr);
    assert!(began.elapsed() < Duration::from_secs(240));
}

/// The identity is plain: nothing is locked.
#[test]
fn a_missing_value_is_not_called_a_missing_passphrase() {
    let installed = Installed::new();
    for name in ["k", "l"] {
        installed.lab.set(name, b"the-old-value-1234");
    }
    let ran = installed.detached(&["rotate", "k"]);
    assert_eq!(ran.refused(), (69, "no-terminal".into()));
    assert!(ran.stderr.contains("k has no recipe that makes a new value"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hasp-vault rotate k --from FILE"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("locked") && !ran.stderr.contains("passphrase"));
    let several = installed.run(&["rotate", "-"], b"k@1\nl@1\n");
    for name in ["k", "l"] {
        assert!(several.stderr.contains(&format!("{name} has no recipe")), "{}", several.stderr);
    }
}

#[test]
fn times_that_contradict_each_other_are_remarked() {
    let installed = Installed::new();
    let lab = &installed.lab;
    let set = |args: &[&str]| lab.run_with(&[&["set", "x/y"], args].concat(), b"value one", &[]);
    let said = set(&["--expires", "2d", "--rotate-every", "30d"]).ok().stderr;
    assert!(said.contains("before it is due for a new value"), "{said}");
    // Also against what is there already.
    let said = set(&["--rotate-every", "10d"]).ok().stderr;
    assert!(said.contains("before it is due"), "{said}");
    assert!(!set(&["--rotate-every", "1d"]).ok().stderr.contains("before it is due"));
    let rotate = ["rotate", "x/y", "--kind", "hex", "--overlap", "3d", "--rotate-every", "1d"];
    let said = installed.run(&rotate, b"").ok().stderr;
    assert!(said.contains("an old value stays 3d, and a new one comes every 1d"), "{said}");
    assert!(said.contains("the old value stays until"), "{said}");
}
