//! Promise: a secret that is rotated, revoked, destroyed or expired is not delivered any more, its
//! grants end, and whoever is refused learns why and what to do; after an incident one line
//! replaces what was let out.
#![allow(clippy::unwrap_used)]

use hasp_tests::World;

const NEW: &str = "#!/bin/sh\nprintf 'fresh-%s-0123456789' \"$ROTATE_NAME\"\n";

#[test]
fn a_rotation_ends_the_grants_and_the_next_run_gets_the_new_value() {
    let world = World::with_project();
    world.script("new", NEW);
    let token = world.mint("-t test --for 1h");
    let other = world.mint("-e K=api/key --for 1h -- /bin/true");
    world.sh("hasp-vault rotate db/url --run ./new").ok();
    world.sh(&format!("hasp-exec -g {}", token.display())).refused_with_hint(125, "revoked");
    world.sh(&format!("hasp-exec -g {}", other.display())).ok();
    assert_eq!(world.runs(), 0);
    assert!(world.sh("hasp-vault reveal db/url --force").ok() == "fresh-db/url-0123456789");
    world.sh("hasp-grant -x -t test").ok();
    // A value that is staged is nobody's yet.
    world.script("broken", "#!/bin/sh\nexit 1\n");
    world
        .sh("hasp-vault rotate api/key --run ./new --test ./broken")
        .refused_with_hint(74, "test-failed");
    let run = world.sh("hasp-grant -x -e K=api/key -- sh -c 'test ${K#fresh} = $K'");
    run.ok();
    world.sh("hasp-vault rotate api/key --abort").ok();
    world.verify_record();
}

#[test]
fn ending_grants_needs_no_unlock_and_never_asks() {
    let world = World::locked();
    let pass = "HASP_PASSPHRASE=fd:3";
    world.sh(&format!("echo a-value-0123456789 | {pass} hasp-vault set n 3<../passphrase")).ok();
    world.sh(&format!("{pass} hasp-bind add -q n 3<../passphrase")).ok();
    world
        .sh(&format!(
            "{pass} hasp-grant -q --consumer user -o ../t -e K=n -- /bin/true 3<../passphrase"
        ))
        .ok();
    world.sh("hasp-grant revoke --secret n").ok();
    world.sh("hasp-exec -g ../t").refused_with_hint(125, "revoked");
    let line = format!("echo another-value-0123 | {pass} hasp-vault rotate n 3<../passphrase");
    world.sh(&line).ok();
    world.sh("hasp-vault rotate n </dev/null").refused_with_hint(69, "locked");
    // Nothing is due: nothing is asked.
    world.sh("hasp-vault rotate --due && hasp-vault list --due").ok();
}

#[test]
fn after_an_incident_what_was_let_out_is_replaced() {
    let world = World::with_project();
    world.script("new", NEW);
    world.store("unused", "a-value-nobody-saw");
    world.sh("hasp-grant -x -t test").ok();
    world
        .sh("hasp-grant revoke -q --all; hasp-audit exposed --since 24h | hasp-vault rotate - \
              --run ./new")
        .ok();
    for name in ["db/url", "api/key"] {
        assert!(
            world.sh(&format!("hasp-vault reveal {name} --force")).ok()
                == format!("fresh-{name}-0123456789")
        );
    }
    assert!(world.sh("hasp-vault reveal unused --force").ok() == "a-value-nobody-saw");
    // The same list once more: those versions are not current any more.
    world
        .sh("hasp-audit exposed --since 24h | grep -v unused | grep @1 | hasp-vault rotate - \
              --run ./new")
        .ok();
    assert_eq!(world.sh("hasp-vault show db/url --json").objects()[0]["version"], 2);
    assert_eq!(world.events("vault.rotate-promote").len(), 2);
    world.verify_record();
}

