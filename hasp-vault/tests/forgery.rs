//! age proves no origin: with the public recipient alone, or with old and foreign files, nobody can
//! make the vault give another value.
#![allow(clippy::unwrap_used)]

mod common;

use hasp_vault::code;
use std::path::Path;

use common::{Lab, age, has, write_private};
use hasp_core::Secret;
use hasp_vault::Keys;
use hasp_vault::Label;
use hasp_vault::Settings;
use hasp_vault::age_file;
use hasp_vault::public_key;

/// The vault's recipient, which is no secret.
fn recipient(lab: &Lab) -> String {
    lab.run(&["status", "--json"]).ok().json()["recipients"][0].as_str().unwrap().to_owned()
}

fn copy_dir(from: &Path, to: &Path) {
    let status = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(status.success());
}

#[test]
fn a_value_file_made_for_the_public_recipient_is_refused() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::new();
    lab.set("n", b"the value");
    lab.set("other", b"another value");
    let forged = age(&["-r", &recipient(&lab)], b"attacker's text").ok().stdout;
    write_private(&lab.item("n").join("1.age"), &forged);
    for args in [&["get", "n"][..], &["reveal", "n", "--force"]] {
        let refused = lab.run(args);
        assert_eq!(refused.refused(), (65, "tampered".into()));
        assert!(refused.stderr.contains("items/n/1.age") && refused.stdout.is_empty());
    }
    assert!(lab.value("other").unwrap() == b"another value");
}

#[test]
fn foreign_vault_keys_are_refused() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::new();
    lab.set("n", b"the value");
    write_private(
        &lab.vault().join("keys.age"),
        &age(&["-r", &recipient(&lab)], &[7; 32]).ok().stdout,
    );
    let refused = lab.run(&["reveal", "n", "--force"]);
    assert_eq!(refused.refused(), (65, "tampered".into()));
    assert!(refused.stderr.contains("keys.age"));
    assert_eq!(lab.run_with(&["set", "n"], b"new value", &[]).refused().1, "tampered");
}

#[test]
fn an_added_recipient_is_refused_before_anything_is_encrypted_to_it() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    let path = lab.vault().join("vault.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let stranger = recipient(&Lab::new());
    write_private(
        &path,
        text.replace("recipients = [", &format!("recipients = [\"{stranger}\", ")).as_bytes(),
    );
    for args in [&["set", "n"][..], &["reveal", "n", "--force"], &["status"], &["list"]] {
        let refused = lab.run_with(args, b"new value", &[]);
        assert_eq!(refused.refused(), (65, "tampered".into()), "{args:?}");
        assert!(refused.stderr.contains("vault.toml"));
    }
    assert_eq!(std::fs::read_dir(lab.item("n")).unwrap().count(), 2);
}

#[test]
fn another_vault_in_its_place_is_refused() {
    let (lab, other) = (Lab::new(), Lab::new());
    lab.set("n", b"the value");
    other.set("n", b"another value");
    std::fs::rename(lab.vault(), lab.home().join("away")).unwrap();
    copy_dir(&other.vault(), &lab.vault());
    assert_eq!(lab.run(&["get", "n"]).refused(), (77, "unknown-vault".into()));
    // With the id of the known vault in it, the key still is another one.
    let id = |lab: &Lab| lab.home().join("known_vaults");
    let known = std::fs::read_to_string(id(&lab)).unwrap();
    let vault_id =
        known.lines().find_map(|l| l.strip_prefix("id = ")).unwrap().trim_matches('"').to_owned();
    let text = std::fs::read_to_string(lab.vault().join("vault.toml")).unwrap();
    let theirs =
        text.lines().find_map(|l| l.strip_prefix("id = ")).unwrap().trim_matches('"').to_owned();
    write_private(&lab.vault().join("vault.toml"), text.replace(&theirs, &vault_id).as_bytes());
    assert_eq!(lab.run(&["get", "n"]).refused(), (65, "key-changed".into()));
}

