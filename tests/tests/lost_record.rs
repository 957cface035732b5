//! A record that is lost, whole or in part, is a loss and no dead end: revoking does not wait for
//! it, the hints lead out as they are typed, and no verification calls what follows whole without
//! naming what is missing.
#![allow(clippy::unwrap_used)]

use hasp_tests::{API_KEY, DB_URL, Outcome, World};

/// How a record gets lost, with what refuses to go on without it and what `verify` says once it was
/// mended.
const LOSSES: [(&str, &str, &str); 12] = [
    ("rm -r ../home/audit", "log-missing", "loss-accepted"),
    ("rm -r ../home/audit/*", "log-missing", "loss-accepted"),
    // Something else stands in its place.
    ("rm -r ../home/audit; echo x >../home/audit", "log-missing", "loss-accepted"),
    ("rm -r ../home/audit; ln -s nowhere ../home/audit", "log-missing", "loss-accepted"),
    ("d=$(ls -d ../home/audit/*); rm -r $d; echo x >$d", "log-missing", "loss-accepted"),
    ("rm ../home/audit/*/*", "log-missing", "loss-accepted"),
    // The checkpoint is left.
    ("rm ../home/audit/*/*.jsonl ../home/audit/*/key", "log-missing", "loss-accepted"),
    ("rm ../home/audit/*/*.jsonl", "tail-missing", "loss-accepted"),
    (
        "f=$(ls ../home/audit/*/*.jsonl); head -n -2 $f >../cut; cat ../cut >$f",
        "tail-missing",
        "loss-accepted",
    ),
    (
        "f=$(ls ../home/audit/*/*.jsonl); head -n 1 $f >../cut; cat ../cut >$f; rm \
         ../home/audit/*/key",
        "key-state",
        "loss-accepted",
    ),
    ("rm ../home/audit/*/key", "key-state", ""),
    (": >$(ls ../home/audit/*/key)", "key-state", ""),
];

/// What a hint says to type, from the last one that names a way to go on.
fn way_out(refused: &Outcome) -> String {
    let hints: Vec<&str> = refused.stderr.lines().filter(|l| l.contains("hint: ")).collect();
    let line = hints.iter().rev().find_map(|l| Some(&l[l.find("hasp-audit ")?..]));
    line.unwrap_or_else(|| panic!("no hint to type in: {}", refused.stderr)).to_owned()
}

/// Types the hints until something is stored again.
fn follow(world: &World, case: &str) {
    for _ in 0..3 {
        let set = world.feed("hasp-vault set after/loss", API_KEY);
        if set.status == 0 {
            return;
        }
        let line = way_out(&set).replace("accept-loss", "accept-loss --yes");
        world.sh(&line).civil();
    }
    panic!("{case}: the hints lead nowhere");
}

#[test]
fn every_loss_is_named_and_its_hints_lead_out() {
    let world = World::with_project();
    world.sh("cp -a ../home ../whole").ok();
    for (loss, code, verdict) in LOSSES {
        world.sh(&format!("rm -rf ../home; cp -a ../whole ../home; {loss}")).ok();
        for line in [
            "hasp-vault set x/y",
            "hasp-vault destroy --yes api/key",
            "hasp-vault reveal --force db/url",
        ] {
            let refused = world.feed(line, API_KEY);
            refused.refused_with_hint(65, code);
        }
        world.sh("hasp-grant -q -x -t test --consumer user").refused(125, code);
        follow(&world, loss);
        assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL, "{loss}");
        world.sh("hasp-vault backup >../backup; hasp-vault fsck").ok();
        world.sh("hasp-grant -q -x -t test --consumer user").ok();
        if verdict.is_empty() {
            assert!(world.sh("hasp-audit verify").stderr.contains("rebuilt"), "{loss}");
            continue;
        }
        let verify = world.sh("hasp-audit verify");
        verify.refused_with_hint(1, verdict);
        assert!(
            verify.stderr.contains("lost") && !verify.stdout.contains("whole"),
            "{loss}: {verify:?}"
        );
        let allowed = world.sh("hasp-audit verify --allow-accepted");
        assert!(allowed.ok().contains("whole") && allowed.stderr.contains("lost"), "{loss}");
    }
}

#[test]
fn revoking_waits_for_no_record() {
    for (loss, code, _) in LOSSES.into_iter().chain([(
        "rm ../home/audit/*/key; mkdir ../home/audit/x",
        "key-state",
        "",
    )]) {
        let world = World::with_project();
        let token = world.mint("-t test --for 1h");
        world.sh(loss).ok();
        let revoked = world.sh("USER=alice hasp-vault revoke db/url --reason leaked");
        revoked.refused_with_hint(65, code);
        assert!(
            revoked.stderr.contains("it is done, and not on record"),
            "{loss}: {}",
            revoked.stderr
        );
        assert_eq!(
            world.sh("hasp-vault show db/url --json").objects()[0]["state"],
            "revoked",
            "{loss}"
        );
        assert!(world.sh("hasp-grant list").ok().is_empty(), "{loss}");
        follow(&world, loss);
        world.sh(&format!("hasp-exec -g {}", token.display())).refused(125, "revoked");
        world.sh("hasp-grant -t test -o ../t").refused(77, "secret-revoked");
        assert_eq!(world.runs(), 0);
    }
}

