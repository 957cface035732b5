//! `rotate`: a new value is staged, tested and promoted beside the old one, which stays until it
//! was taken back; what fails on the way leaves a state that can be told, resumed and given up.
#![allow(clippy::unwrap_used)]

mod due;

#[path = "../common/mod.rs"]
mod common;

use common::{Installed, Lab, Ran};
use hasp_core::Timestamp;
use hasp_vault::Identity;

const OLD: &[u8] = b"the-old-value-0123";

/// A program of the lab, by its absolute path.
fn program(installed: &Installed, name: &str, line: &str) -> String {
    let path = installed.lab.dir.path().join(name);
    installed.script(&path, line);
    path.to_str().unwrap().to_owned()
}

fn read(installed: &Installed, name: &str) -> Vec<u8> {
    std::fs::read(installed.lab.dir.path().join(name)).unwrap_or_default()
}

/// A secret `n` with the old value, and programs that note what they were given.
fn world() -> (Installed, [String; 3]) {
    let installed = Installed::new();
    installed.lab.set("n", OLD);
    let run =
        program(&installed, "new", "cat <&3 >run.got; env >run.env; printf 'fresh-value-%s' $$");
    let test = program(&installed, "try", "cat /dev/fd/3 >test.got; echo trying; [ ! -e broken ]");
    let retire = program(&installed, "drop", "cat <&3 >retire.got; [ ! -e stuck ]");
    (installed, [run, test, retire])
}

fn json(installed: &Installed, name: &str) -> serde_json::Value {
    installed.lab.run(&["show", name, "--json"]).ok().json()
}

fn states(installed: &Installed, name: &str) -> Vec<String> {
    let text = installed.lab.run(&["history", name, "--json"]).ok().text();
    let state = |l: &str| {
        serde_json::from_str::<serde_json::Value>(l).unwrap()["state"].as_str().unwrap().to_owned()
    };
    text.lines().map(state).collect()
}

