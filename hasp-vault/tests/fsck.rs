//! `fsck`: clean means clean, everything that is wrong is said, and repair never touches what a
//! record names.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;

use common::{Lab, write_private};

fn found(lab: &Lab) -> Vec<(String, bool)> {
    let ran = lab.run(&["fsck", "--json"]);
    let lines: Vec<serde_json::Value> =
        ran.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(ran.status, i32::from(!lines.is_empty()), "{}", ran.stderr);
    lines
        .iter()
        .map(|l| (l["code"].as_str().unwrap().to_owned(), l["repairable"].as_bool().unwrap()))
        .collect()
}

fn furnished() -> Lab {
    let lab = Lab::new();
    lab.set("n", b"first value");
    lab.set("n", b"second value");
    lab.set("db/url", b"the value");
    lab.run_with(&["deposit", "later"], b"the value", &[]).ok();
    lab
}

#[test]
fn a_sound_vault_is_whole() {
    let lab = furnished();
    assert!(found(&lab).is_empty());
    assert!(lab.run(&["fsck"]).ok().stderr.contains("the vault is whole"));
}

#[test]
fn what_lies_about_is_removed_and_nothing_else() {
    let lab = furnished();
    write_private(&lab.item("n").join("9.age"), b"never committed");
    write_private(&lab.item("n").join(".hasp-x.tmp"), b"half a record");
    write_private(&lab.item("n").join("notes"), b"somebody's own");
    write_private(&lab.vault().join(".hasp-notes"), b"somebody's own");
    let orphan = |repairable| ("orphan".to_owned(), repairable);
    let mut all = found(&lab);
    all.sort();
    assert_eq!(all, [orphan(false), orphan(false), orphan(true), orphan(true)]);
    assert_eq!(lab.run(&["fsck", "--repair"]).status, 1);
    assert!(lab.item("n").join("notes").exists() && !lab.item("n").join("9.age").exists());
    std::fs::remove_file(lab.item("n").join("notes")).unwrap();
    std::fs::remove_file(lab.vault().join(".hasp-notes")).unwrap();
    assert!(found(&lab).is_empty());
    assert!(
        lab.value("n").unwrap() == b"second value" && lab.value("n@1").unwrap() == b"first value"
    );
}

#[test]
fn open_modes_are_closed() {
    let lab = furnished();
    for (path, mode) in [
        ("items/db", 0o755),
        ("items/db/url/meta.toml", 0o644),
        ("items/n/1.age", 0o640),
        ("inbox", 0o711),
    ] {
        std::fs::set_permissions(lab.vault().join(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    assert_eq!(found(&lab), vec![("open-mode".to_owned(), true); 4]);
    lab.run(&["fsck", "--repair"]).ok();
    assert!(found(&lab).is_empty());
}

#[test]
fn damage_loss_and_rollback_are_said_and_left_alone() {
    let lab = furnished();
    let old = std::fs::read(lab.item("n").join("meta.toml")).unwrap();
    let cases: [(&str, &dyn Fn()); 6] = [
        ("tampered", &|| write_private(&lab.item("n").join("2.age"), b"x")),
        ("tampered", &|| std::fs::remove_file(lab.item("n").join("1.age")).unwrap()),
        ("tampered", &|| write_private(&lab.item("n").join("meta.toml"), b"x")),
        ("vanished", &|| std::fs::rename(lab.item("db"), lab.dir.path().join("db")).unwrap()),
        ("rolled-back", &|| {
            lab.set("n", b"third value");
            write_private(&lab.item("n").join("meta.toml"), &old);
        }),
        // Without the serials that were seen, the log still knows.
        ("older-than-log", &|| {
            lab.set("n", b"third value");
            write_private(&lab.item("n").join("meta.toml"), &old);
            std::fs::remove_dir_all(lab.home().join("seen")).unwrap();
        }),
    ];
    let keep = lab.dir.path().join("keep");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(
            std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success()
        );
    };
    copy(&lab.home(), &keep);
    for (code, break_it) in cases {
        break_it();
        let codes: Vec<String> = found(&lab).into_iter().map(|(c, _)| c).collect();
        assert!(codes.iter().any(|c| c == code), "{code}: {codes:?}");
        assert_eq!(lab.run(&["fsck", "--repair"]).status, 1, "{code}");
        copy(&keep, &lab.home());
        let _ = std::fs::remove_dir_all(lab.dir.path().join("db"));
    }
    assert!(found(&lab).is_empty());
}

#[test]
fn a_forgotten_secret_is_not_missed() {
    let lab = furnished();
    std::fs::write(lab.dir.path().join("hasp-grant"), "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(lab.dir.path().join("hasp-grant"), PermissionsExt::from_mode(0o755))
        .unwrap();
    common::install(common::binary().as_ref(), &lab.dir.path().join("hasp-vault"));
    let mut command = std::process::Command::new(lab.dir.path().join("hasp-vault"));
    command.args(["destroy", "n", "--yes", "--forget"]).env_clear().env("HASP_HOME", lab.home());
    common::feed(command, b"").ok();
    assert!(found(&lab).is_empty());
}
