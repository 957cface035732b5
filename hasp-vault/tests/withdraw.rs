//! `revoke` and `destroy`: undeliverable at once, gone from the disk, and the tool that ends grants
//! is asked each time.
#![allow(clippy::unwrap_used)]

mod common;

use hasp_vault::code;
use std::process::Command;

use common::Installed;

#[test]
fn a_revoked_secret_says_when_why_and_by_whom_until_it_is_set_again() {
    let installed = Installed::new();
    let lab = &installed.lab;
    lab.set("db/url", b"the value");
    let told = installed.run(&["revoke", "db/url", "--reason", "leaked in CI"], b"").ok();
    assert!(told.stderr.contains("at the provider"));
    assert_eq!(installed.asked(), "--json revoke --quiet --secret db/url\n");
    let vault = lab.open().unwrap();
    let item = vault.item(&"db/url".parse().unwrap()).unwrap();
    let refused = item.deliverable(hasp_core::Timestamp::now()).unwrap_err();
    assert_eq!(refused.code(), code::SECRET_REVOKED);
    assert!(
        refused.message().contains("leaked in CI (by alice)") && refused.message().contains("20")
    );
    assert!(lab.run(&["show", "db/url"]).ok().text().contains("revoked"));
    assert!(lab.record().contains("\"event\":\"vault.revoke\""));
    lab.set("db/url", b"a new value");
    assert!(
        vault
            .item(&"db/url".parse().unwrap())
            .unwrap()
            .deliverable(hasp_core::Timestamp::now())
            .is_ok()
    );
}

#[test]
fn grants_that_could_not_be_ended_are_an_error_and_the_secret_is_revoked_all_the_same() {
    let installed = Installed::new();
    installed.lab.set("n", b"the value");
    installed.grant("exit 74");
    assert_eq!(installed.run(&["revoke", "n"], b"").refused(), (74, "grants-not-ended".into()));
    assert!(installed.lab.run(&["show", "n", "--json"]).ok().json()["state"] == "revoked");
    std::fs::remove_file(installed.bin.join("hasp-grant")).unwrap();
    // Where other runtime directories of this user have no grant, nothing was left to be done.
    let alone = installed.run(&["revoke", "n"], b"");
    assert!(alone.status == 0 || alone.refused() == (74, "grants-not-ended".into()));
    assert_eq!(installed.run(&["revoke", "nothing"], b"").refused(), (66, "secret-unknown".into()));
}

#[test]
fn a_destroyed_secret_leaves_a_tombstone_and_no_value() {
    let installed = Installed::new();
    let lab = &installed.lab;
    lab.set("n", b"first value");
    lab.set("n", b"second value");
    let copies: Vec<Vec<u8>> =
        ["1.age", "2.age"].iter().map(|f| std::fs::read(lab.item("n").join(f)).unwrap()).collect();
    assert_eq!(
        installed.run(&["destroy", "n@2", "--yes"], b"").refused(),
        (77, "version-current".into())
    );
    installed.run(&["destroy", "n@1", "--yes"], b"").ok();
    assert!(lab.value("n").unwrap() == b"second value");
    assert_eq!(lab.run(&["reveal", "n@1", "--force"]).refused(), (77, "secret-destroyed".into()));
    installed.run(&["destroy", "-", "--yes"], b"n\n").ok();
    assert_eq!(installed.asked(), "--json revoke --quiet --secret n\n");
    for args in [&["reveal", "n", "--force"][..], &["get", "n@2"]] {
        assert_eq!(lab.run(args).refused(), (77, "secret-destroyed".into()));
    }
    assert_eq!(lab.run(&["check", "n"]).status, 1);
    assert_eq!(lab.run(&["history", "n"]).ok().text().matches("destroyed").count(), 2);
    assert_eq!(std::fs::read_dir(lab.item("n")).unwrap().count(), 1);
    // A copy put back is a file that no record names any more.
    common::write_private(&lab.item("n").join("2.age"), &copies[1]);
    assert_eq!(lab.run(&["get", "n@2"]).refused(), (77, "secret-destroyed".into()));
    lab.set("n", b"third value");
    assert!(lab.value("n").unwrap() == b"third value");
}

