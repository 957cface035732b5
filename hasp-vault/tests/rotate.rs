//! `rotate`: a new value is staged, tested and promoted beside the old one, which stays until it
//! was taken back; what fails on the way leaves a state that can be told, resumed and given up.
#![allow(clippy::unwrap_used)]

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
    assert_eq!(installed.asked(), "revoke --quiet --secret n\n");
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

#[test]
fn a_recipe_rotates_by_itself_when_it_is_due() {
    let (installed, [run, test, retire]) = world();
    let lab = &installed.lab;
    let rotate = [
        "rotate",
        "n",
        "--run",
        &run,
        "--test",
        &test,
        "--retire",
        &retire,
        "--rotate-every",
        "1s",
    ];
    installed.run(&rotate, b"").ok();
    lab.run(&["generate", "g", "--kind", "hex", "--rotate-every", "1s", "-q"]).ok();
    lab.run_with(&["set", "by-hand", "--rotate-every", "1s", "-q"], b"value-by-hand", &[]).ok();
    let (first, hex) = (lab.value("n").unwrap(), lab.value("g").unwrap());
    assert!(
        lab.run(&["show", "n"])
            .ok()
            .text()
            .contains(&format!("run {run}, test {test}, retire {retire}"))
    );
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let listed = lab.run(&["list", "--due"]);
    assert_eq!((listed.status, listed.text().lines().count()), (1, 3));
    assert!(
        listed.text().contains(", no recipe\n")
            && listed.text().matches(", by its recipe\n").count() == 2
    );
    let ran = installed.run(&["rotate", "--due"], b"");
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("by-hand is due and has no recipe"));
    assert!(
        lab.value("n").unwrap() != first
            && lab.value("g").unwrap() != hex
            && read(&installed, "run.got") == first
    );
    assert!(lab.value("by-hand").unwrap() == b"value-by-hand");
    // What was piped in is not passed over because there is a recipe.
    assert_eq!(
        installed.run(&["rotate", "n"], b"typed-value-89").refused(),
        (64, "recipe-or-stdin".into())
    );
    installed
        .run(&["rotate", "n", "--from", "-", "--rotate-every", "never"], b"typed-value-89")
        .ok();
    let shown = json(&installed, "n");
    assert!(
        shown["recipe"].is_null()
            && shown["rotate_every"].is_null()
            && lab.value("n").unwrap() == b"typed-value-89"
    );
    clean(lab);
}

#[test]
fn a_program_that_nobody_agreed_to_here_is_not_run() {
    let (installed, [run, ..]) = world();
    let lab = &installed.lab;
    installed.run(&["rotate", "n", "--run", &run, "--rotate-every", "1s"], b"").ok();
    let value = lab.value("n").unwrap();
    // As on the machine of another member of the same vault.
    std::fs::remove_dir_all(lab.home().join("programs")).unwrap();
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let ran = installed.detached(&["rotate", "--due"]);
    assert_eq!(ran.status, 77, "{}", ran.stderr);
    assert!(ran.stderr.contains("[program-unapproved]") && ran.stderr.contains(&run));
    assert!(lab.value("n").unwrap() == value);
    if !common::has("script") {
        return common::skipped("script");
    }
    let mut screen = common::Screen::start(lab, "bin/hasp-vault rotate n </dev/null");
    screen.wait_for("Run them with its values? [y/N]");
    screen.type_line("y");
    let (shown, status) = screen.end();
    assert_eq!(status, 0, "{shown}");
    assert!(lab.value("n").unwrap() != value);
    installed.run(&["destroy", "n", "--yes", "--forget"], b"").ok();
    let left =
        std::process::Command::new("find").arg(lab.home()).args(["-name", "n"]).output().unwrap();
    assert!(left.stdout.is_empty());
}

