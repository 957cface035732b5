//! Backup and restore: the whole vault comes back to the byte, a damaged backup changes nothing,
//! and age and tar alone can open one.
#![allow(clippy::unwrap_used)]

mod common;

use hasp_vault::{age_file, code};
use std::collections::BTreeMap;
use std::path::Path;

use common::{Lab, Ran, Screen, has, write_private};
use hasp_core::{Home, Timestamp};
use hasp_vault::Staged;

fn values() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("one", b"x".to_vec()),
        ("all/bytes", (0..=255).collect()),
        ("nul", b"a\0b".to_vec()),
        ("newlines", b"line\n\n\n".to_vec()),
        ("not/utf8", vec![0xff, 0xfe, 0x80]),
        ("big", (0..1 << 20).map(|n: u32| (n * 7) as u8).collect()),
    ]
}

fn furnish(lab: &Lab) {
    for (name, value) in values() {
        lab.set(name, &value);
    }
    lab.set("one", b"y");
    let unlocked = lab.unlock();
    unlocked.revoke(&"nul".parse().unwrap(), "leaked", Timestamp::now()).unwrap();
    lab.set("gone", b"a destroyed value");
    unlocked.destroy(&"gone".parse().unwrap(), None, None, Timestamp::now()).unwrap();
    lab.run_with(&["deposit", "later"], b"a deposited value", &[]).ok();
}

fn backup(lab: &Lab) -> Vec<u8> {
    let ran = lab.run(&["backup"]).ok();
    assert!(ran.stderr.contains("secrets are in the backup"));
    ran.stdout
}

fn restore(lab: &Lab, args: &[&str], file: &[u8]) -> Ran {
    lab.run_with(&[&["restore"], args].concat(), file, &[])
}

/// Another home with the same identity and nothing else.
fn twin(lab: &Lab) -> Lab {
    let twin = Lab { dir: tempfile::tempdir_in("/dev/shm").unwrap() };
    std::fs::create_dir(twin.home()).unwrap();
    std::fs::set_permissions(twin.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    write_private(
        &twin.home().join("identity"),
        &std::fs::read(lab.home().join("identity")).unwrap(),
    );
    twin
}

/// Every file below a directory.
fn tree(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut left = vec![dir.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn the_whole_vault_comes_back_to_the_byte() {
    let lab = Lab::in_memory();
    furnish(&lab);
    let file = backup(&lab);
    let back = twin(&lab);
    let ran = restore(&back, &[], &file).ok();
    assert!(ran.stderr.contains("7 secrets"), "{}", ran.stderr);
    assert!(tree(&lab.vault()) == tree(&back.vault()));
    for (name, value) in values().into_iter().filter(|(n, _)| *n != "one") {
        assert!(back.value(name).unwrap() == value, "{name}");
    }
    assert!(back.value("one").unwrap() == b"y" && back.value("one@1").unwrap() == b"x");
    assert_eq!(back.findings(), Vec::<String>::new());
    assert!(
        back.record().contains("\"event\":\"vault.restore\"")
            && back.record().contains("\"previous\":")
    );
    // It goes on living.
    back.set("one", b"z");
    assert!(back.run(&["inbox"]).ok().text().lines().count() == 1);
    assert_eq!(restore(&back, &[], &file).refused(), (73, "exists".into()));
}

#[test]
fn age_and_tar_alone_take_a_backup_apart_and_no_grant_is_in_it() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::in_memory();
    furnish(&lab);
    std::fs::write(lab.dir.path().join("backup.age"), backup(&lab)).unwrap();
    // As the man page says it.
    let script = "age -d -i home/identity backup.age | tar -x -C out && age -d -i \
                  home/identity out/vault/items/all/bytes/1.age";
    std::fs::create_dir(lab.dir.path().join("out")).unwrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).current_dir(lab.dir.path());
    assert!(common::feed(command, b"").ok().stdout == (0..=255).collect::<Vec<u8>>());
    let out = tree(&lab.dir.path().join("out"));
    let vault = tree(&lab.vault());
    assert!(
        out.keys()
            .all(|k| k == "backup.toml" || vault.contains_key(k.strip_prefix("vault/").unwrap()))
    );
    assert_eq!(out.len(), vault.len() + 1);
}

/// No backup of ours has a member twice, wherever the second one stands.
#[test]
fn a_member_that_is_there_twice_is_no_backup() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    let plain = age_file::decrypt(&backup(&lab), lab.identity().keys()).unwrap();
    let plain = plain.expose();
    let mut members = Vec::new();
    let mut at = 0;
    while plain[at] != 0 {
        let size = std::str::from_utf8(&plain[at + 124..at + 135]).unwrap();
        let end = at + 512 + usize::from_str_radix(size, 8).unwrap().next_multiple_of(512);
        members.push(plain[at..end].to_vec());
        at = end;
    }
    assert!(members.len() >= 5);
    for index in 1..members.len() {
        let mut doubled = members.clone();
        doubled.push(members[index].clone());
        doubled.push(vec![0; 1024]);
        let doubled = hasp_core::Secret::copy_of(&doubled.concat()).unwrap();
        let file = age_file::encrypt(&doubled, lab.identity().recipients()).unwrap();
        let back = Lab::empty();
        let identity = lab.home().join("identity");
        let env = [("HASP_IDENTITY", identity.to_str().unwrap())];
        let refused = back.run_with(&["restore"], &file, &env);
        assert_eq!(refused.refused(), (65, "bad-backup".into()), "{index}");
        assert!(!back.vault().exists());
    }
}