#[test]
fn a_run_says_once_what_expires_within_two_weeks() {
    let world = World::with_project();
    let line = |out: &str| out.lines().filter(|l| l.contains(" expires on ")).count();
    world
        .sh("hasp-vault set -q db/url --expires 15d --from env:HOME; hasp-vault set -q api/key \
              --expires 20d --from env:HOME")
        .ok();
    let quiet = world.sh("hasp-grant -x -t test");
    quiet.ok();
    assert_eq!(line(&quiet.stderr), 0, "{}", quiet.stderr);
    world
        .sh("hasp-vault set -q db/url --expires 14d --from env:HOME; hasp-vault set -q api/key \
              --expires 2d --from env:HOME")
        .ok();
    let told = world.sh("hasp-grant -x -t test");
    told.ok();
    assert_eq!(line(&told.stderr), 1, "{}", told.stderr);
    assert!(
        told.stderr.contains("hasp-vault rotate api/key")
            && told.stderr.contains("db/url expires on ")
    );
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    assert_eq!(line(&world.sh("hasp-exec -q -t test").stderr), 1);
    let listed = world.sh("hasp-vault list --expiring 14d");
    assert_eq!((listed.status, listed.stdout.lines().count()), (1, 2));
    assert!(listed.stdout.starts_with("api/key  expires "));
    assert_eq!(world.sh("hasp-vault list --expiring 1h").ok(), "");
}

#[test]
fn a_revoked_secret_says_when_why_and_by_whom_to_whoever_is_refused() {
    let world = World::with_project();
    let token = world.mint("-t test --for 1h");
    // Of another machine's ledger, so that only the vault can tell.
    world
        .sh("cp -a \"$HASP_RUNTIME\" ../kept; USER=alice hasp-vault revoke db/url --reason \
              'leaked in CI'; rm -r \"$HASP_RUNTIME\"; mv ../kept \"$HASP_RUNTIME\"")
        .ok();
    for line in [format!("hasp-exec -g {}", token.display()), "hasp-grant -x -t test".to_owned()] {
        let refused = world.sh(&line);
        refused.refused_with_hint(125, "secret-revoked");
        assert!(
            refused.stderr.contains("leaked in CI (by alice)")
                && refused.stderr.contains(" revoked on 20")
        );
        assert!(refused.stderr.contains("still good at the provider"));
    }
    assert_eq!(world.runs(), 0);
    world.feed("hasp-vault rotate db/url", "the-value-after-it").ok();
    world.sh("hasp-grant -x -t test").ok();
}

#[test]
fn a_destroyed_value_is_nowhere_in_the_home() {
    let world = World::new();
    world.script("new", NEW);
    for (name, line) in [
        ("all", "hasp-vault destroy all --yes"),
        ("one", "hasp-vault set -q one --from env:HOME; hasp-vault destroy one@1 --yes"),
        ("retired", "hasp-vault rotate retired --run ./new --retire /bin/true"),
        (
            "given-up",
            "hasp-vault rotate given-up --run ./new --test /bin/false; hasp-vault rotate given-up \
             --abort",
        ),
        ("forgotten", "hasp-vault destroy forgotten --yes --forget"),
    ] {
        let value = format!("Quartz-{name}-Fjord-0123456789");
        world.store(name, &value);
        let item = world.home().join("vault/items").join(name);
        let before: Vec<Vec<u8>> = vec![std::fs::read(item.join("1.age")).unwrap()];
        world.sh(line).ok();
        let forms = [
            value.clone().into_bytes(),
            data_encoding::BASE64
                .encode(value.as_bytes())
                .trim_end_matches('=')
                .as_bytes()
                .to_vec(),
            data_encoding::HEXLOWER.encode(value.as_bytes()).into_bytes(),
        ];
        // The ciphertext of a version that is still the current one stays.
        let sealed = before
            .iter()
            .filter(|_| name != "given-up")
            .map(|file| file[file.len() - 40..].to_vec());
        let wanted: Vec<Vec<u8>> = forms.into_iter().chain(sealed).collect();
        for file in world.files(&world.home()) {
            let content = std::fs::read(&file).unwrap();
            for form in &wanted {
                assert!(
                    !content.windows(form.len()).any(|w| w == form),
                    "{name}: {}",
                    file.display()
                );
            }
        }
    }
    let given_up = world.home().join("vault/items/given-up");
    assert_eq!(std::fs::read_dir(given_up).unwrap().count(), 2);
    let gone = world.home().join("vault/items/forgotten");
    assert!(!gone.exists());
    let tombstone = world.sh("hasp-vault show all --json").objects();
    assert_eq!(
        (tombstone[0]["state"].as_str(), tombstone[0]["versions"].as_u64()),
        (Some("destroyed"), Some(1))
    );
}
