//! The verbs on the path of a value: what is stored comes back to the byte, what is refused says
//! why, and stock age recovers all of it.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Lab, age, has};

#[test]
fn init_says_what_to_type_next_and_never_overwrites() {
    let lab = Lab::empty();
    let made = lab.run(&["init", "--no-passphrase"]).ok();
    assert_eq!(made.stderr.lines().filter(|l| l.starts_with("  hasp-")).count(), 3);
    assert!(made.stdout.is_empty());
    let before = std::fs::read(lab.home().join("identity")).unwrap();
    assert_eq!(lab.run(&["init", "--no-passphrase"]).refused(), (73, "exists".into()));
    std::fs::rename(lab.vault(), lab.dir.path().join("away")).unwrap();
    assert_eq!(lab.run(&["init", "--no-passphrase"]).refused(), (73, "exists".into()));
    assert_eq!(std::fs::read(lab.home().join("identity")).unwrap(), before);
}

#[test]
fn values_come_back_to_the_byte() {
    let lab = Lab::new();
    let all: Vec<u8> = (0..=255).collect();
    let big = vec![b'v'; 1 << 20];
    let values: [&[u8]; 8] =
        [b"x", &all, b"nul\0inside", b"\xff\xfe invalid", b"line\n", b"two\n\n", b"\n", &big];
    for (index, value) in values.iter().enumerate() {
        let name = format!("v/{index}");
        lab.set(&name, value);
        assert!(lab.value(&name).unwrap() == *value, "value {index}");
    }
}

#[test]
fn one_newline_of_a_pipe_is_dropped_and_a_file_is_kept() {
    let lab = Lab::new();
    let cases: [(&[u8], &[u8]); 4] =
        [(b"v1\n", b"v1"), (b"v1\r\n", b"v1"), (b"v1\n\n", b"v1\n"), (b"v1", b"v1")];
    for (given, kept) in cases {
        lab.run_with(&["set", "n"], given, &[]).ok();
        assert!(lab.value("n").unwrap() == kept);
    }
    std::fs::write(lab.dir.path().join("key.pem"), "-----\n").unwrap();
    lab.run(&["set", "n", "--from", "key.pem"]).ok();
    assert!(lab.value("n").unwrap() == b"-----\n");
    lab.run_with(&["set", "n", "--from", "env:VALUE"], b"", &[("VALUE", "from env")]).ok();
    assert!(lab.value("n").unwrap() == b"from env");
}

#[test]
fn what_is_no_value_is_refused_and_changes_nothing() {
    let lab = Lab::new();
    lab.set("n", b"before");
    let empty = lab.run(&["set", "n"]);
    assert_eq!(empty.refused(), (65, "value-empty".into()));
    assert_eq!(lab.run_with(&["set", "n"], b"\n", &[]).refused().1, "value-empty");
    let large = vec![b'x'; (1 << 20) + 1];
    assert_eq!(
        lab.run_with(&["set", "n", "--keep-newline"], &large, &[]).refused(),
        (65, "value-too-large".into())
    );
    assert_eq!(
        lab.run_with(&["set", "n"], &[large, vec![b'x'; 9]].concat(), &[]).refused().1,
        "value-too-large"
    );
    assert!(lab.value("n").unwrap() == b"before");
    assert_eq!(std::fs::read_dir(lab.item("n")).unwrap().count(), 2);
}

#[test]
fn a_value_in_argv_is_refused_and_not_repeated() {
    let lab = Lab::new();
    // With a second word, names are asked for on the terminal only: the word is never taken for a
    // value.
    let refused = lab.run(&["set", "db/url", "hunter2"]);
    assert_eq!(refused.refused(), (64, "several-names".into()));
    assert!(!refused.stderr.contains("hunter2"));
    let refused = lab.run(&["set", "db/url", "--value=hunter2"]);
    assert_eq!(refused.status, 64);
    assert!(!refused.stderr.contains("hunter2"));
    assert!(!lab.item("db").exists());
}