/// Every length and every byte, in this process; then some of them with the tool itself.
#[test]
fn a_damaged_backup_changes_nothing() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    let file = backup(&lab);
    let (identity, target) = (lab.identity(), lab.dir.path().join("elsewhere/vault"));
    let refused = |damaged: &[u8], what: String| {
        let error = Staged::unpack(damaged, &identity, &target)
            .err()
            .unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(
            [code::BAD_BACKUP, code::TAMPERED, code::NOT_A_RECIPIENT].contains(&error.code()),
            "{what}: {error}"
        );
        assert_eq!(std::fs::read_dir(target.parent().unwrap()).unwrap().count(), 0, "{what}");
    };
    for index in 0..file.len() {
        let mut flipped = file.clone();
        flipped[index] ^= 1 << (index % 8);
        refused(&flipped, format!("byte {index}"));
        refused(&file[..index], format!("cut at {index}"));
    }
    refused(&[&file[..], b"x"].concat(), "one byte more".into());
    // More than one chunk of age: files are written before the damage is met.
    lab.set("big", &vec![7; 300_000]);
    let file = backup(&lab);
    let back = twin(&lab);
    let before = tree(&back.home());
    for at in [10, 300, file.len() / 2, file.len() - 70_000, file.len() - 20] {
        let mut flipped = file.clone();
        flipped[at] ^= 1;
        for damaged in [&flipped[..], &file[..at]] {
            let ran = restore(&back, &[], damaged);
            assert!(
                ran.status == 65 || ran.refused().1 == "not-a-recipient",
                "{at}: {}",
                ran.stderr
            );
            let mut after = tree(&back.home());
            after.retain(|name, _| !name.starts_with("locks/"));
            assert!(after == before, "{at}");
        }
        assert!([65, 77].contains(&restore(&lab, &["--merge"], &flipped).status), "{at}");
    }
    assert!(lab.value("n").unwrap() == b"the value" && lab.findings().is_empty());
    restore(&back, &[], &file).ok();
}

