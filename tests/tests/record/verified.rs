//! What verification finds, and when there is no verdict.

use super::*;

#[test]
fn verification_on_a_terminal_shows_how_far_it_is() {
    if !peer("script") {
        return;
    }
    let world = World::new();
    world.sh("for i in 1 2 3; do echo '{\"event\":\"test.x\"}' | hasp-audit append; done").ok();
    let shown =
        world.sh("TERM=xterm COLUMNS=100 script -qec 'hasp-audit verify' /dev/null </dev/null");
    assert!(
        shown.ok().contains("records ") && shown.stdout.contains(['\u{2588}', '\u{2591}']),
        "{:?}",
        shown.stdout
    );
    let piped = world.sh("hasp-audit verify 2>&1");
    assert!(
        piped.ok().starts_with("whole: ") && !piped.stdout.contains(['\u{2588}', '\x1b', '\r']),
        "{:?}",
        piped.stdout
    );
}

/// A log that is cut back, deleted, or rolled back with its key state is found by the checkpoint of
/// the last unlock; a rollback of the whole home only by a head that was kept elsewhere.
#[test]
fn what_is_rolled_back_is_found() {
    let world = World::with_project();
    world.sh("cp -a ../home ../early").ok();
    world
        .sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-exec -t test; \
              hasp-audit head >../head")
        .ok();
    world
        .sh("hasp-vault generate later --kind hex >/dev/null; hasp-audit verify --expect ../head")
        .ok();
    world.sh("cp -a ../home ../late").ok();
    let back = "rm -rf ../home; cp -a ../late ../home;";
    for (change, status, code) in [
        (
            "f=$(ls ../home/audit/*/*.jsonl); head -n -1 $f >../cut; cat ../cut >$f",
            1,
            "tail-missing",
        ),
        ("rm ../home/audit/*/*.jsonl", 1, "tail-missing"),
        ("rm -r ../home/audit/*", 1, "log-missing"),
        (
            "for f in key 00000001.jsonl; do cat ../early/audit/*/$f >$(ls ../home/audit/*/$f); \
             done",
            1,
            "tail-missing",
        ),
        ("sed -i '3d' ../home/audit/*/*.jsonl", 1, "tampered"),
        ("rm ../home/audit/*/key", 1, "key-state"),
    ] {
        world.sh(&format!("{back} {change}")).ok();
        world.sh("hasp-audit verify").refused_with_hint(status, code);
    }
    world.sh("rm -rf ../home; cp -a ../early ../home; hasp-audit verify").ok();
    world.sh("hasp-audit verify --expect ../head").refused_with_hint(1, "tail-missing");
    // Gone on from there, so that it is as long as it was.
    world
        .sh("for i in 1 2 3 4 5 6 7 8; do echo '{\"event\":\"test.x\"}' | hasp-audit append; \
             done; hasp-audit verify")
        .ok();
    world.sh("hasp-audit verify --expect ../head").refused_with_hint(1, "head-mismatch");
    world.sh(back).ok();
    world.sh("hasp-audit verify --expect ../head").ok();
}

#[test]
fn without_the_key_there_is_no_verdict() {
    let world = World::locked();
    let verify = "hasp-audit verify --json";
    world.sh(&format!("HASP_PASSPHRASE=fd:3 {verify} 3<../passphrase")).ok();
    for line in [verify, "hasp-audit log --verify", "hasp-audit head", "hasp-audit export"] {
        let outcome = world.sh(line);
        assert!(
            outcome.status == 69 && !outcome.stdout.contains("whole"),
            "{line}: {} {}",
            outcome.status,
            outcome.stdout
        );
    }
}

/// After an incident: what was let out to whom, and none of it can be delivered again.
#[test]
fn the_incident_loop_of_the_man_page() {
    let world = kept_world();
    world.store("never/out", "stays-in-the-vault-0123");
    world.sh("hasp-exec -t test; hasp-vault reveal --force db/url >/dev/null").ok();
    world.sh("hasp-grant revoke --all").ok();
    assert_eq!(world.sh("hasp-audit exposed --since 24h").ok(), "api/key@1\ndb/url@1\n");
    assert_eq!(
        world.sh("hasp-audit exposed --since 24h --consumer user").ok(),
        "api/key@1\ndb/url@1\n"
    );
    assert_eq!(world.sh("hasp-audit exposed --since 24h --consumer session").ok(), "");
    world
        .sh("hasp-audit exposed --since 24h --consumer user | sed 's/@.*//' | sort -u | xargs \
              hasp-vault revoke")
        .ok();
    let revoked = world.sh("hasp-audit --event vault.revoke --since 1h --json").objects();
    assert_eq!(
        revoked.iter().map(|r| text(r, "secret")).collect::<Vec<_>>(),
        ["api/key", "db/url"]
    );
    assert_eq!(world.sh("hasp-grant -q -t test --consumer user").status, 77);
    world
        .sh("hasp-bind -q add never/out && hasp-grant -q -x --consumer user -e N=never/out -- true")
        .ok();
    world.verify_record();
}