/// A whole vault under the attacker's root, with our id and for our recipient, and `known_vaults`
/// changed to match: only the comment in the identity still knows the key.
#[test]
fn a_changed_pin_is_found_by_the_identity() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    let vault = lab.open().unwrap();
    let theirs = Keys::derive(&[7; 32]);
    let settings = Settings {
        record_key: theirs.record_key(),
        token_key: theirs.token_key(),
        serial: 9,
        ..vault.settings().clone()
    };
    let label = Label { vault: *vault.id(), kind: "vault", name: "" };
    let text = label.sign(9, &settings.render().unwrap(), |m| theirs.sign_record(m));
    write_private(&lab.vault().join("vault.toml"), text.as_bytes());
    let keys =
        age_file::encrypt(&Secret::copy_of(&[7; 32]).unwrap(), &settings.recipients).unwrap();
    write_private(&lab.vault().join("keys.age"), &keys);
    assert_eq!(lab.run(&["list"]).refused(), (65, "key-changed".into()));
    let known = lab.home().join("known_vaults");
    let (ours, forged) =
        (public_key::encode(vault.record_key()), public_key::encode(&theirs.record_key()));
    let changed = std::fs::read_to_string(&known).unwrap().replace(&ours, &forged);
    write_private(&known, changed.as_bytes());
    assert_eq!(lab.run(&["list"]).status, 0, "all of it verifies with the forged pin");
    let refused = lab.run_with(&["set", "n"], b"new value", &[]);
    assert_eq!(refused.refused(), (65, "key-changed".into()));
    assert!(refused.stderr.contains("known_vaults"));
}

#[test]
fn swapped_secrets_are_refused() {
    let lab = Lab::new();
    lab.set("one", b"value one");
    lab.set("two", b"value two");
    let (one, two, away) = (lab.item("one"), lab.item("two"), lab.dir.path().join("away"));
    std::fs::rename(&one, &away).unwrap();
    std::fs::rename(&two, &one).unwrap();
    std::fs::rename(&away, &two).unwrap();
    for name in ["one", "two"] {
        assert_eq!(lab.run(&["reveal", name, "--force"]).refused(), (65, "tampered".into()));
    }
    // Value files alone: the signed hash is another one.
    std::fs::rename(&one, &away).unwrap();
    std::fs::rename(&two, &one).unwrap();
    std::fs::rename(&away, &two).unwrap();
    std::fs::copy(two.join("1.age"), one.join("1.age")).unwrap();
    assert_eq!(lab.run(&["get", "one"]).refused(), (65, "tampered".into()));
    assert!(lab.value("two").unwrap() == b"value two");
}

#[test]
fn an_old_record_put_back_is_refused() {
    let lab = Lab::new();
    lab.set("n", b"old value");
    let old = lab.dir.path().join("old");
    copy_dir(&lab.item("n"), &old);
    lab.set("n", b"new value");
    std::fs::copy(old.join("meta.toml"), lab.item("n").join("meta.toml")).unwrap();
    let refused = lab.run(&["reveal", "n", "--force"]);
    assert_eq!(refused.refused(), (65, "rolled-back".into()));
    assert!(refused.stderr.contains("items/n/meta.toml"));
    assert_eq!(lab.run_with(&["set", "n"], b"newer value", &[]).refused().1, "rolled-back");
    assert_eq!(lab.run(&["show", "n", "--verify"]).refused().1, "rolled-back");
    assert!(lab.run(&["show", "n"]).status == 0, "reading without verifying authorises nothing");
}

#[test]
fn a_removed_secret_starts_above_what_was_seen() {
    let lab = Lab::new();
    lab.set("n", b"old value");
    let old = lab.dir.path().join("old");
    copy_dir(&lab.item("n"), &old);
    lab.set("n", b"second value");
    std::fs::remove_dir_all(lab.item("n")).unwrap();
    lab.set("n", b"third value");
    std::fs::copy(old.join("meta.toml"), lab.item("n").join("meta.toml")).unwrap();
    assert_eq!(lab.run(&["get", "n"]).refused(), (65, "rolled-back".into()));
}

#[test]
fn a_file_key_opens_its_version_and_nothing_else() {
    let lab = Lab::new();
    lab.set("one", b"value one");
    lab.set("two", b"value two");
    let unlocked = lab.unlock();
    let vault = lab.open().unwrap();
    let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
    let item = vault.item(&one).unwrap();
    let key = unlocked.file_key(&item, 1).unwrap();
    let version = item.current_version().unwrap();
    let opened = vault.open_value(&one, &version.file, &version.sha256, &key).unwrap();
    assert!(opened.expose() == b"value one");
    let other = vault.item(&two).unwrap();
    let version = other.current_version().unwrap();
    let refused = vault.open_value(&two, &version.file, &version.sha256, &key).unwrap_err();
    assert_eq!(refused.code(), code::TAMPERED);
    let wrong = vault.open_value(&one, "1.age", &"0".repeat(64), &key).unwrap_err();
    assert_eq!(wrong.code(), code::TAMPERED);
    let outside = vault.open_value(&one, "../two/1.age", &version.sha256, &key).unwrap_err();
    assert_eq!(outside.code(), code::TAMPERED);
}
