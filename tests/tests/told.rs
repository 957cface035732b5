//! Promise: who asks why, what is left, what was granted and what would have been enough is told
//! what hasp-exec does, of the grant that is meant and of no other.
#![allow(clippy::unwrap_used)]

use hasp_core::Timestamp;
use hasp_tests::{DB_URL, World};

const KEEP: &str = "hasp-grant -q -t test --for 1h --keep --consumer user";

/// A world with a second target and a command of its own.
fn world() -> World {
    let world = World::with_project();
    let other = "[target.other]\nrun = [\"./show\"]\nenv = { API_KEY = \"api/key\" }\n";
    world.bind(&format!("{}\n{other}", hasp_tests::MANIFEST));
    world
}

/// The checks that `why` prints: label and result.
fn checks(world: &World, options: &str) -> Vec<(String, String)> {
    let said = world.sh(&format!("hasp-grant why --json {options}")).objects();
    let text = |o: &serde_json::Value, field: &str| o[field].as_str().unwrap().to_owned();
    said.iter().map(|o| (text(o, "check"), text(o, "result"))).collect()
}

#[test]
fn why_says_what_hasp_exec_does_check_by_check() {
    let world = world();
    world.sh(KEEP).ok();
    let all = checks(&world, "-t test");
    assert_eq!(all.len(), 14);
    assert!(all.iter().all(|(_, result)| result == "ok"), "{all:?}");
    assert_eq!(world.sh("hasp-grant why -t test").status, 0);
    world.store("api/key", "another-value-2");
    let refused = world.sh("hasp-grant why -t test");
    assert_eq!(refused.status, 1);
    assert!(refused.stdout.contains("no  the granted versions are current"), "{}", refused.stdout);
    assert!(refused.stdout.contains("-   the program can be run"), "{}", refused.stdout);
    assert!(refused.stderr.contains("hint: "), "{}", refused.stderr);
    world.sh("hasp-exec -t test").refused_with_hint(125, "secret-rotated");
    // Nothing was spent, and nothing is on record but the refusal of hasp-exec.
    assert_eq!(world.events("exec.deny").len(), 1);
    assert_eq!(world.events("exec.start").len(), 0);
}

#[test]
fn why_reads_a_token_in_hand_and_a_kept_one_by_its_id() {
    let world = world();
    let token = world.mint("-t test");
    let shown = token.display();
    assert_eq!(world.sh(&format!("hasp-grant why -g {shown}")).status, 0);
    assert_eq!(world.sh(&format!("HASP_GRANT={shown} hasp-grant why")).status, 0);
    assert_eq!(world.sh(&format!("hasp-grant why -g - <{shown}")).status, 0);
    let other = world.sh(&format!("hasp-grant why -g {shown} -t other"));
    assert_eq!(other.status, 1);
    assert!(other.stdout.contains("no  this is the approved action"), "{}", other.stdout);
    world.sh(KEEP).ok();
    let id = world.sh("hasp-grant list --json").objects();
    let id = id.iter().find(|o| o["kept"] == true).unwrap()["grant"].as_str().unwrap().to_owned();
    assert_eq!(world.sh(&format!("hasp-grant why -g {}", &id[..8])).status, 0);
}

#[test]
fn the_reason_is_that_of_the_grant_that_is_meant() {
    let world = world();
    // One of another target that fails earlier or later explains nothing.
    world.sh("hasp-grant -q -t other --for 1h --keep --consumer exe:/usr/bin/sleep").ok();
    for line in ["hasp-exec -t test", "hasp-exec --explain -t test"] {
        let refused = world.sh(line);
        assert!(refused.stderr.contains("no kept grant"), "{line}: {}", refused.stderr);
        assert!(!refused.stderr.contains("sleep"), "{line}: {}", refused.stderr);
    }
    let why = world.sh("hasp-grant why -t test");
    assert_eq!(why.status, 1);
    assert!(why.stdout.contains("no  a grant is kept for this"), "{}", why.stdout);
    world.sh("hasp-exec -t other").refused_with_hint(125, "other-program");
    // Nor does one of another command.
    world.sh("hasp-grant -q -e K=api/key --for 1h --keep --consumer user -- ./show one").ok();
    world.sh("hasp-exec -- ./other").refused_with_hint(125, "no-grant");
    world.sh("hasp-exec -- ./show two").refused_with_hint(125, "other-command");
    world.sh("hasp-exec -- ./show one").ok();
}

