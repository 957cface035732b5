//! Promise: what ends grants and what finds them see the same grants, wherever they lie; what is
//! listed as usable runs; and whoever is refused learns when and why his grant ended and what to
//! type, as it stands.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use hasp_tests::{Outcome, World};

/// `hasp-grant` with the target `test`, kept for an hour for every process of this user.
const KEEP: &str = "hasp-grant -q -t test --for 1h --keep --consumer user";

/// A world whose `./show` prints one word.
fn world() -> World {
    let world = World::with_project();
    world.script("show", "#!/bin/sh\necho ran\n");
    world
}

/// A runtime directory beside that of the world.
fn second(world: &World) -> PathBuf {
    let path = world.runtime().with_file_name("second");
    world.sh(&format!("mkdir -m 700 {}", path.display())).ok();
    path
}

/// The hint lines, without their beginning.
fn hints(outcome: &Outcome) -> Vec<String> {
    let lines = outcome.stderr.lines();
    lines.filter_map(|l| l.split_once(": hint: ")).map(|(_, hint)| hint.to_owned()).collect()
}

/// The command in the hint that begins so.
#[track_caller]
fn offered(outcome: &Outcome, begin: &str) -> String {
    let hints = hints(outcome);
    let found = hints.iter().find_map(|h| h.strip_prefix(begin));
    found.unwrap_or_else(|| panic!("no hint {begin}: {}", outcome.stderr)).to_owned()
}

#[test]
fn a_grant_is_found_listed_and_ended_whatever_names_the_runtime_directory() {
    let world = world();
    let other = second(&world);
    world.sh(&format!("HASP_RUNTIME={} {KEEP}", other.display())).ok();
    assert_eq!(world.sh("hasp-exec -t test").ok(), "ran\n");
    let listed = world.sh("hasp-grant list --json");
    assert_eq!(listed.objects().len(), 1);
    assert_eq!(listed.objects()[0]["runtime"], other.to_str().unwrap());
    assert!(world.sh("hasp-exec --doctor").stdout.contains("1 can be used"));
    assert!(world.sh("hasp-grant revoke --all").stderr.contains("1 grant revoked"));
    let with = format!("HASP_RUNTIME={} ", other.display());
    world.sh(&format!("{with}hasp-exec -t test")).refused_with_hint(125, "no-grant");
}

#[test]
fn a_grant_of_a_session_with_a_runtime_directory_is_found_without_one() {
    let world = world();
    let xdg = world.runtime().with_file_name("xdg");
    let xdg = xdg.display();
    world.sh(&format!("mkdir -m 700 {xdg}; env -u HASP_RUNTIME XDG_RUNTIME_DIR={xdg} {KEEP}")).ok();
    for bare in ["env -u XDG_RUNTIME_DIR", "env -u XDG_RUNTIME_DIR -u HASP_RUNTIME"] {
        assert_eq!(world.sh(&format!("{bare} hasp-exec -t test")).ok(), "ran\n", "{bare}");
        assert!(world.sh(&format!("{bare} hasp-grant list")).ok().contains("target test"));
    }
    world.sh("env -u HASP_RUNTIME hasp-grant revoke --project").ok();
    world.sh("hasp-exec -t test").refused_with_hint(125, "no-grant");
}

#[test]
fn a_directory_that_cannot_be_reached_is_said_with_a_status() {
    let world = world();
    let other = second(&world);
    world.sh(&format!("HASP_RUNTIME={} {KEEP}", other.display())).ok();
    world.sh(&format!("mv {0} {0}.away", other.display())).ok();
    let lines = ["--all", "--project", "--secret api/key", "--consumer user"];
    for line in lines {
        let refused = world.sh(&format!("hasp-grant revoke {line}"));
        refused.refused_with_hint(74, "runtime-unreached");
        assert!(refused.stderr.contains(other.to_str().unwrap()), "{}", refused.stderr);
    }
    world.sh("hasp-vault revoke api/key --reason leaked").refused_with_hint(74, "grants-not-ended");
    world.sh(&format!("mv {0}.away {0}; hasp-grant revoke --all", other.display())).ok();
    let with = format!("HASP_RUNTIME={} ", other.display());
    world.sh(&format!("{with}hasp-exec -t test")).refused_with_hint(125, "no-grant");
}