#[test]
fn names_that_leave_the_vault_or_the_line_are_refused() {
    let lab = Lab::new();
    let long = "a".repeat(300);
    let bad = [
        "../x",
        "a/../../b",
        "",
        &long,
        "a\nb",
        "a\x1b[2Jb",
        "a\u{202e}b",
        "caf\u{e9}",
        "cafe\u{301}",
        "/etc/x",
        "a//b",
        "x.age",
    ];
    for name in bad {
        for verb in ["set", "get", "show", "check"] {
            let ran = lab.run_with(&[verb, "--", name], b"value", &[]);
            assert_eq!(ran.refused(), (64, "bad-name".into()), "{verb} {name:?}");
            assert!(
                !ran.stderr.trim_end_matches('\n').replace('\n', "").chars().any(char::is_control)
            );
        }
    }
    assert_eq!(lab.run_with(&["set", "-n"], b"value", &[]).status, 64);
    assert_eq!(
        lab.run_with(&["set", "--", "-n"], b"value", &[]).refused(),
        (64, "bad-name".into())
    );
    assert_eq!(std::fs::read_dir(lab.vault().join("items")).unwrap().count(), 0);
}

#[test]
fn a_name_and_names_below_it_live_side_by_side() {
    let lab = Lab::new();
    for name in ["db/url", "db", "db/url/replica"] {
        lab.set(name, name.as_bytes());
    }
    for name in ["db/url", "db", "db/url/replica"] {
        assert!(lab.value(name).unwrap() == name.as_bytes());
    }
    let listed = lab.run(&["list", "--json"]).ok().text();
    let names: Vec<String> = listed
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["name"].to_string())
        .collect();
    assert_eq!(names, ["\"db\"", "\"db/url\"", "\"db/url/replica\""]);
}

#[test]
fn versions_are_kept_and_old_ones_can_be_read() {
    let lab = Lab::new();
    lab.set("n", b"first one");
    lab.set("n", b"second one");
    assert!(lab.value("n").unwrap() == b"second one" && lab.value("n@1").unwrap() == b"first one");
    assert_eq!(lab.run(&["reveal", "n@3", "--force"]).refused(), (66, "version-unknown".into()));
    let history = lab.run(&["history", "n", "--json"]).ok().text();
    let states: Vec<bool> = history.lines().map(|l| l.contains("\"current\"")).collect();
    assert_eq!(states, [false, true]);
}

#[test]
fn metadata_is_stored_kept_and_shown() {
    let lab = Lab::new();
    let options = [
        "--class",
        "high",
        "--expires",
        "90d",
        "--rotate-every",
        "30d",
        "--allow",
        "api:test",
        "--note",
        "esc \x1b[2J",
    ];
    lab.run_with(&[&["set", "n"], &options[..]].concat(), b"value one", &[]).ok();
    lab.run_with(&["set", "n"], b"value two", &[]).ok();
    let shown = lab.run(&["show", "n", "--json"]).ok().json();
    assert_eq!(
        (shown["class"].as_str(), shown["rotate_every"].as_str()),
        (Some("high"), Some("30d"))
    );
    assert_eq!(
        (shown["allow"][0].as_str(), shown["version"].as_u64()),
        (Some("api:test"), Some(2))
    );
    assert!(shown["expires"].is_string() && shown["v"] == 1);
    let text = lab.run(&["show", "n"]).ok().text();
    assert!(text.contains("\\x1b[2J") && !text.contains('\x1b'));
    for (option, word) in
        [("--class", "worst"), ("--expires", "soon"), ("--rotate-every", "0d"), ("--allow", ":x")]
    {
        assert_eq!(lab.run_with(&["set", "n", option, word], b"value", &[]).status, 64, "{option}");
    }
}

