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
    // Where nothing was found one object says that.
    let lines: Vec<_> = lines.into_iter().filter(|l| l["whole"] != true).collect();
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

/// What desktops and synchronisers drop is no secret that was lost, and is named as what it is.
#[test]
fn droppings_are_told_from_copies_of_records() {
    let lab = furnished();
    let put = |path: &str| {
        let path = lab.home().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_private(&path, b"x");
    };
    let close = |path: &str| {
        std::fs::set_permissions(lab.home().join(path), PermissionsExt::from_mode(0o700)).unwrap();
    };
    for path in [
        "vault/.DS_Store",
        "vault/items/Thumbs.db",
        "vault/items/.stfolder/x",
        "vault/inbox/desktop.ini",
        "vault/items/n/meta (conflicted copy).toml",
        "vault/items/notes.txt",
        "audit/.directory",
    ] {
        put(path);
    }
    close("vault/items/.stfolder");
    let text = lab.run(&["fsck"]).text();
    let line =
        |part: &str| text.lines().find(|l| l.contains(part)).unwrap_or_else(|| panic!("{text}"));
    for name in [".DS_Store", "Thumbs.db", ".stfolder", "desktop.ini", ".directory"] {
        assert!(line(name).contains("was dropped by a desktop or a synchroniser"), "{text}");
    }
    assert!(line(".stfolder").contains("remove it: rm -r "), "{text}");
    assert!(line("conflicted copy").contains("is a copy of a record"), "{text}");
    assert!(line("notes.txt").contains("is no part of a vault"), "{text}");
    assert!(!text.contains("destroy it") && text.lines().count() == 7, "{text}");
}

/// A vault directory of a repository may be anybody's doing.
#[test]
fn a_link_in_a_vault_is_not_followed() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo");
    let env = [("HASP_VAULT", dir.to_str().unwrap())];
    lab.run_with(&["init", "--no-passphrase"], b"", &env).ok();
    let outside = lab.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join(".hasp-x.tmp"), "theirs").unwrap();
    std::fs::write(outside.join("passwd"), "theirs").unwrap();
    for name in ["items", "inbox"] {
        let path = dir.join(name);
        let _ = std::fs::remove_dir_all(&path);
        std::os::unix::fs::symlink(&outside, &path).unwrap();
        for args in [&["fsck"][..], &["fsck", "--repair"]] {
            let ran = lab.run_with(args, b"", &env);
            assert_eq!(ran.status, 1, "{}", ran.stderr);
            assert!(ran.text().contains(&format!("{name} is a symbolic link [symlink]")));
            assert!(!ran.text().contains("passwd") && !ran.stderr.contains("whole"));
        }
        std::fs::remove_file(&path).unwrap();
    }
    std::fs::create_dir_all(dir.join("items/db")).unwrap();
    std::os::unix::fs::symlink(&outside, dir.join("items/db/url")).unwrap();
    let deeper = lab.run_with(&["fsck", "--repair"], b"", &env);
    assert!(deeper.text().contains("db/url is a symbolic link"), "{}", deeper.text());
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 2);
}

/// Whoever has another name of the identity keeps a copy that changes along.
#[test]
fn a_hard_link_is_found_and_taken_apart() {
    let lab = furnished();
    for path in ["identity", "vault/items/n/meta.toml", "vault/vault.toml", "vault/keys.age"] {
        std::fs::hard_link(lab.home().join(path), lab.dir.path().join("x")).unwrap();
        assert_eq!(found(&lab), [("hard-link".to_owned(), true)], "{path}");
        lab.run(&["fsck", "--repair"]).ok();
        assert!(found(&lab).is_empty(), "{path}");
        std::fs::remove_file(lab.dir.path().join("x")).unwrap();
    }
    std::fs::hard_link(lab.home().join("known_vaults"), lab.dir.path().join("x")).unwrap();
    let ran = lab.run(&["fsck"]);
    assert!(ran.text().contains("cp -p ") && ran.status == 1, "{}", ran.text());
    assert_eq!(lab.value("n").unwrap(), b"second value");
}