fn files(lab: &Lab, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(lab.item(name)).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn clean(lab: &Lab) {
    assert_eq!(lab.run(&["fsck"]).ok().text(), "");
}

#[test]
fn three_programs_exchange_a_value() {
    let (installed, [run, test, retire]) = world();
    let lab = &installed.lab;
    let ran = installed
        .run(&["rotate", "n", "--run", &run, "--test", &test, "--retire", &retire], b"")
        .ok();
    let new = lab.value("n").unwrap();
    assert!(new.starts_with(b"fresh-value-") && ran.stdout.is_empty());
    assert!(read(&installed, "run.got") == OLD && read(&installed, "test.got") == new);
    assert!(read(&installed, "retire.got") == OLD && ran.stderr.contains("trying"));
    assert_eq!(states(&installed, "n"), ["destroyed", "current"]);
    assert_eq!(files(lab, "n"), ["2.age", "meta.toml"]);
    assert_eq!(installed.asked(), "--json revoke --quiet --secret n\n");
    let record = lab.record();
    let mut events = ["begin", "program", "stage", "test", "promote", "retire"].iter();
    assert!(events.all(|e| record.contains(&format!("\"event\":\"vault.rotate-{e}\""))));
    assert!(
        !record.contains("the-old-value")
            && !record.contains("fresh-value")
            && !ran.stderr.contains("fresh-value")
    );
    clean(lab);
}

#[test]
fn programs_get_a_small_environment_and_no_other_descriptor() {
    let installed = Installed::new();
    installed.lab.set("db/url", OLD);
    let run = program(
        &installed,
        "new",
        "env >env; ls -l /proc/self/fd >fds; echo x >&3 && exit 9; printf \
         made-$ROTATE_STEP-$ROTATE_NAME-$ROTATE_VERSION",
    );
    let line = format!("exec 3<&- 7<pass 9<pass; exec \"$0\" rotate db/url --run {run}");
    std::fs::write(installed.lab.dir.path().join("pass"), "a passphrase").unwrap();
    let mut command = std::process::Command::new("bash");
    command
        .args(["-c", &line])
        .arg(installed.bin.join("hasp-vault"))
        .env_clear()
        .current_dir(installed.lab.dir.path());
    command
        .env("HASP_HOME", installed.lab.home())
        .env("HASP_PASSPHRASE", "fd:9")
        .env("AWS_SECRET", "s")
        .env("HOME", "/h");
    command.env("PATH", "/usr/bin:/bin").stdin(std::process::Stdio::null());
    Ran::from(command.output().unwrap()).ok();
    assert!(installed.lab.value("db/url").unwrap() == b"made-run-db/url-1");
    let env = String::from_utf8(read(&installed, "env")).unwrap();
    let mut names: Vec<&str> =
        env.lines().filter_map(|l| l.split_once('=')).map(|(n, _)| n).collect();
    names.retain(|n| !["PWD", "SHLVL", "_", "OLDPWD"].contains(n));
    names.sort_unstable();
    assert_eq!(names, ["HOME", "PATH", "ROTATE_NAME", "ROTATE_STEP", "ROTATE_VERSION"]);
    let fds = String::from_utf8(read(&installed, "fds")).unwrap();
    assert!(fds.contains(" 3 -> /memfd:hasp") && !fds.contains("pass"), "{fds}");
    let open = fds.lines().filter(|l| l.contains(" -> ")).count();
    // 0 to 3, and the directory that ls reads.
    assert!(open <= 5, "{fds}");
}

#[test]
fn a_program_that_gives_no_good_value_changes_nothing() {
    let (installed, _) = world();
    let lab = &installed.lab;
    let cases = [
        ("exit 3", 74, "program-failed", "status 3"),
        ("printf half; kill -9 $$", 74, "program-failed", "signal 9"),
        ("true", 65, "value-empty", ""),
        ("echo", 65, "value-empty", ""),
        ("head -c 1048577 /dev/zero", 65, "value-too-large", ""),
        ("cat /dev/zero", 65, "value-too-large", ""),
        ("cat <&3", 65, "value-unchanged", ""),
        ("cat <&3; echo", 65, "value-unchanged", ""),
    ];
    for (line, status, code, said) in cases {
        let run = program(&installed, "bad", line);
        let ran = installed.run(&["rotate", "n", "--run", &run], b"");
        assert_eq!(ran.refused(), (status, code.into()), "{line}: {}", ran.stderr);
        assert!(
            ran.stderr.contains(said) && ran.stderr.contains("still the current one"),
            "{line}: {}",
            ran.stderr
        );
        assert!(
            lab.value("n").unwrap() == OLD && json(&installed, "n")["rotation"].is_null(),
            "{line}"
        );
        assert_eq!(files(lab, "n"), ["1.age", "meta.toml"], "{line}");
    }
    std::fs::write(lab.dir.path().join("bad"), "not a script").unwrap();
    let bad = lab.dir.path().join("bad").to_str().unwrap().to_owned();
    assert_eq!(
        installed.run(&["rotate", "n", "--run", &bad], b"").refused(),
        (77, "program-unusable".into())
    );
    let deposit = installed.run(&["rotate", "n", "--from", "env:V"], b"");
    assert_eq!(deposit.refused(), (64, "env-unset".into()));
    assert!(installed.asked().is_empty() && states(&installed, "n") == ["current"]);
    assert_eq!(lab.record().matches("vault.rotate-failed").count(), cases.len() + 1);
    clean(lab);
}

#[test]
fn programs_that_others_can_change_are_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let (installed, [run, ..]) = world();
    std::fs::set_permissions(&run, PermissionsExt::from_mode(0o757)).unwrap();
    for option in ["--run", "--test", "--retire"] {
        let ran = installed.run(&["rotate", "n", option, &run], b"a new value");
        assert_eq!(ran.refused(), (77, "program-untrusted".into()));
    }
    let missing = installed.run(&["rotate", "n", "--run", "hunter2hunter2"], b"");
    assert_eq!(missing.refused(), (66, "program-missing".into()));
    assert!(!missing.stderr.contains("hunter2"));
    assert!(installed.lab.value("n").unwrap() == OLD && read(&installed, "run.got").is_empty());
}

#[test]
fn a_failed_test_leaves_the_value_staged_to_be_resumed_or_given_up() {
    let (installed, [run, test, retire]) = world();
    let lab = &installed.lab;
    let rotate = ["rotate", "n", "--run", &run, "--test", &test, "--retire", &retire];
    std::fs::write(lab.dir.path().join("broken"), "").unwrap();
    let ran = installed.run(&rotate, b"");
    assert_eq!(ran.refused(), (74, "test-failed".into()));
    assert!(ran.stderr.contains("--resume") && ran.stderr.contains("--abort"));
    assert!(lab.value("n").unwrap() == OLD && installed.asked().is_empty());
    assert_eq!(states(&installed, "n"), ["current", "staged"]);
    assert!(lab.run(&["status"]).ok().text().contains("n: version 2 is staged since"));
    assert!(lab.run(&["show", "n"]).ok().text().contains("version 2 is staged since"));
    // Nothing is stored over it, and the staged version is not destroyed behind its back.
    for (args, code) in [
        (&["set", "n"][..], "rotation-open"),
        (&["rotate", "n", "--kind", "hex"], "rotation-open"),
        (&["destroy", "n@2", "--yes"], "version-staged"),
    ] {
        assert_eq!(installed.run(args, b"another value").refused(), (77, code.into()));
    }
    assert_eq!(
        installed.run(&["rotate", "n", "--resume"], b"").refused(),
        (74, "test-failed".into())
    );
    let staged = lab.run(&["reveal", "n@2", "--force"]).ok().stdout;
    installed.run(&["rotate", "n", "--abort"], b"").ok();
    assert!(lab.value("n").unwrap() == OLD && files(lab, "n") == ["1.age", "meta.toml"]);
    assert_eq!(
        installed.run(&["rotate", "n", "--abort"], b"").refused(),
        (66, "no-rotation".into())
    );
    installed.run(&rotate, b"");
    std::fs::remove_file(lab.dir.path().join("broken")).unwrap();
    installed.run(&["rotate", "n", "--resume"], b"").ok();
    assert_eq!(states(&installed, "n"), ["destroyed", "destroyed", "current"]);
    assert!(lab.value("n").unwrap() != staged && read(&installed, "retire.got") == OLD);
    clean(lab);
}

