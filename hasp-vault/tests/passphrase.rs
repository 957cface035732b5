//! The passphrase: where it may come from, what it may be, and that nothing waits where nobody can
//! be asked.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use common::{Lab, Screen, age, has, write_private};

const PASS: (&str, &str) = ("HASP_PASSPHRASE", "env:PASS");

fn locked() -> Lab {
    let lab = Lab::empty();
    lab.run_with(&["init"], b"", &[PASS, ("PASS", "correct horse")]).ok();
    lab
}

/// Without a controlling terminal, whoever runs the tests.
fn detached(lab: &Lab, args: &[&str]) -> common::Ran {
    let inner = lab.command(args);
    let mut command = std::process::Command::new("setsid");
    command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).env_clear();
    command.env("HASP_HOME", lab.home()).env("PATH", "/usr/bin:/bin");
    common::feed(command, b"value")
}

#[test]
fn the_identity_is_wrapped_and_the_work_factor_fixed() {
    let lab = locked();
    assert!(!lab.home().join("identity").exists());
    let file = std::fs::read(lab.home().join("identity.age")).unwrap();
    let header = String::from_utf8_lossy(&file).into_owned();
    assert!(header.lines().nth(1).unwrap().ends_with(" 18"));
    lab.run_with(&["set", "n"], b"the value", &[PASS, ("PASS", "correct horse")]).ok();
    std::fs::write(lab.dir.path().join("pass"), "correct horse\n").unwrap();
    let by_path =
        lab.run_with(&["reveal", "n", "--force"], b"", &[("HASP_PASSPHRASE", "pass")]).ok();
    assert!(by_path.stdout == b"the value");
    let by_stdin = lab
        .run_with(&["reveal", "n", "--force"], b"correct horse\n", &[("HASP_PASSPHRASE", "-")])
        .ok();
    assert!(by_stdin.stdout == b"the value");
}

#[test]
fn wrong_and_impossible_passphrases_are_refused_alike() {
    let lab = locked();
    let big = "x".repeat(100_000);
    let refused = |given: &str| {
        let ran = lab.run_with(
            &["key", "fp", "--from", "env:V", "--fd", "1"],
            given.as_bytes(),
            &[("HASP_PASSPHRASE", "-"), ("V", "v")],
        );
        assert!(ran.stdout.is_empty());
        (ran.refused(), ran.stderr)
    };
    let (wrong, text) = refused("wrong horse");
    assert_eq!(wrong, (77, "wrong-passphrase".into()));
    assert_eq!(refused("correct hors").1, text);
    for given in ["", "\n", "a\0b", "two\nlines", &big] {
        assert_eq!(refused(given).0, (65, "bad-passphrase".into()));
        let empty = Lab::empty();
        let init = empty.run_with(&["init"], given.as_bytes(), &[("HASP_PASSPHRASE", "-")]);
        assert_eq!(init.refused(), (65, "bad-passphrase".into()));
        assert!(!empty.vault().exists());
    }
}

#[test]
fn without_a_terminal_it_ends_at_once() {
    let lab = locked();
    lab.run_with(&["set", "n"], b"value", &[PASS, ("PASS", "correct horse")]).ok();
    let start = Instant::now();
    for args in [
        &["set", "n"][..],
        &["reveal", "n", "--force"],
        &["check", "n", "--from", "-"],
        &["key", "audit", "--fd", "1"],
    ] {
        let ran = detached(&lab, args);
        assert_eq!(ran.refused(), (69, "locked".into()), "{args:?}");
        assert!(ran.stdout.is_empty());
    }
    assert!(detached(&lab, &["set", "n"]).stderr.contains("HASP_PASSPHRASE=fd:3"));
    assert_eq!(detached(&Lab::empty(), &["init"]).refused(), (69, "locked".into()));
    assert!(start.elapsed().as_secs() < 3);
}

#[test]
fn a_greedy_header_is_refused_before_anybody_is_asked() {
    let lab = locked();
    let path = lab.home().join("identity.age");
    let file = std::fs::read(&path).unwrap();
    let at = file.windows(4).position(|w| w == b" 18\n").unwrap();
    let greedy = [&file[..at], b" 30\n", &file[at + 4..]].concat();
    write_private(&path, &greedy);
    let script = format!("ulimit -v 102400; exec {} set n", common::binary());
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .env_clear()
        .env("HASP_HOME", lab.home())
        .envs([PASS, ("PASS", "correct horse")]);
    let start = Instant::now();
    let ran = common::feed(command, b"value");
    assert_eq!(ran.refused(), (65, "work-factor".into()));
    assert!(start.elapsed().as_millis() < 1000);
}