#[test]
fn list_answers_cron() {
    let lab = Lab::new();
    assert_eq!(lab.run(&["list", "--expiring", "14d"]).status, 0);
    lab.run_with(&["set", "soon", "--expires", "1s"], b"value", &[]).ok();
    lab.run_with(&["set", "late", "--expires", "90d", "--rotate-every", "1s"], b"value", &[]).ok();
    // Times are kept in whole seconds; this is the one that has to pass.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    let expiring = lab.run(&["list", "--expiring", "14d"]);
    assert_eq!((expiring.status, expiring.text().contains("late")), (1, false));
    assert!(expiring.text().contains("expired"));
    let due = lab.run(&["list", "--due", "--json"]);
    assert_eq!((due.status, due.text().lines().count()), (1, 1));
    assert!(due.text().contains("\"late\""));
    assert!(lab.run(&["check", "soon"]).ok().stderr.contains("expired"));
}

#[test]
fn check_answers_by_status() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    assert_eq!(lab.run(&["check", "n"]).status, 0);
    assert_eq!(lab.run(&["check", "other"]).status, 1);
    assert_eq!(lab.run_with(&["check", "n", "--from", "-"], b"the value\n", &[]).status, 0);
    assert_eq!(lab.run_with(&["check", "n", "--from", "-"], b"another", &[]).status, 1);
    std::fs::remove_file(lab.home().join("identity")).unwrap();
    assert_eq!(lab.run(&["check", "n"]).status, 0);
    assert_eq!(
        lab.run_with(&["check", "n", "--from", "-"], b"the value", &[]).refused(),
        (69, "no-identity".into())
    );
}

#[test]
fn unknown_things_are_named_with_a_hint() {
    let lab = Lab::new();
    lab.set("db/url", b"value");
    let typo = lab.run(&["show", "db/ulr"]);
    assert_eq!(typo.refused(), (66, "secret-unknown".into()));
    assert!(typo.stderr.contains("did you mean 'db/url'?"));
    let json = lab.run(&["get", "nothing", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!((json.status, error["error"]["code"].as_str()), (66, Some("secret-unknown")));
    let empty = Lab::empty();
    assert_eq!(empty.run(&["list"]).refused(), (66, "no-home".into()));
    let elsewhere = lab.run_with(&["list"], b"", &[("HASP_VAULT", "/nowhere")]);
    assert_eq!(elsewhere.refused(), (66, "no-vault".into()));
}

#[test]
fn every_release_and_write_is_recorded_and_no_value_is() {
    let lab = Lab::new();
    lab.set("n", b"hunter2hunter2");
    lab.value("n").unwrap();
    lab.run(&["get", "n"]).ok();
    let record = lab.record();
    for event in ["vault.init", "vault.set", "vault.reveal", "vault.get"] {
        assert_eq!(record.matches(&format!("\"event\":\"{event}\"")).count(), 1, "{event}");
    }
    assert!(!record.contains("hunter2"));
}

#[test]
fn nothing_is_released_without_a_record() {
    let lab = Lab::new();
    lab.set("n", b"hunter2hunter2");
    let audit =
        std::fs::read_dir(lab.home().join("audit")).unwrap().next().unwrap().unwrap().path();
    let away = lab.dir.path().join("away");
    std::fs::rename(&audit, &away).unwrap();
    for args in [&["reveal", "n", "--force"][..], &["get", "n"], &["set", "n"]] {
        let refused = lab.run_with(args, b"another value", &[]);
        assert_ne!(refused.status, 0);
        assert!(refused.stdout.is_empty());
    }
    std::fs::rename(&away, &audit).unwrap();
    assert!(lab.value("n").unwrap() == b"hunter2hunter2");
}

#[test]
fn modes_are_private_whatever_the_umask() {
    let lab = Lab::empty();
    let script = format!(
        "umask 000; {0} init --no-passphrase && echo value | {0} set a/b",
        common::binary()
    );
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", &script])
        .env_clear()
        .env("HASP_HOME", lab.home())
        .env("PATH", "/usr/bin:/bin");
    common::feed(command, b"").ok();
    let mut left = vec![lab.home()];
    while let Some(path) = left.pop() {
        let meta = path.symlink_metadata().unwrap();
        let wanted = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, wanted, "{}", path.display());
        if meta.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        }
    }
}