#[test]
fn names_come_by_line_and_bad_ones_stop_everything() {
    let installed = Installed::new();
    let lab = &installed.lab;
    for name in ["a", "b/c", "old"] {
        lab.set(name, OLD);
    }
    lab.set("old", b"a newer value");
    let run = program(&installed, "new", "printf new-value-of-$ROTATE_NAME");
    let by_run = ["rotate", "-", "--run", &run];
    for bad in [
        "../x",
        "a/../../b",
        "a\nx\u{1b}[2Jy",
        "-n",
        "a@0",
        "caf\u{e9}",
        "a b",
        "x\0y",
        &"n".repeat(300),
        "a\u{202e}b",
    ] {
        for args in [&by_run[..], &["destroy", "-", "--yes"]] {
            let ran = installed.run(args, format!("a\n{bad}\n").as_bytes());
            assert_eq!(ran.refused(), (64, "bad-name".into()), "{bad}");
            assert!(
                ran.stderr.contains("line 2: ") || ran.stderr.contains("line 3: "),
                "{}",
                ran.stderr
            );
            assert!(
                !ran.stderr.chars().any(|c| c.is_control() && c != '\n')
                    && !ran.stderr.contains('\u{202e}')
            );
        }
    }
    assert_eq!(installed.run(&by_run, b"a\n\xff\n").refused(), (65, "bad-name".into()));
    assert!(lab.value("a").unwrap() == OLD);
    let ran = installed.run(&by_run, b"a@1\nb/c@1\n\na\nold@1\n").ok();
    assert!(ran.stderr.contains("old@1 is not the current version any more"));
    assert!(
        lab.value("a").unwrap() == b"new-value-of-a"
            && lab.value("b/c").unwrap() == b"new-value-of-b/c"
    );
    assert!(lab.value("old").unwrap() == b"a newer value");
    // One that fails does not hold up the rest.
    let some =
        program(&installed, "some", "[ $ROTATE_NAME != a ] && printf newest-of-$ROTATE_NAME");
    let ran = installed.run(&["rotate", "a", "old", "--run", &some], b"");
    assert_eq!(ran.status, 74);
    assert!(
        ran.stderr.contains("[program-failed]")
            && ran.stderr.contains("1 of 2 secrets were not rotated [rotations-failed]")
    );
    assert!(
        lab.value("old").unwrap() == b"newest-of-old"
            && lab.value("a").unwrap() == b"new-value-of-a"
    );
    assert_eq!(
        installed.run(&["rotate", "a", "old"], b"one value").refused(),
        (64, "several-names".into())
    );
    assert_eq!(
        installed.run(&["rotate", "nothing"], b"one value").refused(),
        (66, "secret-unknown".into())
    );
}

#[test]
fn values_of_all_kinds_pass_exactly() {
    let (installed, _) = world();
    let lab = &installed.lab;
    let copy = program(&installed, "copy", "cat next");
    let check = program(&installed, "check", "cmp /dev/fd/3 next >&2");
    let values: [&[u8]; 7] = [
        b"x",
        &(0..=255).collect::<Vec<u8>>(),
        b"a\0b",
        b"ends in newlines\n\n\n",
        b"\xff\xfe\x80",
        &vec![b'z'; 1 << 20],
        b"\r\n",
    ];
    for value in values {
        std::fs::write(lab.dir.path().join("next"), value).unwrap();
        installed
            .run(&["rotate", "n", "--run", &copy, "--test", &check, "--keep-newline", "-q"], b"")
            .ok();
        assert!(lab.value("n").unwrap() == value);
        installed.run(&["rotate", "n", "--kind", "uuid", "-q"], b"").ok();
        installed.run(&["rotate", "n", "--from", "next", "--test", &check, "-q"], b"").ok();
        assert!(lab.value("n").unwrap() == value);
    }
    assert_eq!(
        installed.run(&["rotate", "n", "--from", "/dev/null"], b"").refused(),
        (65, "value-empty".into())
    );
}

#[test]
fn expiry_and_revocation_end_with_a_rotation() {
    let (installed, _) = world();
    let lab = &installed.lab;
    lab.run_with(&["set", "n", "--expires", "90d", "-q"], b"a-value-for-90-days", &[]).ok();
    installed.run(&["revoke", "n", "--reason", "leaked"], b"").ok();
    assert_eq!(json(&installed, "n")["state"], "revoked");
    installed.run(&["rotate", "n"], b"another-value-for-90-days").ok();
    let shown = json(&installed, "n");
    assert!(shown["state"] == "active" && shown["expires"].is_string());
    installed.run(&["destroy", "n", "--yes"], b"").ok();
    let gone = installed.run(&["rotate", "n"], b"a value");
    assert_eq!(gone.refused(), (77, "secret-destroyed".into()));
    assert!(gone.stderr.contains("hasp-vault set n"));
}

#[test]
fn new_values_are_asked_for_without_echo() {
    if !common::has("script") {
        return common::skipped("script");
    }
    let (installed, _) = world();
    installed.lab.set("m", OLD);
    std::fs::write(installed.lab.dir.path().join("names"), "n\nm@2\n").unwrap();
    for (line, word) in
        [("bin/hasp-vault rotate n m", "one"), ("bin/hasp-vault rotate - <names", "two")]
    {
        let mut screen = common::Screen::start(&installed.lab, line);
        for name in ["n", "m"] {
            screen.wait_for(&format!("Value of {name} (not shown): "));
            screen.type_line(&format!("hunter-{word}-{name}"));
        }
        let (shown, status) = screen.end();
        assert!(status == 0 && !shown.contains("hunter"), "{shown}");
        for name in ["n", "m"] {
            assert!(
                installed.lab.value(name).unwrap() == format!("hunter-{word}-{name}").as_bytes()
            );
        }
    }
}