#[test]
fn a_backup_is_trusted_by_its_key_alone() {
    let (lab, other) = (Lab::in_memory(), Lab::in_memory());
    lab.set("n", b"the value");
    let file = backup(&lab);
    let key = lab.run(&["status", "--json"]).ok().json()["public_key"].as_str().unwrap().to_owned();
    // An identity that pins nothing: somebody has to know the key.
    let back = twin(&lab);
    let text = std::fs::read_to_string(back.home().join("identity")).unwrap();
    let plain: String =
        text.lines().filter(|l| !l.starts_with("# hasp vault")).map(|l| format!("{l}\n")).collect();
    write_private(&back.home().join("identity"), plain.as_bytes());
    let mut command = std::process::Command::new("setsid");
    command.args(["--wait", common::binary(), "restore"]).env_clear().env("HASP_HOME", back.home());
    assert_eq!(common::feed(command, &file).refused(), (69, "no-terminal".into()));
    assert_eq!(restore(&back, &["--key", "other"], &file).refused(), (77, "other-key".into()));
    assert!(!back.vault().exists());
    restore(&back, &["--key", &key], &file).ok();
    assert!(back.value("n").unwrap() == b"the value");
    // Whoever is no recipient, and whoever has another vault.
    let stranger = twin(&other);
    assert_eq!(restore(&stranger, &[], &file).refused(), (77, "not-a-recipient".into()));
    assert_eq!(restore(&other, &["--merge"], &file).refused(), (77, "not-a-recipient".into()));
}

#[test]
fn an_older_backup_than_what_was_seen_needs_a_word() {
    let lab = Lab::in_memory();
    lab.set("n", b"old value");
    lab.set("kept", b"same value");
    let file = backup(&lab);
    lab.set("n", b"new value");
    lab.set("later", b"another value");
    std::fs::remove_dir_all(lab.vault()).unwrap();
    let refused = restore(&lab, &[], &file);
    assert_eq!(refused.refused(), (77, "older-than-seen".into()));
    assert!(refused.stderr.contains("2 newer records") && !lab.vault().exists());
    restore(&lab, &["--older"], &file).ok();
    assert!(lab.value("n").unwrap() == b"old value");
    assert_eq!(lab.findings(), Vec::<String>::new());
    lab.set("n", b"newest value");
    assert!(lab.value("n").unwrap() == b"newest value");
}

#[test]
fn a_merge_adds_what_is_missing_and_never_takes_anything_back() {
    let lab = Lab::in_memory();
    for name in ["missing", "ahead/here", "behind/here", "both", "same", "destroyed"] {
        lab.set(name, b"first value");
    }
    let keep = lab.dir.path().join("keep");
    let copy = |from: &Path, to: &Path| {
        assert!(
            std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success()
        );
    };
    copy(&lab.home(), &keep);
    lab.set("behind/here", b"second value");
    lab.set("both", b"theirs");
    let file = backup(&lab);
    std::fs::remove_dir_all(lab.home()).unwrap();
    copy(&keep, &lab.home());
    lab.set("ahead/here", b"second value");
    lab.set("both", b"ours");
    lab.set("new", b"only here");
    let unlocked = lab.unlock();
    unlocked.destroy(&"destroyed".parse().unwrap(), None, None, Timestamp::now()).unwrap();
    std::fs::remove_dir_all(lab.item("missing")).unwrap();
    let merged = restore(&lab, &["--merge"], &file);
    assert_eq!(merged.status, 1, "{}", merged.stderr);
    assert_eq!(merged.text(), "added     missing\nupdated   behind/here\nconflict  both\n");
    assert!(
        merged.stderr.contains("1 added, 1 updated, 3 kept as they are, 1 in conflict"),
        "{}",
        merged.stderr
    );
    for (name, value) in [
        ("missing", "first value"),
        ("ahead/here", "second value"),
        ("behind/here", "second value"),
        ("both", "ours"),
        ("new", "only here"),
    ] {
        assert!(lab.value(name).unwrap() == value.as_bytes(), "{name}");
    }
    assert!(
        lab.value("behind/here@1").unwrap() == b"first value" && lab.value("destroyed").is_none()
    );
    assert_eq!(lab.findings(), Vec::<String>::new());
    // Once more there is nothing left to add.
    let again = restore(&lab, &["--merge", "--json"], &file);
    let outcome = |what: &str| again.text().matches(&format!("\"outcome\":\"{what}\"")).count();
    assert_eq!(
        (outcome("added"), outcome("updated"), outcome("kept"), outcome("conflict")),
        (0, 0, 5, 1)
    );
}

