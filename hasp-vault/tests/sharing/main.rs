//! Recipients: whoever is added opens everything, whoever is removed opens nothing that is written
//! from then on, and a crash or a full disk on the way leaves one of the two states whole.
#![allow(clippy::unwrap_used)]

mod broken_off;

#[path = "../common/mod.rs"]
mod common;

use hasp_vault::code;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use common::{Lab, Ran, has, write_private};
use hasp_core::{Secret, Timestamp};
use hasp_vault::Change;
use hasp_vault::Identity;
use hasp_vault::{SetOptions, Vault};

/// A key pair by ssh-keygen: the private half's path and the public line.
fn ssh_key(lab: &Lab, sort: &[&str], passphrase: &str) -> (PathBuf, String) {
    let path = lab.dir.path().join(format!("id_{}", sort.join("_")));
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-N", passphrase, "-C", "somebody@somewhere", "-f"])
        .arg(&path)
        .arg("-t")
        .args(sort);
    assert!(command.status().unwrap().success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, public.trim().to_owned())
}

/// A fresh age identity beside the home, and its recipient.
fn age_key(lab: &Lab, name: &str) -> (PathBuf, String) {
    let identity = Identity::generate_unpinned(Timestamp::now()).unwrap();
    let path = lab.dir.path().join(name);
    write_private(&path, identity.text().expose());
    (path, identity.recipients()[0].to_string())
}

