//! What is shown on a terminal and asked there: values without echo, ciphertext never, a recovery
//! key once.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, Screen, age, has};

#[test]
fn values_meet_the_terminal_with_care() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = Lab::new();
    lab.set("plain", b"shown as it is");
    lab.set("hostile", b"a\x1b[2Jb");
    let (shown, status) = Screen::start(&lab, "$BIN reveal plain").end();
    assert!(status == 0 && shown.contains("shown as it is"));
    let (shown, status) = Screen::start(&lab, "$BIN reveal hostile").end();
    assert!(status == 0 && shown.contains("a\\x1b[2Jb") && !shown.contains("\x1b[2J"));
    let (shown, status) = Screen::start(&lab, "$BIN get plain").end();
    assert!(status == 64 && shown.contains("[terminal]"));
    assert_eq!(lab.run(&["reveal", "plain"]).refused(), (77, "not-a-terminal".into()));
}

#[test]
fn values_are_asked_for_without_echo() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = Lab::new();
    let mut screen = Screen::start(&lab, "$BIN set one two");
    screen.wait_for("Value of one (not shown): ");
    screen.type_line("hunter1hunter1");
    screen.wait_for("14 bytes");
    screen.wait_for("Value of two (not shown): ");
    screen.type_line("hunter2");
    let (shown, status) = screen.end();
    assert!(status == 0 && !shown.contains("hunter"), "{status}");
    assert!(
        lab.value("one").unwrap() == b"hunter1hunter1" && lab.value("two").unwrap() == b"hunter2"
    );
    let mut screen = Screen::start(&lab, "$BIN set three");
    screen.wait_for("Value of three (not shown): ");
    screen.type_line("\x03");
    let (shown, status) = screen.end();
    assert!(status == 1 && shown.contains("[interrupted]"), "{status}");
    assert!(!lab.item("three").exists());
}

#[test]
fn a_recovery_key_is_shown_once_and_opens_everything() {
    if !has("script") || !has("age") {
        return common::skipped("script and age");
    }
    let lab = Lab::empty();
    assert_eq!(lab.run(&["status"]).status, 66);
    let mut screen = Screen::start(&lab, "$BIN init --no-passphrase --recovery");
    screen.wait_for("Is it written down?");
    let shown = String::from_utf8_lossy(&screen.seen()).into_owned();
    let key =
        shown.split_whitespace().find(|w| w.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    screen.type_line("yes");
    assert_eq!(screen.end().1, 0);
    opens_everything(&lab, &key);
    // One more, for a vault that exists; nothing is added that was not written down.
    for (answer, status, recipients) in [("no", 1, 2), ("yes", 0, 3)] {
        let mut screen = Screen::start(&lab, "$BIN recipients add --recovery");
        screen.wait_for("Is it written down?");
        let shown = String::from_utf8_lossy(&screen.seen()).into_owned();
        let key =
            shown.split_whitespace().find(|w| w.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
        screen.type_line(answer);
        assert_eq!(screen.end().1, status);
        assert_eq!(lab.recipients().len(), recipients);
        if status == 0 {
            opens_everything(&lab, &key);
        }
    }
}

/// What is on paper opens what is stored, and lies nowhere in the home.
fn opens_everything(lab: &Lab, key: &str) {
    lab.set("n", b"the value");
    let paper = lab.dir.path().join("paper");
    common::write_private(&paper, key.as_bytes());
    let file = std::fs::read_dir(lab.item("n")).unwrap().map(|e| e.unwrap().path());
    let item = file.filter(|f| f.extension().is_some_and(|e| e == "age")).max().unwrap();
    assert!(
        age(&["-d", "-i", paper.to_str().unwrap(), item.to_str().unwrap()], b"").ok().stdout
            == b"the value"
    );
    let grep =
        std::process::Command::new("grep").args(["-rq", key]).arg(lab.home()).status().unwrap();
    assert_eq!(grep.code(), Some(1));
}

/// Whoever types a value where a name belongs does not see it again.
#[test]
fn a_value_in_the_place_of_a_name_is_not_echoed() {
    let lab = Lab::new();
    for args in [&["set", "db/url", "hunter2"][..], &["set", "foo=bar"], &["set", "db/url", "p@ss"]]
    {
        let refused = lab.run_with(args, b"", &[]);
        assert_eq!(refused.status, 64, "{args:?}: {}", refused.stderr);
        for part in ["hunter2", "foo=bar", "p@ss"] {
            assert!(!refused.stderr.contains(part), "{args:?}: {}", refused.stderr);
        }
        assert!(refused.stderr.contains("a value is never an argument"), "{}", refused.stderr);
    }
    let near = lab.run_with(&["set", "n", "--class", "hihg"], b"value", &[]);
    assert!(near.stderr.contains("did you mean high?"), "{}", near.stderr);
}

#[test]
fn what_to_type_next_leads_somewhere() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo/vault");
    let made =
        lab.run_with(&["init", "--no-passphrase"], b"", &[("HASP_VAULT", dir.to_str().unwrap())]);
    let export = format!("export HASP_VAULT={}", dir.display());
    assert!(made.stderr.contains(&export), "{}", made.stderr);
    assert!(made.stderr.contains(&format!("hasp-bind --vault {}", dir.display())));
    let lab = Lab::new();
    let backup = lab.run(&["backup"]).ok().stdout;
    let refused = lab.run_with(&["restore"], &backup, &[]);
    assert_eq!(refused.refused(), (73, "exists".into()));
    assert!(refused.stderr.contains("hasp-vault restore --merge < FILE"), "{}", refused.stderr);
}