#[test]
fn a_grant_of_another_home_project_or_target_explains_nothing() {
    let world = world();
    world.sh("hasp-grant -q --for 1h --keep --consumer user -e K=api/key -- /bin/true").ok();
    let refused = world.sh("hasp-exec -t test");
    refused.refused_with_hint(125, "no-grant");
    assert_eq!(offered(&refused, "keep one: "), "hasp-grant -t test --for 8h --keep");
    let unknown = world.sh("hasp-exec -t tset");
    unknown.refused_with_hint(125, "target-unknown");
    assert!(unknown.stderr.contains("did you mean 'test'") && !unknown.stderr.contains("tset"));
    world.sh("HASP_HOME=$HOME/b hasp-vault init --no-passphrase -q").ok();
    let lines =
        [("-t test", 125), ("-- /bin/true", 125), ("-g kept", 125), ("--explain -- /bin/true", 1)];
    for (line, status) in lines {
        let other = world.sh(&format!("HASP_HOME=$HOME/b hasp-exec {line}"));
        other.refused_with_hint(status, "no-grant");
        assert!(!other.stderr.contains("hasp-bind --vault"), "{line}: {}", other.stderr);
    }
    world.sh("mkdir -p ../p2/.git; cd ../p2; hasp-exec -- /bin/true").refused(125, "no-grant");
    world.sh("hasp-exec -- /bin/true").ok();
}

#[test]
fn of_several_kept_grants_the_one_that_came_farthest_is_explained() {
    let world = world();
    world.sh(KEEP).ok();
    world.store("api/key", "another-value-2");
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer exe:/usr/bin/sleep").ok();
    for line in ["hasp-exec -t test", "hasp-exec -g kept"] {
        world.sh(line).refused_with_hint(125, "secret-rotated");
    }
    let explained = world.sh("hasp-exec --explain -t test --json");
    assert!(explained.stdout.contains("\"code\":\"secret-rotated\""), "{}", explained.stdout);
}

#[test]
fn how_a_kept_grant_ended_is_told_with_the_line_that_mints_the_like() {
    let ends = [
        ("hasp-vault revoke api/key --reason 'pasted in a chat'", "all on api/key"),
        ("hasp-grant revoke --all", "was revoked"),
        ("hasp-grant revoke --consumer user", "all of its consumer"),
        ("hasp-grant revoke --project", "all of its project"),
    ];
    for (line, why) in ends {
        let world = world();
        world.sh(KEEP).ok();
        world.sh(line).ok();
        let refused = world.sh("hasp-exec -t test");
        refused.refused_with_hint(125, "no-grant");
        assert!(refused.stderr.contains("the one you had"), "{}", refused.stderr);
        assert!(refused.stderr.contains(why), "{line}: {}", refused.stderr);
        let again = offered(&refused, "keep one again: ");
        assert_eq!(again, "hasp-grant -t test --for 1h --keep --consumer user");
        if line.starts_with("hasp-vault") {
            assert!(refused.stderr.contains("pasted in a chat"), "{}", refused.stderr);
            continue;
        }
        world.sh(&again).ok();
        assert_eq!(world.sh("hasp-exec -t test").ok(), "ran\n");
    }
}

#[test]
fn a_kept_grant_that_is_used_up_or_over_is_remembered_too() {
    let world = world();
    world.sh("hasp-grant -q -t test --uses 2 --keep --consumer user").ok();
    world.sh("hasp-exec -t test; hasp-exec -t test").ok();
    let spent = world.sh("hasp-exec -t test");
    assert!(spent.stderr.contains("the one you had") && spent.stderr.contains("used up"));
    world.sh(&offered(&spent, "keep one again: ")).ok();
    assert_eq!(world.sh("hasp-exec -t test").ok(), "ran\n");
    world.sh("hasp-grant revoke -q --all").ok();
    // Its window has to pass.
    world.sh("hasp-grant -q -t test --for 1s --keep --consumer user; sleep 1.1").ok();
    let over = world.sh("hasp-exec -t test");
    over.refused_with_hint(125, "no-grant");
    assert!(over.stderr.contains("expired"), "{}", over.stderr);
    let ended = world.sh("hasp-grant list --all --json");
    let states: Vec<_> =
        ended.objects().iter().map(|o| format!("{} {}", o["state"], o["target"])).collect();
    assert_eq!(states.iter().filter(|s| *s == "\"revoked\" \"test\"").count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|s| *s == "\"spent\" \"test\"").count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|s| *s == "\"expired\" \"test\"").count(), 1, "{states:?}");
    let text = world.sh("hasp-grant list --all");
    assert!(text.ok().contains("api/key@1") && text.stdout.contains("with all grants"));
}