#[test]
fn the_old_value_stays_until_it_was_taken_back() {
    let (installed, [.., retire]) = world();
    let lab = &installed.lab;
    std::fs::write(lab.dir.path().join("stuck"), "").unwrap();
    let ran = installed.run(&["rotate", "n", "--retire", &retire], b"new-value-4567\n");
    assert_eq!(ran.refused(), (74, "retire-failed".into()));
    assert!(lab.value("n").unwrap() == b"new-value-4567");
    assert_eq!(states(&installed, "n"), ["retiring", "current"]);
    assert!(lab.run(&["reveal", "n@1", "--force"]).ok().stdout == OLD);
    let listed = lab.run(&["list", "--due"]);
    assert_eq!((listed.status, listed.text().as_str()), (1, "n  version 1 is to be retired\n"));
    assert_eq!(
        installed.run(&["rotate", "n", "--abort"], b"").refused(),
        (77, "rotated-already".into())
    );
    assert_eq!(installed.run(&["rotate", "--due"], b"").status, 74);
    std::fs::remove_file(lab.dir.path().join("stuck")).unwrap();
    installed.run(&["rotate", "n", "--resume"], b"").ok();
    assert_eq!(states(&installed, "n"), ["destroyed", "current"]);
    assert_eq!(lab.run(&["list", "--due"]).ok().text(), "");
    // With an overlap, later and by itself; without a program there is nothing to ask.
    installed.run(&["rotate", "n", "--overlap", "1s"], b"third-value-4567").ok();
    assert_eq!(states(&installed, "n"), ["destroyed", "retiring", "current"]);
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    installed.run(&["rotate", "--due"], b"").ok();
    assert_eq!(states(&installed, "n"), ["destroyed", "destroyed", "current"]);
    // With neither it is kept, as after set.
    installed.run(&["rotate", "n"], b"fourth-value-4567").ok();
    assert_eq!(states(&installed, "n")[2..], ["kept", "current"]);
    clean(lab);
}

/// Both halves of a rotation go along when everything is encrypted again, and it goes on
/// afterwards.
#[test]
fn recipients_change_while_a_value_is_staged_and_while_one_waits_to_be_retired() {
    let (installed, [run, test, retire]) = world();
    let lab = &installed.lab;
    let other = Identity::generate_unpinned(Timestamp::now()).unwrap();
    let recipient = other.recipients()[0].as_str();
    let change =
        [&["recipients", "add", recipient][..], &["recipients", "remove", recipient, "--yes"]];
    for file in ["broken", "stuck"] {
        std::fs::write(lab.dir.path().join(file), "").unwrap();
    }
    installed.run(&["rotate", "n", "--run", &run, "--test", &test, "--retire", &retire], b"");
    let staged = lab.run(&["reveal", "n@2", "--force"]).ok().stdout;
    for verb in change {
        installed.run(verb, b"").ok();
        assert_eq!(states(&installed, "n"), ["current", "staged"]);
        assert!(lab.value("n").unwrap() == OLD);
        assert!(lab.run(&["reveal", "n@2", "--force"]).ok().stdout == staged);
    }
    std::fs::remove_file(lab.dir.path().join("broken")).unwrap();
    assert_eq!(
        installed.run(&["rotate", "n", "--resume"], b"").refused(),
        (74, "retire-failed".into())
    );
    assert!(read(&installed, "test.got") == staged);
    for verb in change {
        installed.run(verb, b"").ok();
        assert_eq!(states(&installed, "n"), ["retiring", "current"]);
        assert!(lab.value("n").unwrap() == staged);
    }
    std::fs::remove_file(lab.dir.path().join("stuck")).unwrap();
    installed.run(&["rotate", "n", "--resume"], b"").ok();
    assert_eq!(states(&installed, "n"), ["destroyed", "current"]);
    assert!(read(&installed, "retire.got") == OLD && lab.value("n").unwrap() == staged);
    clean(lab);
}