#[test]
fn how_the_last_one_ended_is_told_with_when_why_and_by_what() {
    let world = world();
    world.sh(KEEP).ok();
    world.sh("hasp-grant -q -t other --uses 1 --keep --consumer user").ok();
    world.sh("hasp-exec -t other").ok();
    world.sh("hasp-grant revoke -q --secret db/url").ok();
    let test = world.sh("hasp-grant why -t test");
    assert_eq!(test.status, 1);
    assert!(test.stdout.contains("was revoked at ") && test.stdout.contains("bash, pid"));
    assert!(test.stdout.contains("with all on db/url"), "{}", test.stdout);
    let other = world.sh("hasp-grant why -t other");
    assert!(other.stdout.contains("was used up at ") && other.stdout.contains(", pid "));
    assert!(!other.stdout.contains("revoked"), "{}", other.stdout);
    let exec = world.sh("hasp-exec -t other");
    exec.refused_with_hint(125, "no-grant");
    assert!(exec.stderr.contains("was used up at "), "{}", exec.stderr);
}

#[test]
fn a_grant_that_begins_later_is_refused_until_then_and_listed_with_its_beginning() {
    let world = world();
    let at = |hours: u64| {
        Timestamp::now().after(std::time::Duration::from_secs(hours * 3600)).to_string()
    };
    let line = format!("{KEEP} --not-before {}", at(2));
    world.sh(&line).ok();
    world.sh("hasp-exec -t test").refused_with_hint(125, "not-yet-valid");
    let text = world.sh("hasp-grant list");
    assert!(text.ok().contains("not-yet-valid"), "{}", text.stdout);
    assert!(text.stdout.contains("begins in 1h 59m") || text.stdout.contains("begins in 2h"));
    assert!(text.stdout.contains("1h left, any number of uses, kept"), "{}", text.stdout);
    for (options, code) in [
        (format!("--for 1h --not-before {}", at(24)), "bad-window"),
        ("--for 1h --not-before 2020-01-01".to_owned(), "bad-window"),
        ("--for 1h --not-before tomorrow".to_owned(), "bad-time"),
    ] {
        let refused = world.sh(&format!("hasp-grant -q -t test --keep --consumer user {options}"));
        refused.refused_with_hint(64, code);
    }
}

#[test]
fn a_version_that_is_named_is_granted_while_it_is_not_destroyed_and_said_aloud() {
    let world = world();
    let (second, third) = ("postgres://app:Second-Value-4712@db/app", "Third-Value-4713-Quartz");
    world.store("db/url", second);
    world.store("db/url", third);
    world.sh("hasp-bind add -q db/url").ok();
    world.script("check", "#!/bin/sh\nprintf %s \"$U\" | sha256sum | cut -c1-16\n");
    for (version, value) in [("@prev", second), ("@2", second), ("@1", DB_URL.trim_end())] {
        let hash = world.feed("sha256sum | cut -c1-16", value);
        let ran = world.sh(&format!("hasp-grant -q -x -e U=db/url{version} -- ./check"));
        assert_eq!(ran.ok(), hash.ok(), "{version}");
        assert!(ran.stderr.contains("is not the current version: that is 3"), "{}", ran.stderr);
    }
    // It holds whichever becomes current, and ends with the version itself.
    world.sh("hasp-grant -q -t test --at db/url@2 --for 1h --keep --consumer user").ok();
    world.store("db/url", "postgres://app:Fourth-Value-4714@db/app\n");
    world.sh("hasp-exec -t test").ok();
    let listed = world.sh("hasp-grant list");
    assert!(listed.ok().contains("db/url@2 (pinned)"), "{}", listed.stdout);
    world.sh("hasp-vault destroy -q --yes db/url@2").ok();
    assert_ne!(world.sh("hasp-exec -t test").status, 0);
    for (options, status, code) in [
        ("-e U=db/url@2 -- true", 77, "secret-destroyed"),
        ("-e U=db/url@9 -- true", 66, "version-unknown"),
        ("-e U=api/key@prev -- true", 66, "version-unknown"),
        ("-e U=db/url@1 -e V=db/url@3 -- true", 64, "two-versions"),
        ("-t test --at db/url", 64, "bad-version"),
        ("-t other --at db/url@1", 64, "bad-version"),
    ] {
        world.sh(&format!("hasp-grant {options}")).refused_with_hint(status, code);
    }
    world.sh("hasp-vault revoke -q db/url").ok();
    world.sh("hasp-grant -e U=db/url@1 -- true").refused_with_hint(77, "secret-revoked");
}