#[test]
fn the_list_says_what_hasp_exec_would() {
    let states = [
        ("true", "usable"),
        ("printf another-value-2 | hasp-vault set -q api/key", "secret-rotated"),
        ("hasp-bind remove -q api/key", "unbound"),
        ("chmod 644 show", "program-not-executable"),
    ];
    for (line, state) in states {
        let world = world();
        world.sh(KEEP).ok();
        world.sh(line).ok();
        let listed = world.sh("hasp-grant list --json");
        assert_eq!(listed.objects()[0]["state"], state, "{line}: {}", listed.stdout);
        let id = listed.objects()[0]["grant"].as_str().unwrap().to_owned();
        assert_eq!(world.sh(&format!("hasp-grant show --json {id}")).objects()[0]["state"], state);
        let text = world.sh("hasp-grant list");
        for part in [state, "target test", "api/key@1", "user:", world.project().to_str().unwrap()]
        {
            assert!(text.ok().contains(part), "{part}: {}", text.stdout);
        }
        let doctor = world.sh("hasp-exec --doctor");
        let usable = usize::from(state == "usable");
        assert!(doctor.stdout.contains(&format!("{usable} can be used")), "{}", doctor.stdout);
        assert_eq!(world.sh("hasp-exec -t test").status == 0, usable == 1);
    }
}

#[test]
fn times_are_written_as_people_do_and_other_homes_come_last() {
    let world = world();
    world.sh("hasp-grant -q -t test --for 479m --keep --consumer user").ok();
    let text = world.sh("hasp-grant list");
    assert!(text.ok().contains("7h 5"), "{}", text.stdout);
    let other = world.sh(
        "HASP_HOME=$HOME/b hasp-vault init --no-passphrase -q; HASP_HOME=$HOME/b hasp-grant list",
    );
    assert!(other.ok().is_empty() && other.stderr.contains("1 more are of other homes"));
    let all = world.sh("HASP_HOME=$HOME/b hasp-grant list --all-homes --json");
    assert_eq!(all.objects()[0]["state"], "elsewhere");
}

#[test]
fn a_grant_of_a_session_that_is_gone_is_not_usable_and_is_swept_with_its_reason() {
    let world = world();
    world
        .sh("setsid --wait bash -c 'hasp-grant -q -t test --for 1h --keep --consumer session; \
              true'")
        .ok();
    assert_eq!(world.sh("hasp-grant list --json").objects()[0]["state"], "other-session");
    world.sh("hasp-grant sweep").ok();
    let swept = world.events("grant.sweep");
    assert_eq!(swept.last().unwrap()["why"], "consumer gone");
    let refused = world.sh("hasp-exec -t test");
    assert!(refused.stderr.contains("ended with the session"), "{}", refused.stderr);
}

#[test]
fn a_spent_grant_that_is_swept_is_recorded_as_spent() {
    let world = world();
    world.mint("-t test --for 1h --uses 1");
    let id = world.sh("hasp-grant list --json").objects()[0]["grant"].as_str().unwrap().to_owned();
    // As hasp-exec leaves it that dies between the tombstone and the erasing.
    std::fs::write(world.runtime().join("spent").join(format!("{id}.1")), "").unwrap();
    world.sh("hasp-grant sweep").ok();
    assert_eq!(world.events("grant.sweep").last().unwrap()["why"], "spent");
}

#[test]
fn every_refusal_of_a_grant_offers_a_line_that_works() {
    let adhoc = "-e K=api/key -- sh -c 'test -n \"$K\" && echo ran'";
    let rows = [
        (adhoc.to_owned(), "printf another-value-2 | hasp-vault set -q api/key", "secret-rotated"),
        (adhoc.to_owned(), "hasp-exec -g ../t >../o", "spent"),
        (adhoc.to_owned(), "hasp-grant revoke -q --all", "revoked"),
        ("-t test".to_owned(), "hasp-exec -g ../t >../o", "spent"),
        ("-t test --for 1h --uses 1".to_owned(), "hasp-exec -g ../t >../o", "spent"),
    ];
    for (options, end, code) in rows {
        let world = world();
        world.sh(&format!("hasp-grant -q --consumer user -o ../t {options}; {end}")).ok();
        let refused = world.sh("hasp-exec -g ../t");
        refused.refused_with_hint(125, code);
        let line = offered(&refused, "mint the like: ");
        assert!(!line.contains("TARGET") && line.contains("--consumer user"), "{line}");
        assert_eq!(world.sh(&format!("{line} 2>/dev/null")).ok(), "ran\n", "{line}");
    }
}