/// Runs the tool beside a `hasp-grant` that notes its words in `grants`.
fn beside_grant(lab: &Lab, args: &[&str], env: &[(&str, &str)]) -> Ran {
    let bin = lab.dir.path().join("bin");
    if !bin.exists() {
        std::fs::create_dir(&bin).unwrap();
        common::install(common::binary().as_ref(), &bin.join("hasp-vault"));
        let note =
            format!("#!/bin/sh\necho \"$@\" >>{}\n", lab.dir.path().join("grants").display());
        std::fs::write(bin.join("hasp-grant"), note).unwrap();
        std::fs::set_permissions(bin.join("hasp-grant"), PermissionsExt::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(bin.join("hasp-vault"));
    command
        .args(args)
        .env_clear()
        .env("HASP_HOME", lab.home())
        .env("PATH", std::env::var_os("PATH").unwrap());
    command.envs(env.iter().copied()).current_dir(lab.dir.path());
    common::feed(command, b"")
}

fn furnish(lab: &Lab) {
    lab.set("n", b"first value");
    lab.set("n", b"second value");
    lab.set("db/url", b"the value");
    lab.set("gone", b"destroyed value");
    lab.unlock().destroy(&"gone".parse().unwrap(), None, None, Timestamp::now()).unwrap();
}

fn intact(lab: &Lab, what: &str) {
    let (vault, unlocked) = (lab.open().unwrap(), lab.unlock());
    for (name, version, value) in
        [("n", 1, "first value"), ("n", 2, "second value"), ("db/url", 1, "the value")]
    {
        let item = vault.item(&name.parse().unwrap()).unwrap();
        assert!(
            unlocked.value(&item, version).unwrap().expose() == value.as_bytes(),
            "{what}: {name}"
        );
    }
    let findings = lab.findings();
    assert!(findings.is_empty(), "{what}: {findings:?}");
}

#[test]
fn a_real_ssh_key_opens_everything_as_recipient_and_as_identity() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::in_memory();
    furnish(&lab);
    let passphrase = lab.dir.path().join("passphrase");
    std::fs::write(&passphrase, "two words\n").unwrap();
    for (sort, locked) in [(&["ed25519"][..], false), (&["rsa", "-b", "2048"], true)] {
        let (key, public) = ssh_key(&lab, sort, if locked { "two words" } else { "" });
        let added = lab.run(&["recipients", "add", &public]).ok();
        assert!(added.stderr.contains("are encrypted again"), "{}", added.stderr);
        assert_eq!(lab.run(&["recipients", "--json"]).ok().text().matches(sort[0]).count(), 2);
        if !locked {
            let file = lab
                .item("n")
                .join(&lab.open().unwrap().item(&"n".parse().unwrap()).unwrap().versions[0].file);
            let opened =
                common::age(&["-d", "-i", key.to_str().unwrap(), file.to_str().unwrap()], b"").ok();
            assert!(opened.stdout == b"first value");
        }
        let env = [
            ("HASP_IDENTITY", key.to_str().unwrap()),
            ("HASP_PASSPHRASE", passphrase.to_str().unwrap()),
        ];
        assert!(
            lab.run_with(&["reveal", "db/url", "--force"], b"", &env).ok().stdout == b"the value"
        );
        lab.run_with(&["set", "from/ssh"], b"a value", &env).ok();
        assert!(lab.value("from/ssh").unwrap() == b"a value");
    }
    let wrong = [("HASP_IDENTITY", "id_rsa_-b_2048"), ("HASP_PASSPHRASE", "id_ed25519.pub")];
    assert_eq!(
        lab.run_with(&["reveal", "n", "--force"], b"", &wrong).refused(),
        (77, "wrong-passphrase".into())
    );
    let (ecdsa, public) = ssh_key(&lab, &["ecdsa"], "");
    assert_eq!(lab.run(&["recipients", "add", &public]).refused(), (64, "bad-recipient".into()));
    let env = [("HASP_IDENTITY", ecdsa.to_str().unwrap())];
    assert_eq!(
        lab.run_with(&["reveal", "n", "--force"], b"", &env).refused(),
        (65, "bad-identity".into())
    );
}

#[test]
fn an_added_recipient_opens_every_version_and_the_old_files_are_gone() {
    let lab = Lab::in_memory();
    furnish(&lab);
    let (key, public) = age_key(&lab, "theirs");
    let before: Vec<u8> = std::fs::read(lab.item("n").join("1.age")).unwrap();
    lab.run(&["recipients", "add", &public]).ok();
    intact(&lab, "added");
    assert!(!lab.item("n").join("1.age").exists() && !before.is_empty());
    assert_eq!(std::fs::read_dir(lab.item("n")).unwrap().count(), 3);
    let env = [("HASP_IDENTITY", key.to_str().unwrap())];
    for (name, value) in
        [("n@1", &b"first value"[..]), ("n", b"second value"), ("db/url", b"the value")]
    {
        assert!(lab.run_with(&["reveal", name, "--force"], b"", &env).ok().stdout == value);
    }
    assert!(lab.record().contains("\"event\":\"vault.recipient\""));
    assert!(
        !lab.record().matches("\"event\":\"vault.set\"").count() > 4,
        "encrypting again stores nothing new"
    );
    // Once more for whoever missed it, and to a key that is none.
    assert!(lab.run(&["recipients", "add", &public]).ok().stderr.contains("already"));
    assert_eq!(lab.recipients().len(), 2);
    assert_eq!(
        lab.run(&["recipients", "add", "age1nonsense"]).refused(),
        (64, "bad-recipient".into())
    );
}

#[test]
fn a_removed_recipient_opens_nothing_new_and_signs_nothing() {
    let lab = Lab::in_memory();
    furnish(&lab);
    let (key, public) = age_key(&lab, "theirs");
    let own = lab.recipients()[0].clone();
    lab.run(&["recipients", "add", &public]).ok();
    let (old_key, old_log) =
        (*lab.open().unwrap().record_key(), lab.open().unwrap().log_id().to_string());
    let old_meta = std::fs::read(lab.item("n").join("meta.toml")).unwrap();
    assert_eq!(
        beside_grant(&lab, &["recipients", "remove", &own, "--yes"], &[]).refused(),
        (77, "last-own-recipient".into())
    );
    assert_eq!(
        beside_grant(
            &lab,
            &["recipients", "remove", &own, "--yes"],
            &[("HASP_IDENTITY", "theirs")]
        )
        .refused(),
        (64, "foreign-identity".into())
    );
    let stranger = age_key(&lab, "strangers").1;
    assert_eq!(
        beside_grant(&lab, &["recipients", "remove", &stranger, "--yes"], &[]).refused(),
        (66, "recipient-unknown".into())
    );
    assert!(!lab.dir.path().join("grants").exists(), "what is refused ends no grant");
    let removed = beside_grant(&lab, &["recipients", "remove", &public, "--yes"], &[]).ok();
    assert!(
        removed.stderr.contains("keeps what he has read")
            && removed.stderr.contains("hasp-vault join DIR --key ")
    );
    assert_eq!(
        std::fs::read_to_string(lab.dir.path().join("grants")).unwrap(),
        "--json revoke --quiet --all\n"
    );
    intact(&lab, "removed");
    let vault = lab.open().unwrap();
    assert!(*vault.record_key() != old_key && lab.recipients() == [own]);
    let log = std::fs::read_to_string(
        lab.home().join("audit").join(vault.log_id().as_str()).join("00000001.jsonl"),
    )
    .unwrap();
    assert!(
        log.contains(&old_log)
            && log.contains("\"previous\":")
            && vault.log_id().as_str() != old_log
    );
    let env = [("HASP_IDENTITY", key.to_str().unwrap())];
    assert_eq!(
        lab.run_with(&["reveal", "n", "--force"], b"", &env).refused(),
        (77, "not-a-recipient".into())
    );
    // The old key signs nothing any more.
    let new_meta = std::fs::read(lab.item("n").join("meta.toml")).unwrap();
    write_private(&lab.item("n").join("meta.toml"), &old_meta);
    assert_eq!(lab.run(&["get", "n"]).refused(), (65, "tampered".into()));
    write_private(&lab.item("n").join("meta.toml"), &new_meta);
    // Fingerprints are under the new key: what was equal before still shows as equal, and nothing
    // else does.
    let unlocked = lab.unlock();
    let item = vault.item(&"n".parse().unwrap()).unwrap();
    assert_eq!(
        item.versions[1].fp,
        unlocked.fingerprint(&Secret::copy_of(b"second value").unwrap())
    );
}

#[test]
fn the_passphrase_stays_and_the_pin_inside_moves_along() {
    let lab = Lab { dir: tempfile::tempdir_in("/dev/shm").unwrap() };
    let env = [("HASP_PASSPHRASE", "passphrase")];
    std::fs::write(lab.dir.path().join("passphrase"), "six words that nobody else knows\n")
        .unwrap();
    let public = age_key(&lab, "theirs").1;
    lab.run_with(&["init", "--recipient", &public], b"", &env).ok();
    lab.run_with(&["set", "n", "--from", "theirs"], b"", &env).ok();
    beside_grant(&lab, &["recipients", "remove", &public, "--yes"], &env).ok();
    assert!(
        lab.run_with(&["reveal", "n", "--force"], b"", &env).ok().stdout.starts_with(b"# created")
    );
    // The identity still refuses a pin that was changed behind its back.
    let known = lab.home().join("known_vaults");
    let text = std::fs::read_to_string(&known).unwrap();
    assert!(text.contains("how = \"removal\"") && text.contains("[[vault.earlier]]"));
}

#[test]
fn members_join_again_by_the_new_key_also_who_made_the_vault() {
    let (alice, bob) = (Lab::empty(), Lab::empty());
    let own = bob.run(&["identity", "new", "--no-passphrase"]).ok().text().trim().to_owned();
    let carol = age_key(&alice, "carols").1;
    let dir = alice.dir.path().join("repo/vault").to_str().unwrap().to_owned();
    let env = [("HASP_VAULT", dir.as_str())];
    alice
        .run_with(
            &["init", "--no-passphrase", "--recipient", &own, "--recipient", &carol],
            b"",
            &env,
        )
        .ok();
    alice.run_with(&["set", "n"], b"the value", &env).ok();
    let key = |lab: &Lab| {
        lab.run_with(&["status", "--json"], b"", &env).ok().json()["public_key"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    bob.run(&["join", &dir, "--key", &key(&alice)]).ok();
    // Bob removes Carol: Alice's identity pins the old key in a comment of its own.
    beside_grant(&bob, &["recipients", "remove", &carol, "--yes"], &env).ok();
    assert_eq!(
        alice.run_with(&["reveal", "n", "--force"], b"", &env).refused(),
        (65, "key-changed".into())
    );
    alice.run(&["join", &dir, "--key", &key(&bob)]).ok();
    assert!(alice.run_with(&["reveal", "n", "--force"], b"", &env).ok().stdout == b"the value");
    alice.run_with(&["set", "n"], b"another value", &env).ok();
    assert!(bob.run_with(&["reveal", "n", "--force"], b"", &env).ok().stdout == b"another value");
}

#[test]
fn who_opened_the_vault_before_a_change_writes_nothing_after_it() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    let stale = lab.unlock();
    lab.run(&["recipients", "add", &age_key(&lab, "theirs").1]).ok();
    let value = Secret::copy_of(b"for the wrong recipients").unwrap();
    let refused = stale
        .set(&"n".parse().unwrap(), &value, &SetOptions::default(), Timestamp::now())
        .unwrap_err();
    assert_eq!((refused.code(), refused.kind().status()), (code::VAULT_CHANGED, 75));
    assert!(lab.value("n").unwrap() == b"the value");
}