#[test]
fn a_program_may_be_asked_if_only_we_can_change_it() {
    let lab = locked();
    let program = lab.dir.path().join("askpass");
    std::fs::write(&program, "#!/bin/sh\n[ -z \"$SECRET_SOURCE\" ] && echo 'correct horse'\n")
        .unwrap();
    let mode = |mode| std::fs::set_permissions(&program, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o700);
    let env = [("HASP_ASKPASS", program.to_str().unwrap()), ("SECRET_SOURCE", "the value")];
    lab.run_with(&["set", "n", "--from", "env:SECRET_SOURCE"], b"", &env).ok();
    mode(0o722);
    let refused = lab.run_with(&["set", "n"], b"value", &env);
    assert_eq!(refused.refused(), (77, "askpass-untrusted".into()));
    let relative = lab.run_with(&["set", "n"], b"value", &[("HASP_ASKPASS", "askpass")]);
    assert_eq!(relative.refused(), (77, "askpass-untrusted".into()));
    mode(0o700);
    std::fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    assert_eq!(
        lab.run_with(&["set", "n"], b"value", &env[..1]).refused(),
        (69, "askpass-failed".into())
    );
}

#[test]
fn giving_up_the_passphrase_is_asked_for() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = locked();
    let mut screen =
        Screen::start(&lab, "HASP_PASSPHRASE=env:P P='correct horse' $BIN passphrase --remove");
    screen.wait_for("[y/N]");
    screen.type_line("n");
    assert_eq!(screen.end().1, 1);
    assert!(lab.home().join("identity.age").exists() && !lab.home().join("identity").exists());
}

#[test]
fn one_descriptor_cannot_give_value_and_passphrase() {
    let lab = locked();
    let ran = lab.run_with(&["set", "n"], b"correct horse", &[("HASP_PASSPHRASE", "-")]);
    assert_eq!(ran.refused(), (64, "source-twice".into()));
}

#[test]
fn on_a_terminal_it_is_asked_for_without_echo() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = Lab::empty();
    let mut screen = Screen::start(&lab, "$BIN init");
    screen.wait_for("New passphrase");
    screen.type_line("correct horse battery staple");
    screen.wait_for("once more");
    screen.type_line("wrong horse");
    let (shown, status) = screen.end();
    assert!(
        status == 65 && shown.contains("[passphrases-differ]") && !shown.contains("horse"),
        "{status}"
    );
    assert!(!lab.vault().exists());
    let mut screen = Screen::start(&lab, "$BIN init");
    screen.wait_for("New passphrase");
    screen.type_line("correct horse battery staple");
    screen.wait_for("once more");
    screen.type_line("correct horse battery staple");
    assert_eq!(screen.end().1, 0);
    let mut screen = Screen::start(&lab, "echo the value | $BIN set n");
    screen.wait_for("Passphrase");
    screen.type_line("wrong horse");
    screen.wait_for("try again");
    screen.wait_for("Passphrase");
    screen.type_line("correct horse battery staple");
    let (shown, status) = screen.end();
    assert!(status == 0 && !shown.contains("horse"));
}

/// What is guessed easily is asked about, and Enter alone makes one that is not.
#[test]
fn a_weak_passphrase_is_said_and_a_strong_one_offered() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = Lab::empty();
    let mut screen = Screen::start(&lab, "$BIN init");
    screen.wait_for("New passphrase");
    screen.type_line("hunter2");
    screen.wait_for("That is guessed easily");
    screen.type_line("n");
    let (shown, status) = screen.end();
    assert!(status == 1 && !shown.contains("hunter2") && !lab.vault().exists(), "{shown}");
    let mut screen = Screen::start(&lab, "$BIN init");
    screen.wait_for("New passphrase");
    screen.type_line("");
    screen.wait_for("Is it written down?");
    let seen = String::from_utf8_lossy(&screen.seen()).into_owned();
    let made = seen.split_whitespace().find(|w| w.matches('-').count() == 5).unwrap().to_owned();
    screen.type_line("y");
    assert_eq!(screen.end().1, 0);
    let env = [("HASP_PASSPHRASE", "env:P"), ("P", made.as_str())];
    lab.run_with(&["set", "n"], b"the value", &env).ok();
    // Where nobody can be asked it is a warning.
    let other = Lab::empty();
    let env = [("HASP_PASSPHRASE", "env:P"), ("P", "a")];
    let said = other.run_with(&["init"], b"", &env).ok().stderr;
    assert!(said.contains("guessed easily: about 3 bits, where 40"), "{said}");
    let said = other.run_with(&["passphrase", "--new", "-"], b"password1", &env).ok().stderr;
    assert!(said.contains("guessed easily"), "{said}");
}

