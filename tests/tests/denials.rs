//! What was refused is on record: denied grants and wrong passphrases, without a passphrase being
//! asked for, and bounded.

#![allow(clippy::unwrap_used)]

use hasp_tests::{MANIFEST, World, peer};

/// The events of denials in the record, each with its code.
fn denials(world: &World) -> Vec<(String, String)> {
    let word = |o: &serde_json::Value, key: &str| o[key].as_str().unwrap_or_default().to_owned();
    let objects = world.sh("hasp-audit --denied --json").objects();
    objects.iter().map(|o| (word(o, "event"), word(o, "code"))).collect()
}

#[test]
fn denied_grants_are_on_record_with_who_asked() {
    let world = World::with_project();
    world.sh("printf v | hasp-vault set far/key --allow elsewhere:deploy -q").ok();
    world.sh("hasp-bind -q add far/key").ok();
    let refused = world.sh("hasp-grant -q --consumer user -e K=far/key -- true >/dev/null");
    assert_eq!(refused.status, 77, "{}", refused.stderr);
    let class = world.sh("hasp-grant -q --consumer user --for 24h -t test >/dev/null");
    assert_eq!(class.status, 77, "{}", class.stderr);
    let told = denials(&world);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|(event, code)| event == "grant.deny" && !code.is_empty()), "{told:?}");
    let objects = world.sh("hasp-audit --denied --json").objects();
    let last = objects.last().unwrap();
    assert_eq!((&last["target"], last["asker"][0]["pid"].is_u64()), (&"test".into(), true));
    assert!(last["project"].as_str().is_some_and(|p| !p.is_empty()), "{last}");
    let shell = last["asker"][1]["exe"].as_str().unwrap();
    let log = world.sh(&format!("hasp-audit --denied --asker exe:{shell}")).ok().to_owned();
    assert_eq!(log.lines().count(), 2, "{log}");
}

#[test]
fn a_flood_of_denials_does_not_fill_the_record_and_is_counted() {
    let world = World::with_project();
    world.sh("for n in $(seq 60); do hasp-grant -q --consumer user --for 24h -t test; done");
    let told = denials(&world);
    assert!((20..=40).contains(&told.len()), "{} records of 60 denials", told.len());
    let counts = world.sh("hasp-audit --denied --json").objects();
    let all: u64 = counts.iter().map(|o| o["count"].as_u64().unwrap_or(1)).sum();
    assert_eq!(all, 60);
    world.sh("hasp-audit verify").ok();
}

/// It is on record before the tool ends; where it cannot be, it is refused all the same.
#[test]
fn a_refused_grant_waits_for_no_record() {
    if !peer("strace") {
        return;
    }
    let world = World::with_project();
    let line = "hasp-grant -q --consumer user --for 24h -t test";
    world.sh(line).refused(77, "over-ceiling");
    assert_eq!(world.events("grant.deny").len(), 1);
    let mut log = world.files(&world.home().join("audit")).into_iter();
    let log = log.find(|p| p.extension().is_some_and(|e| e == "jsonl")).unwrap();
    for (calls, error) in [("openat", "EROFS"), ("pwrite64,write", "ENOSPC"), ("fdatasync", "EIO")]
    {
        let inject = format!(
            "strace -f -qq -o /dev/null -P {} -e trace={calls} \
             -e inject={calls}:error={error} {line}",
            log.display()
        );
        world.sh(&inject).refused(77, "over-ceiling");
    }
    world.sh("mv ../home/audit ../audit").ok();
    world.sh(line).refused(77, "over-ceiling");
    world.sh("mv ../audit ../home/audit").ok();
    world.sh("hasp-audit verify").ok();
}

#[test]
fn consents_deposits_and_backups_that_were_refused_are_on_record() {
    let world = World::with_project();
    let more = "[target.more]\nrun = [\"true\"]\nenv = { K = \"api/key\" }\n";
    world.write("hasp.toml", format!("{MANIFEST}{more}"));
    world.sh("hasp-bind").refused(69, "no-terminal");
    world.feed("hasp-vault deposit db/url", "another-Url-4711").ok();
    let accept = "hasp-vault accept $(ls $HASP_HOME/vault/inbox | cut -c1-8)";
    world.sh(accept).refused(69, "no-terminal");
    world.sh("echo no backup >../backup; hasp-vault restore --merge <../backup");
    let told: Vec<(String, String)> = world
        .record()
        .iter()
        .filter(|r| r["event"].as_str().unwrap().ends_with(".deny"))
        .map(|r| {
            (
                r["event"].as_str().unwrap().to_owned(),
                r["verb"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect();
    let expected = [("bind.deny", ""), ("vault.deny", "accept"), ("vault.deny", "restore")];
    assert_eq!(told, expected.map(|(e, v)| (e.to_owned(), v.to_owned())));
    assert!(world.events("bind.deny")[0]["asker"][0]["pid"].is_u64());
}

#[test]
fn wrong_passphrases_are_on_record() {
    let world = World::locked();
    let set = "printf v | HASP_PASSPHRASE=fd:3 hasp-vault set api/key -q 3<../passphrase";
    world.sh(set).ok();
    for _ in 0..3 {
        let line = "printf wrong | HASP_PASSPHRASE=- hasp-vault reveal --force api/key";
        world.sh(line).refused(77, "wrong-passphrase");
    }
    let told = denials(&world);
    let expected = ("vault.deny".to_owned(), "wrong-passphrase".to_owned());
    assert_eq!(told, vec![expected; 3]);
}