#[test]
fn open_modes_and_symlinks_are_refused_with_what_mends_them() {
    let lab = Lab::new();
    lab.set("n", b"value");
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap()
    };
    let meta = lab.item("n").join("meta.toml");
    let (home, vault, known) = (lab.home(), lab.vault(), lab.home().join("known_vaults"));
    for (path, open, private) in [
        (&home, 0o755, 0o700),
        (&vault, 0o750, 0o700),
        (&meta, 0o644, 0o600),
        (&known, 0o604, 0o600),
    ] {
        chmod(path, open);
        let refused = lab.run(&["show", "n"]);
        assert_eq!(refused.refused(), (77, "open-mode".into()), "{}", path.display());
        assert!(refused.stderr.contains(&format!("chmod {private:o} /")));
        chmod(path, private);
    }
    let victim = lab.dir.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    let id = lab.run(&["status", "--json"]).ok().json()["vault"].as_str().unwrap().to_owned();
    for link in [meta.clone(), home.join("locks").join(&id), lab.item("n").join("1.age")] {
        let saved = std::fs::read(&link).unwrap();
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        let verb: &[&str] = if link.ends_with("1.age") { &["get", "n"] } else { &["set", "n"] };
        let refused = lab.run_with(verb, b"another", &[]);
        assert_eq!(refused.refused(), (77, "symlink".into()), "{}", link.display());
        assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
        std::fs::remove_file(&link).unwrap();
        common::write_private(&link, &saved);
    }
    std::fs::create_dir(lab.dir.path().join("outside")).unwrap();
    std::os::unix::fs::symlink(lab.dir.path().join("outside"), lab.vault().join("items/out"))
        .unwrap();
    assert_ne!(lab.run_with(&["set", "out/n"], b"value", &[]).status, 0);
    assert_eq!(std::fs::read_dir(lab.dir.path().join("outside")).unwrap().count(), 0);
    assert!(lab.value("n").unwrap() == b"value");
}

#[test]
fn stock_age_recovers_every_value() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::new();
    let all: Vec<u8> = (0..=255).collect();
    lab.set("db/url", &all);
    let (identity, item) = (lab.home().join("identity"), lab.item("db/url").join("1.age"));
    let opened = age(&["-d", "-i", identity.to_str().unwrap(), item.to_str().unwrap()], b"").ok();
    assert!(opened.stdout == all);
    let piped = lab.run(&["get", "db/url"]).ok().stdout;
    assert!(age(&["-d", "-i", identity.to_str().unwrap()], &piped).ok().stdout == all);
}

#[test]
fn a_recipient_of_init_opens_values_too() {
    if !has("age-keygen") {
        return common::skipped("age-keygen");
    }
    let lab = Lab::empty();
    let key = lab.dir.path().join("ci.key");
    let mut keygen = std::process::Command::new("age-keygen");
    keygen.args(["-o", key.to_str().unwrap()]);
    let made = common::feed(keygen, b"").ok();
    let public = made.stderr.split_whitespace().find(|w| w.starts_with("age1")).unwrap().to_owned();
    assert_eq!(
        lab.run(&["init", "--no-passphrase", "--recipient", "age1nonsense"]).refused(),
        (64, "bad-recipient".into())
    );
    lab.run(&["init", "--no-passphrase", "--recipient", &public]).ok();
    lab.set("n", b"for both");
    let file = lab.item("n").join("1.age");
    assert!(
        age(&["-d", "-i", key.to_str().unwrap(), file.to_str().unwrap()], b"").ok().stdout
            == b"for both"
    );
    std::fs::remove_file(lab.home().join("identity")).unwrap();
    let with = [("HASP_IDENTITY", key.to_str().unwrap())];
    assert!(lab.run_with(&["reveal", "n", "--force"], b"", &with).ok().stdout == b"for both");
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    let lab = Lab::empty();
    for args in [&[][..], &["nonsense"], &["set"], &["list", "--nonsense"], &["get"]] {
        assert_eq!(lab.run(args).status, 64, "{args:?}");
    }
    assert!(lab.run(&["--help"]).ok().text().contains("Examples:"));
    assert!(lab.run(&["--version"]).ok().text().starts_with("hasp-vault "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(lab.run(&["completions", shell]).ok().text().contains("hasp-vault"));
    }
}