#[test]
fn forgetting_removes_the_record_at_once_or_when_its_time_has_come() {
    let installed = Installed::new();
    let lab = &installed.lab;
    for name in ["now", "now/below", "later"] {
        lab.set(name, b"the value");
    }
    installed.run(&["destroy", "now", "--yes", "--forget"], b"").ok();
    assert_eq!(lab.run(&["show", "now"]).status, 66);
    assert!(lab.value("now/below").unwrap() == b"the value");
    installed.run(&["destroy", "later", "--yes", "--forget", "--retain", "2s"], b"").ok();
    installed.run(&["destroy", "--due"], b"").ok();
    assert!(lab.run(&["show", "later"]).ok().text().contains("destroyed"));
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(3100));
    installed.run(&["destroy", "--due"], b"").ok();
    assert_eq!(lab.run(&["show", "later"]).status, 66);
    let left = Command::new("find").arg(lab.home()).args(["-name", "*later*"]).output().unwrap();
    assert!(left.stdout.is_empty());
    lab.set("later", b"another value");
    assert!(lab.value("later").unwrap() == b"another value");
}

#[test]
fn destroying_is_asked_for() {
    let installed = Installed::new();
    installed.lab.set("n", b"the value");
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(installed.bin.join("hasp-vault")).args(["destroy", "n"]).env_clear();
    command.env("HASP_HOME", installed.lab.home()).env("PATH", "/usr/bin:/bin");
    assert_eq!(common::feed(command, b"").refused(), (69, "no-terminal".into()));
    assert!(installed.lab.value("n").unwrap() == b"the value" && installed.asked().is_empty());
    if !common::has("script") {
        return common::skipped("script");
    }
    let mut screen = common::Screen::start(&installed.lab, "bin/hasp-vault destroy n");
    screen.wait_for("Destroy n for good? [y/N]");
    screen.type_line("n");
    assert_eq!(screen.end().1, 1);
    assert!(installed.lab.value("n").unwrap() == b"the value");
}

/// Nothing but hasp-grant makes grants: where it was never installed there are none to end.
#[test]
fn the_vault_alone_does_all_of_its_work() {
    let lab = common::Lab::new();
    let alone = lab.dir.path().join("alone");
    std::fs::create_dir(&alone).unwrap();
    common::install(common::binary().as_ref(), &alone.join("hasp-vault"));
    let runtime = lab.dir.path().join("runtime");
    let run = |args: &[&str]| {
        let mut command = std::process::Command::new(alone.join("hasp-vault"));
        command.args(args).env_clear().env("HASP_HOME", lab.home()).env("HASP_RUNTIME", &runtime);
        common::feed(command, b"")
    };
    for name in ["a", "b", "c", "d"] {
        lab.set(name, b"the value of it");
    }
    if std::fs::read_dir("/dev/shm/hasp-0/grants").map_or(0, Iterator::count) == 0 {
        run(&["revoke", "a", "--reason", "leaked"]).ok();
        run(&["destroy", "b", "--yes"]).ok();
        run(&["rotate", "c", "--from", lab.home().join("known_vaults").to_str().unwrap()]).ok();
    }
    // A grant that cannot be ended is said, and the rest is done.
    std::fs::create_dir_all(runtime.join("grants")).unwrap();
    std::fs::set_permissions(&runtime, std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    std::fs::write(runtime.join("grants/x"), "").unwrap();
    let refused = run(&["revoke", "d", "--reason", "leaked"]);
    assert_eq!(refused.refused(), (74, "grants-not-ended".into()));
    assert!(refused.stderr.contains("the grants on d are not ended"), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("hint: install all tools in one directory"),
        "{}",
        refused.stderr
    );
    assert_eq!(lab.run(&["show", "d", "--json"]).ok().json()["state"], "revoked");
}