/// What stood in its place is somebody's, and kept.
#[test]
fn a_file_in_the_place_of_the_record_is_set_aside_and_told() {
    let world = World::new();
    for (number, text) in [(1, "one"), (2, "two")] {
        world.sh(&format!("rm -rf ../home/audit; echo {text} >../home/audit")).ok();
        let refused = world.feed("hasp-vault set a", API_KEY);
        refused.refused_with_hint(65, "log-missing");
        assert!(refused.stderr.contains("/audit is no directory"), "{}", refused.stderr);
        let told = world.sh("hasp-audit accept-loss --yes");
        told.ok();
        let kept = world.home().join(format!("audit.no-record-{number}"));
        assert!(told.stderr.contains(kept.to_str().unwrap()), "{}", told.stderr);
        assert_eq!(std::fs::read_to_string(kept).unwrap(), format!("{text}\n"));
        world.feed("hasp-vault set a", API_KEY).ok();
    }
}

#[test]
fn grants_are_ended_without_a_record() {
    let world = World::with_project();
    let token = world.mint("-t test --for 1h");
    world.sh("rm -r ../home/audit").ok();
    world.sh("hasp-grant revoke --all").refused_with_hint(65, "log-missing");
    assert!(world.sh("hasp-grant list").ok().is_empty());
    world.sh("hasp-audit accept-loss --yes").ok();
    world.sh(&format!("hasp-exec -g {}", token.display())).refused(125, "revoked");
}

#[test]
fn a_missing_checkpoint_stops_nothing() {
    let world = World::with_project();
    world.sh("rm ../home/audit/*/checkpoint; hasp-audit append <<<'{\"event\":\"test.x\"}'").ok();
    assert!(world.sh("hasp-audit verify").stderr.contains("no checkpoint"));
    world.store("n", API_KEY);
    world.sh("ls ../home/audit/*/checkpoint; hasp-audit verify").ok();
}

/// A log is one of a vault: the loss of one is none of another's, and an accepted loss can follow
/// another.
#[test]
fn the_logs_of_other_vaults_go_on() {
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("HASP_VAULT=$PWD/../team hasp-vault init -q").ok();
    for _ in 0..2 {
        let log = world.sh("HASP_VAULT=$PWD/../team hasp-vault status --json").objects()[0]["log"]
            .clone();
        world.sh(&format!("rm -r ../home/audit/{}", log.as_str().unwrap())).ok();
        world
            .feed("HASP_VAULT=$PWD/../team hasp-vault set a", API_KEY)
            .refused_with_hint(65, "log-missing");
        world.store("b", API_KEY);
        world.sh("hasp-audit verify").ok();
        world.sh("hasp-audit accept-loss --yes").refused(64, "nothing-lost");
        world.sh("HASP_VAULT=$PWD/../team hasp-audit accept-loss --yes").ok();
        world.feed("HASP_VAULT=$PWD/../team hasp-vault set a", API_KEY).ok();
        let verify = world.sh("HASP_VAULT=$PWD/../team hasp-audit verify");
        verify.refused(1, "loss-accepted");
        assert!(verify.stderr.contains(log.as_str().unwrap()), "{}", verify.stderr);
        // What is gone stays gone under its own name, and nothing is begun for it.
        let old = format!("HASP_VAULT=$PWD/../team hasp-audit --log {}", log.as_str().unwrap());
        world.sh(&format!("{old} verify")).refused(1, "log-missing");
        world.sh(&format!("{old} accept-loss --yes")).refused(64, "log-not-current");
    }
}

/// An older copy of the record under a newer vault, which has a log that the copy does not know.
#[test]
fn a_home_put_together_from_two_times_goes_on() {
    let world = World::new();
    world.store("db/url", DB_URL);
    let old = world.sh("hasp-vault status --json").objects()[0]["log"].as_str().unwrap().to_owned();
    world.sh("cp -a ../home/audit ../early").ok();
    let other = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    world
        .sh(&format!(
            "hasp-vault recipients add {other}; hasp-vault recipients remove --yes {other}"
        ))
        .ok();
    world.sh("rm -r ../home/audit; cp -a ../early ../home/audit").ok();
    world.feed("hasp-vault set a", API_KEY).refused_with_hint(65, "log-missing");
    follow(&world, "older audit");
    world.sh("hasp-audit verify").refused(1, "loss-accepted");
    assert!(world.sh(&format!("hasp-audit --log {old} log")).ok().contains("vault.init"));
}

#[test]
fn a_new_record_needs_the_vault_and_a_word() {
    let world = World::locked();
    world.sh("rm -r ../home/audit").ok();
    world.sh("hasp-audit accept-loss").refused_with_hint(69, "no-terminal");
    world.sh("hasp-audit accept-loss --yes").refused_with_hint(69, "locked");
    assert!(!world.home().join("audit").exists());
    world.sh("HASP_PASSPHRASE=fd:3 hasp-audit accept-loss --yes 3<../passphrase").ok();
    let first = &world.record()[..2];
    assert_eq!(
        (first[0]["event"].as_str(), first[1]["event"].as_str()),
        (Some("audit.open"), Some("audit.loss"))
    );
}
