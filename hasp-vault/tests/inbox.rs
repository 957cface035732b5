//! Deposits: left without a key, looked at with one, and never a value replaced that nobody agreed
//! to.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, has, write_private};

fn deposit(lab: &Lab, name: &str, value: &[u8]) -> String {
    let made = lab
        .run_with(
            &["deposit", name, "--json"],
            value,
            &[("USER", "bob"), ("HASP_IDENTITY", "/nonexistent")],
        )
        .ok();
    made.json()["deposit"].as_str().unwrap().to_owned()
}

#[test]
fn a_deposit_needs_no_key_and_is_stored_by_who_has_one() {
    let lab = Lab::new();
    let id = deposit(&lab, "db/url", b"hunter2hunter2");
    assert_eq!(lab.run(&["check", "db/url"]).status, 1);
    assert!(lab.run(&["inbox"]).ok().text().contains(&id[..12]));
    let accepted = lab.run(&["accept", &id[..8]]).ok();
    assert!(
        accepted.stderr.contains("db/url, 14 bytes, says to be from bob@")
            && accepted.stderr.contains("replaces nothing")
    );
    assert!(lab.value("db/url").unwrap() == b"hunter2hunter2");
    assert!(lab.run(&["inbox"]).ok().text().is_empty());
    for event in ["vault.deposit", "vault.accept"] {
        assert!(lab.record().contains(&format!("\"event\":\"{event}\"")));
    }
    assert!(!lab.record().contains("hunter2"));
}

#[test]
fn values_of_any_size_survive() {
    let lab = Lab::new();
    let big: Vec<u8> = (0..1 << 20).map(|n: u32| n as u8).collect();
    for value in [&b"\n"[..], &big] {
        let made = lab.run_with(&["deposit", "n", "--keep-newline", "--json"], value, &[]).ok();
        lab.run(&["accept", made.json()["deposit"].as_str().unwrap(), "--yes"]).ok();
        assert!(lab.value("n").unwrap() == value);
    }
    assert_eq!(lab.run(&["deposit", "n"]).refused(), (65, "value-empty".into()));
}

#[test]
fn nothing_is_replaced_unasked() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    let replacing = deposit(&lab, "n", b"another value");
    deposit(&lab, "fresh", b"a fresh value");
    let all = lab.run(&["accept", "--all"]);
    assert_eq!(all.status, 1);
    assert!(all.stderr.contains("left: ") && all.stderr.contains("would replace version 1 of n"));
    assert!(
        lab.value("n").unwrap() == b"the value" && lab.value("fresh").unwrap() == b"a fresh value"
    );
    let mut command = std::process::Command::new("setsid");
    command.arg("--wait").arg(common::binary()).args(["accept", &replacing]).env_clear();
    command.env("HASP_HOME", lab.home()).env("PATH", "/usr/bin:/bin");
    assert_eq!(common::feed(command, b"").refused(), (69, "no-terminal".into()));
    assert!(lab.value("n").unwrap() == b"the value");
    lab.run(&["accept", &replacing, "--yes"]).ok();
    assert!(lab.value("n").unwrap() == b"another value");
    // What is there already replaces nothing.
    let same = deposit(&lab, "n", b"another value");
    lab.run(&["accept", &same]).ok();
}

#[test]
fn a_rejected_deposit_is_gone() {
    let lab = Lab::new();
    let id = deposit(&lab, "n", b"the value");
    assert_eq!(lab.run(&["reject", "zzzz"]).refused(), (66, "deposit-unknown".into()));
    assert_eq!(lab.run(&["reject", ""]).refused(), (66, "deposit-unknown".into()));
    lab.run(&["reject", &id]).ok();
    assert_eq!(lab.run(&["accept", &id]).refused(), (66, "deposit-unknown".into()));
}

#[test]
fn foreign_files_in_the_inbox_are_refused() {
    let lab = Lab::new();
    let id = deposit(&lab, "n", b"the value");
    let path = lab.vault().join("inbox").join(format!("{id}.age"));
    let mut file = std::fs::read(&path).unwrap();
    let last = file.len() - 1;
    file[last] ^= 1;
    write_private(&path, &file);
    assert_eq!(lab.run(&["accept", &id]).refused(), (65, "tampered".into()));
    if !has("age") || !has("sha256sum") {
        return common::skipped("age");
    }
    let to =
        lab.run(&["status", "--json"]).ok().json()["recipients"][0].as_str().unwrap().to_owned();
    for plain in [
        "no slip at all",
        "{\"v\":1,\"name\":\"../x\",\"by\":\"b\",\"at\":\"2026-01-01T00:00:00Z\"}\nvalue",
    ] {
        let file = common::age(&["-r", &to], plain.as_bytes()).ok().stdout;
        let sum = common::feed(std::process::Command::new("sha256sum"), &file).ok().text();
        let id = sum.split(' ').next().unwrap();
        write_private(&lab.vault().join("inbox").join(format!("{id}.age")), &file);
        assert_eq!(lab.run(&["accept", id]).refused(), (65, "tampered".into()));
    }
    assert_eq!(lab.run(&["accept", "--all"]).status, 1);
    assert!(!lab.item("n").exists());
}

#[test]
fn a_stranger_deposits_and_is_told_what_cannot_be_known() {
    let (lab, stranger) = (Lab::new(), Lab::empty());
    let env = [("HASP_VAULT", lab.vault().to_str().unwrap().to_owned())];
    let env: Vec<(&str, &str)> = env.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let made = stranger.run_with(&["deposit", "from/ci"], b"the value", &env).ok();
    assert!(made.stderr.contains("warning: this home has not pinned the vault"));
    lab.run(&["accept", "--all"]).ok();
    assert!(lab.value("from/ci").unwrap() == b"the value");
    assert_eq!(stranger.run_with(&["deposit", "n"], b"value", &[]).refused().1, "no-home");
}