/// The public half is no secret, and joining begins with it.
#[test]
fn a_locked_identity_is_shown_without_its_passphrase() {
    let lab = Lab::empty();
    let made = lab.run_with(&["identity", "new"], b"", &[PASS, ("PASS", "correct horse")]).ok();
    assert_eq!(lab.run(&["identity", "show"]).ok().stdout, made.stdout);
    let lab = locked();
    let shown = lab.run(&["identity", "show"]).ok().text();
    assert_eq!(lab.recipients(), [shown.trim()]);
    let recipients = lab.run(&["recipients", "--json"]).ok().json();
    assert!(recipients["own"] == true && recipients["kind"] == "x25519");
    // With another passphrase it is the same, and another file is not believed.
    let new = [PASS, ("PASS", "correct horse")];
    lab.run_with(&["passphrase", "--new", "-"], b"another horse", &new).ok();
    assert_eq!(lab.run(&["identity", "show"]).ok().text(), shown);
    let file = lab.home().join("identity.age");
    let other = std::fs::read(&file).unwrap();
    common::write_private(&file, &[&other[..], b"x"].concat());
    assert_ne!(lab.run(&["identity", "show"]).status, 0);
}

#[test]
fn a_descriptor_that_was_read_is_told_from_an_empty_passphrase() {
    let lab = locked();
    std::fs::write(lab.dir.path().join("pw"), "correct horse").unwrap();
    let script = "\"$0\" list --verify >/dev/null && \"$0\" reveal --force n >/dev/null && \
                  \"$0\" reveal --force n";
    lab.run_with(&["set", "n"], b"the value", &[PASS, ("PASS", "correct horse")]).ok();
    let mut command = std::process::Command::new("bash");
    command.args(["-c", &format!("exec 3<pw; {script}")]).arg(common::binary()).env_clear();
    command.env("HASP_HOME", lab.home()).env("HASP_PASSPHRASE", "fd:3");
    command.current_dir(lab.dir.path());
    let ran = common::feed(command, b"");
    assert_eq!(ran.refused(), (65, "bad-passphrase".into()));
    assert!(ran.stderr.contains("descriptor 3, which HASP_PASSPHRASE names"), "{}", ran.stderr);
    assert!(ran.stderr.contains("one descriptor serves one command"), "{}", ran.stderr);
}

#[test]
fn stock_age_recovers_with_the_passphrase() {
    if !has("age") || !has("script") {
        return common::skipped("age and script");
    }
    let lab = locked();
    lab.run_with(&["set", "db/url"], b"the value", &[PASS, ("PASS", "correct horse")]).ok();
    let (identity, item) = (lab.home().join("identity.age"), lab.item("db/url").join("1.age"));
    let line = format!(
        "umask 077; age -d {} > id && age -d -i id {} > value",
        identity.display(),
        item.display()
    );
    let mut screen = Screen::start(&lab, &line);
    screen.wait_for("passphrase");
    screen.type_line("correct horse");
    assert_eq!(screen.end().1, 0);
    assert!(std::fs::read(lab.dir.path().join("value")).unwrap() == b"the value");
    let id = lab.dir.path().join("id");
    assert!(
        age(&["-d", "-i", id.to_str().unwrap(), item.to_str().unwrap()], b"").ok().stdout
            == b"the value"
    );
}

#[test]
fn a_passphrase_is_changed_added_and_removed() {
    let lab = locked();
    let old = [PASS, ("PASS", "correct horse"), ("NEW", "battery staple")];
    let new = [PASS, ("PASS", "battery staple")];
    lab.run_with(&["set", "n"], b"the value", &old).ok();
    lab.run_with(&["passphrase", "--new", "env:NEW"], b"", &old).ok();
    assert_eq!(
        lab.run_with(&["reveal", "n", "--force"], b"", &old).refused(),
        (77, "wrong-passphrase".into())
    );
    assert!(lab.run_with(&["reveal", "n", "--force"], b"", &new).ok().stdout == b"the value");
    assert_eq!(detached(&lab, &["passphrase", "--remove"]).refused().0, 69);
    assert_eq!(
        lab.run_with(
            &["passphrase", "--new", "env:NEW"],
            b"",
            &[PASS, ("PASS", "battery staple"), ("NEW", "")]
        )
        .status,
        65
    );
    lab.run_with(&["passphrase", "--remove", "--yes"], b"", &new).ok();
    assert!(!lab.home().join("identity.age").exists());
    assert!(lab.value("n").unwrap() == b"the value");
    // What a crash between the two files leaves still opens, and is finished by the next change.
    let plain = std::fs::read(lab.home().join("identity")).unwrap();
    lab.run_with(&["passphrase", "--new", "env:NEW"], b"", &[("NEW", "correct horse")]).ok();
    assert!(!lab.home().join("identity").exists());
    write_private(&lab.home().join("identity"), &plain);
    assert!(lab.run(&["status"]).ok().text().contains("in the clear too"));
    lab.run_with(&["passphrase", "--new", "env:NEW"], b"", &old).ok();
    assert!(!lab.home().join("identity").exists());
    assert_eq!(lab.record().matches("vault.passphrase").count(), 4);
}