#[test]
fn what_is_suggested_covers_what_ran_and_is_accepted_as_it_stands() {
    let world = world();
    world.script("migrate", "#!/bin/sh\ntrue\n");
    world.sh("hasp-bind add -q db/url").ok();
    world.sh("hasp-grant -q -x -t test -- -k login").ok();
    world.sh("hasp-grant -q -x -e DATABASE_URL=db/url -- ./migrate up").ok();
    world.sh("hasp-grant -q -x --file KEY=api/key -- ./migrate check").ok();
    let text = world.sh("hasp-grant suggest").ok().to_owned();
    assert!(text.contains("run = [\"./show\", \"-k\", \"login\"]"), "{text}");
    assert!(text.contains("# its run was [\"./show\", \"...\"]"), "{text}");
    assert!(text.contains("# target other did not run"), "{text}");
    // Put in place it is a good manifest, and what ran before runs by it.
    world.write("hasp.toml", &text);
    world.sh("hasp-bind -q --yes && hasp-target check").ok();
    world.sh("hasp-grant -q -x -t test").ok();
    world.sh("hasp-grant -q -x -t migrate && hasp-grant -q -x -t migrate-2").ok();
    let objects = world.sh("hasp-grant suggest --json --since 1h").objects();
    assert!(objects.iter().any(|o| o["target"] == "test" && o["runs"] == 2), "{objects:?}");
    let none = world.sh("hasp-grant suggest --since 2030-01-01");
    assert!(none.ok().is_empty() && none.stderr.contains("nothing ran in this project"));
    world.sh("hasp-grant suggest --since soon").refused_with_hint(64, "bad-duration");
}

#[test]
fn a_target_is_explained_with_what_it_interprets_and_who_can_change_it() {
    let world = World::with_project();
    world.script("run.sh", "true\n");
    world.sh("chmod 666 run.sh").ok();
    let refs = "[refs]\n\"api/key\" = { class = \"high\" }\n";
    let target = |name: &str, run: &str| {
        format!("[target.{name}]\nrun = {run}\nenv = {{ K = \"api/key\" }}\n")
    };
    let (one, two) = (target("one", "[\"sh\", \"run.sh\"]"), target("two", "[\"./show\"]"));
    world.write("hasp.toml", format!("{refs}{one}{two}"));
    let told = &world.sh("hasp-target explain one --json").objects()[0];
    let script = world.project().join("run.sh").display().to_string();
    assert!(told["program"].as_str().unwrap().starts_with('/'));
    assert_eq!(told["interprets"], serde_json::json!([script]));
    let writable = serde_json::json!({"path": script, "by": ["everybody"]});
    assert!(told["writable"].as_array().unwrap().contains(&writable), "{told}");
    assert_eq!(told["weak"][0]["ref"], "api/key");
    let text = world.sh("hasp-target explain one");
    let line = format!("{script} can be changed by everybody");
    assert!(text.ok().replace("\n  ", " ").contains(&line), "{}", text.stdout);
    let text = world.sh("hasp-target explain two");
    assert!(text.ok().contains("It is a script for /bin/sh."), "{}", text.stdout);
    // Alone it says that it asked nobody, and never that nothing is missing.
    world.sh("mkdir ../alone && cp \"$(command -v hasp-target)\" ../alone").ok();
    let alone = world.sh("../alone/hasp-target explain one");
    assert!(alone.ok().contains("Not asked: "), "{}", alone.stdout);
    let check = world.sh("../alone/hasp-target check one");
    assert_eq!(check.status, 1);
    assert!(!check.stderr.contains("nothing is missing"), "{}", check.stderr);
}