#[test]
fn a_backup_from_before_a_removal_merges_under_the_new_key() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    lab.set("kept", b"kept value");
    let file = backup(&lab);
    let other = Lab::in_memory().recipients()[0].clone();
    lab.run(&["recipients", "add", &other]).ok();
    // hasp-grant may not be beside the tool here; the removal itself is done all the same.
    let removed = lab.run(&["recipients", "remove", &other, "--yes"]);
    assert!(
        removed.status == 0
            || ["no-sibling", "grants-not-ended"].contains(&removed.refused().1.as_str())
    );
    std::fs::remove_dir_all(lab.item("n")).unwrap();
    let merged = restore(&lab, &["--merge"], &file).ok();
    assert_eq!(merged.text(), "added     n\n");
    assert!(lab.value("n").unwrap() == b"the value" && lab.findings().is_empty());
    // Into an empty place only by a word: who was removed could open that vault.
    std::fs::remove_dir_all(lab.vault()).unwrap();
    let refused = restore(&lab, &[], &file);
    assert_eq!(refused.refused(), (65, "key-changed".into()));
}

#[test]
fn a_damaged_vault_gives_no_backup() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    write_private(&lab.item("n").join("1.age"), b"damaged");
    let refused = lab.run(&["backup"]);
    assert_eq!(refused.refused(), (65, "tampered".into()));
    assert!(refused.stdout.is_empty() && refused.stderr.contains("items/n/1.age"));
    assert!(refused.stderr.contains("hasp-vault fsck"));
}

#[test]
fn a_terminal_is_neither_written_to_nor_read_from() {
    if !has("script") {
        return common::skipped("script");
    }
    let lab = Lab::new();
    for (line, said) in [("$BIN backup", "backup > FILE"), ("$BIN restore", "restore < FILE")] {
        let (shown, status) = Screen::start(&lab, line).end();
        assert!(status == 64 && shown.contains(said) && shown.contains("[terminal]"), "{shown}");
    }
}

/// ENOSPC and EIO at each write, flush and rename of a restore: there is no vault, or all of it.
#[test]
fn a_failing_disk_restores_nothing_or_everything() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    lab.set("db/url", b"another value");
    let file = backup(&lab);
    for (call, fault, step) in [
        ("write", "error=ENOSPC", 2),
        ("fsync", "error=EIO", 1),
        ("syncfs", "error=EIO", 1),
        ("rename", "error=EIO", 1),
        ("mkdir", "error=ENOSPC", 1),
        ("rename", "signal=KILL", 1),
        ("unlink", "signal=KILL", 2),
    ] {
        for when in (1..200).step_by(step) {
            let back = twin(&lab);
            let ran =
                back.injected(&["restore"], &file, &format!("inject={call}:{fault}:when={when}"));
            let what = format!("{call} {fault} {when}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{what}");
            if back.vault().exists()
                && hasp_vault::Vault::open(&Home::at(back.home()), &back.vault()).is_ok()
            {
                assert!(
                    back.value("n").unwrap() == b"the value"
                        && back.value("db/url").unwrap() == b"another value",
                    "{what}"
                );
            } else {
                assert!(ran.status != 0 && !back.vault().exists(), "{what}");
                restore(&back, &[], &file).ok();
            }
            // Killed after the last step it has left its staging directory, which fsck knows.
            if fault.starts_with("signal") {
                assert_eq!(back.run(&["fsck", "--repair"]).status, 0, "{what}");
            }
            assert_eq!(back.findings(), Vec::<String>::new(), "{what}");
            if ran.status == 0 {
                break;
            }
        }
    }
}