#[test]
fn words_after_a_target_are_further_words_for_it() {
    let world = World::with_project();
    let fixed =
        "[target.fixed]\nabout = \"x\"\nrun = [\"true\"]\nenv = { API_KEY = \"api/key\" }\n";
    world.bind(&format!("{}\n{fixed}", hasp_tests::MANIFEST));
    world.mint("-t fixed");
    let token =
        world.sh("ls ..").ok().lines().find(|l| l.starts_with("token-")).unwrap().to_owned();
    let refused = world.sh(&format!("hasp-exec -g ../{token} -- true"));
    refused.refused_with_hint(125, "other-command");
    assert!(refused.stderr.contains("names its command; words after -- are further words"));
    assert!(!refused.stderr.contains("exactly: true"), "{}", refused.stderr);
    world.sh(&format!("hasp-exec -g ../{token}")).ok();
}

/// Only what is not there is "none": what cannot be read is named, with what mends it.
#[test]
fn a_kept_grant_that_cannot_be_read_is_not_called_none() {
    let world = world();
    let faults = [
        ("chmod 644 $f", "is open to other users", "chmod 600 $f"),
        ("mv $f ../half; ln -s $PWD/../half $f", "is a symbolic link", "mv ../half $f"),
        ("mv $f ../half; mkdir -m 700 $f", "is not a regular file", "rmdir $f; mv ../half $f"),
    ];
    world.sh(KEEP).ok();
    let half = format!("f=$(ls -d {}/grants/*); ", world.runtime().display());
    for (fault, told, mended) in faults {
        world.sh(&format!("{half}{fault}")).ok();
        let refused = world.sh("hasp-exec -t test");
        assert_eq!(refused.status, 125, "{fault}: {}", refused.stderr);
        assert!(!refused.stderr.contains("[no-grant]"), "{fault}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{fault}: {}", refused.stderr);
        let listed = world.sh("hasp-grant list");
        assert!(!listed.ok().contains("usable") && listed.stdout.contains(told), "{listed:?}");
        assert_eq!(world.sh("hasp-exec --doctor").status, 1, "{fault}");
        world.sh(&format!("{half}{mended}")).ok();
        assert_eq!(world.sh("hasp-exec -t test").ok(), "ran\n", "{fault}");
    }
    // The token of one whose half is whole.
    world.sh(&format!("chmod 644 {}/kept/*", world.runtime().display())).ok();
    world.sh("hasp-exec -t test").refused_with_hint(125, "open-mode");
    assert!(world.sh("hasp-grant list").ok().contains("open-mode"));
}

/// What a change has ended is counted, and nothing is said where there was nothing.
#[test]
fn the_grants_that_a_change_ends_are_counted_where_there_are_any() {
    let world = world();
    let lines = [
        "hasp-vault revoke api/key --reason leaked",
        "hasp-vault rotate api/key --from -",
        "hasp-vault destroy --yes api/key",
    ];
    let run = |line: &str| world.feed(line, "another-value-1234");
    for line in lines {
        let none = run(line);
        none.ok();
        assert!(!none.stderr.contains("ended"), "{line}: {}", none.stderr);
        world.feed("hasp-vault set api/key", "some-value-12345").ok();
        world.sh(&format!("{KEEP} && {KEEP}")).ok();
        let two = run(line);
        two.ok();
        assert!(two.stderr.contains("2 grants have ended"), "{line}: {}", two.stderr);
        world.feed("hasp-vault set api/key", "some-value-54321").ok();
    }
    let other = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    for (verb, told) in [("add", "the one grant that there is"), ("remove --yes", "one grant has")]
    {
        world.sh("hasp-grant revoke --all; hasp-bind --yes").ok();
        world.sh(KEEP).ok();
        let done = world.sh(&format!("hasp-vault recipients {verb} {other}"));
        done.ok();
        assert!(done.stderr.contains(told), "{verb}: {}", done.stderr);
    }
    let alone = world.sh(&format!("hasp-vault recipients add {other}"));
    alone.ok();
    assert!(!alone.stderr.contains("grant"), "{}", alone.stderr);
}
