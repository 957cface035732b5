//! The logs of a vault that had another key before: each is named, verified and asked with what was
//! the vault's then.
#![allow(clippy::unwrap_used)]

use hasp_tests::{DB_URL, World};

/// A change of the vault's key begins a new log: the one before is named where a question is asked,
/// and answers for itself, with the key and the fingerprints of its time.
#[test]
fn what_was_recorded_under_an_earlier_key_is_named_and_answers() {
    let world = World::with_project();
    world.sh("hasp-grant -q -x -t test --consumer user").ok();
    let old = world.sh("hasp-vault status --json").objects()[0]["log"].as_str().unwrap().to_owned();
    for line in ["hasp-audit", "hasp-audit exposed"] {
        assert!(!world.sh(line).stderr.contains("is not looked at"), "{line}");
    }
    let other = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    world
        .sh(&format!(
            "hasp-vault recipients add {other}; hasp-vault recipients remove --yes {other}; \
         hasp-bind --yes"
        ))
        .ok();
    let told = format!("hasp-audit --log {old}");
    for line in ["hasp-audit", "hasp-audit exposed"] {
        let asked = world.sh(line);
        asked.ok();
        assert!(asked.stderr.contains(&told), "{line}: {}", asked.stderr);
        assert!(!asked.stdout.contains("exec.start"), "{line}");
    }
    // As it is told, and with a verb behind it.
    assert!(world.sh(&told).ok().contains("exec.start"));
    assert!(world.sh(&format!("{told} exposed")).ok().contains("db/url@1"));
    let who = world.feed(&format!("{told} who --from -"), DB_URL);
    assert!(who.ok().contains("exec.start"), "{}", who.stderr);
    // Its checkpoint was signed with the key of its time, and that is looked at.
    let verified = world.sh(&format!("{told} verify"));
    assert!(verified.ok().contains("whole"), "{}", verified.stderr);
    assert!(!verified.stderr.contains("signature was not looked at"), "{}", verified.stderr);
    let checkpoint = world.home().join("audit").join(&old).join("checkpoint");
    let now = world.sh("hasp-vault status --json").objects()[0]["log"].as_str().unwrap().to_owned();
    let other = world.home().join("audit").join(now).join("checkpoint");
    std::fs::copy(other, &checkpoint).unwrap();
    assert_eq!(world.sh(&format!("{told} verify")).status, 1);
}
