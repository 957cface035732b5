//! Every byte of a small vault flipped and every file cut: refused with the file named, never
//! another value, never a panic, and never more than the secret that was hit.
#![allow(clippy::unwrap_used)]

mod common;

use hasp_vault::code;
use std::path::Path;

use common::{Lab, write_private};
use hasp_core::{Error, Result, Secret};
use hasp_vault::Identity;

/// Opens everything that the verbs do on the way to a value.
fn read(lab: &Lab, name: &str) -> Result<Secret> {
    let vault = lab.open()?;
    let item = vault.item(&name.parse()?)?;
    let text = std::fs::read(lab.home().join("identity")).map_err(|e| Error::system("read", e))?;
    let unlocked = vault.unlock_with(Identity::parse(Secret::copy_of(&text)?)?)?;
    unlocked.value(&item, item.current)
}

fn each_damage(whole: &[u8], mut check: impl FnMut(&[u8], String)) {
    for index in 0..whole.len() {
        for bit in [0, 5, 7] {
            let mut flipped = whole.to_vec();
            flipped[index] ^= 1 << bit;
            check(&flipped, format!("byte {index} bit {bit}"));
        }
        check(&whole[..index], format!("cut at {index}"));
    }
    check(&[whole, b"x"].concat(), "one byte more".into());
}

fn damage_is_refused(lab: &Lab, path: &Path, named: &str) {
    let whole = std::fs::read(path).unwrap();
    each_damage(&whole, |damaged, what| {
        write_private(path, damaged);
        let refused =
            read(lab, "n").err().unwrap_or_else(|| panic!("{named}: {what} was accepted"));
        assert!(refused.message().contains(named), "{named}: {what}: {refused}");
        // A changed stanza of keys.age looks like one for somebody else.
        assert!(
            [code::TAMPERED, code::NOT_A_RECIPIENT].contains(&refused.code()),
            "{what}: {refused}"
        );
    });
    write_private(path, &whole);
    assert!(read(lab, "n").unwrap().expose() == b"the value");
}

#[test]
fn any_damage_to_a_record_is_found() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    damage_is_refused(&lab, &lab.item("n").join("meta.toml"), "meta.toml");
}

#[test]
fn any_damage_to_a_value_file_is_found_and_stays_there() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    lab.set("other", b"another value");
    damage_is_refused(&lab, &lab.item("n").join("1.age"), "1.age");
    write_private(&lab.item("n").join("1.age"), b"");
    assert!(read(&lab, "other").unwrap().expose() == b"another value");
}

#[test]
fn any_damage_to_the_vaults_keys_is_found() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    damage_is_refused(&lab, &lab.vault().join("keys.age"), "keys.age");
}

#[test]
fn any_damage_to_the_settings_is_found() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    // The first lines name the vault: a flipped id is an unknown vault, in the directory that is
    // named.
    let path = lab.vault().join("vault.toml");
    let whole = std::fs::read(&path).unwrap();
    each_damage(&whole, |damaged, what| {
        write_private(&path, damaged);
        let refused = read(&lab, "n").err().unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(
            [code::TAMPERED, code::UNKNOWN_VAULT, code::KEY_CHANGED, code::NEWER_FORMAT]
                .contains(&refused.code()),
            "{what}: {refused}"
        );
        assert!(refused.message().contains("/vault"), "{what}: {refused}");
    });
}

#[test]
fn damage_to_the_home_never_gives_another_value() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    for name in ["identity", "known_vaults"] {
        let path = lab.home().join(name);
        let whole = std::fs::read(&path).unwrap();
        each_damage(&whole, |damaged, what| {
            write_private(&path, damaged);
            // A comment or a time may change without harm; what opens is the value.
            if let Ok(value) = read(&lab, "n") {
                assert!(value.expose() == b"the value", "{name}: {what}");
            }
        });
        write_private(&path, &whole);
    }
}

#[test]
fn lists_survive_a_damaged_record() {
    let lab = Lab::new();
    lab.set("bad", b"the value");
    lab.set("good", b"the value");
    write_private(&lab.item("bad").join("meta.toml"), b"\x1b[2Jnonsense");
    let listed = lab.run(&["list"]);
    assert_eq!(listed.refused(), (65, "tampered".into()));
    assert!(listed.text().contains("good") && listed.stderr.contains("items/bad/meta.toml"));
    assert!(!listed.stderr.contains('\x1b'));
    assert_eq!(lab.run(&["list", "good", "--verify"]).status, 0);
}

#[test]
fn a_missing_value_file_is_named() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    std::fs::remove_file(lab.item("n").join("1.age")).unwrap();
    let refused = lab.run(&["get", "n"]);
    assert_eq!(refused.refused(), (65, "tampered".into()));
    assert!(refused.stderr.contains("items/n/1.age is missing"));
}

#[test]
fn any_damage_to_a_deposit_is_found() {
    let lab = Lab::in_memory();
    lab.run_with(&["deposit", "n"], b"the value", &[]).ok();
    let (vault, unlocked) = (lab.open().unwrap(), lab.unlock());
    let waiting = vault.waiting().unwrap().remove(0);
    let path = lab.vault().join("inbox").join(format!("{}.age", waiting.id));
    let whole = std::fs::read(&path).unwrap();
    each_damage(&whole, |damaged, what| {
        write_private(&path, damaged);
        let refused =
            unlocked.open_deposit(&waiting).err().unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(
            refused.code() == code::TAMPERED && refused.message().contains("/inbox/"),
            "{what}: {refused}"
        );
    });
}

/// Samples of what is tried above on every byte, through the tool: the file is named, nothing comes
/// out, and fsck finds it too.
#[test]
fn the_tool_names_what_is_damaged() {
    let lab = Lab::in_memory();
    lab.set("n", b"the value");
    for file in ["vault.toml", "keys.age", "items/n/meta.toml", "items/n/1.age"] {
        let path = lab.vault().join(file);
        let whole = std::fs::read(&path).unwrap();
        for at in [0, 30, whole.len() / 2, whole.len() - 1] {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x20;
            for damaged in [&flipped[..], &whole[..at]] {
                write_private(&path, damaged);
                let refused = lab.run(&["reveal", "n", "--force"]);
                let (status, code) = refused.refused();
                assert!(
                    [65, 77].contains(&status) && refused.stdout.is_empty(),
                    "{file} {at}: {code}"
                );
                let named = refused.stderr.contains(file)
                    || code == "unknown-vault"
                    || code == "key-changed";
                assert!(
                    named && !refused.stderr.contains("panicked"),
                    "{file} {at}: {}",
                    refused.stderr
                );
                // Only opening it tells whether keys.age is whole.
                assert!(file == "keys.age" || lab.run(&["fsck"]).status != 0, "{file} {at}");
            }
        }
        write_private(&path, &whole);
    }
    assert!(lab.value("n").unwrap() == b"the value");
}
