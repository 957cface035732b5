//! policy.toml over the real tools: what each key refuses, that nothing in it widens a grant, and
//! that a bad line stops minting and no revoking.
#![allow(clippy::unwrap_used)]

use hasp_tests::World;

/// Secrets of each class, bound.
fn classes() -> World {
    let world = World::in_memory();
    for class in ["low", "medium", "high", "critical"] {
        let line = format!("hasp-vault set {class} --class {class} -q");
        world.feed(&line, format!("value-of-{class}-4711")).ok();
    }
    world.write("part.in", "key={{low}}\n");
    world.sh("hasp-bind add low medium high critical").ok();
    world
}

fn policy(world: &World, text: &str) {
    std::fs::write(world.home().join("policy.toml"), text).unwrap();
    world.sh("chmod 600 $HASP_HOME/policy.toml").ok();
}

/// Mints with these words for `parent`, unless they name another consumer.
fn mint(world: &World, words: &str) -> hasp_tests::Outcome {
    let who = if words.contains("--consumer") { "" } else { "--consumer user" };
    world.sh(&format!("rm -f ../t; hasp-grant -q -o ../t {who} {words}"))
}

/// A key of policy.toml, a grant that it refuses, with which code, and one that it lets pass.
const KEYS: [(&str, &str, &str, &str); 9] = [
    ("window = '10m'", "--for 11m -e K=low -- true", "over-ceiling", "--for 10m -e K=low -- true"),
    (
        "uses = 2",
        "--for 5m --uses 3 -e K=low -- true",
        "over-ceiling",
        "--for 5m --uses 2 -e K=low -- true",
    ),
    ("deliver = ['file']", "-e K=low -- true", "class-delivery", "--file K=low -- true"),
    ("raw = false", "--raw -e K=low -- true", "class-raw", "-e K=low -- true"),
    ("any-command = false", "--any-command -e K=low", "class-any-command", "-e K=low -- true"),
    (
        "consumer = ['parent']",
        "--consumer user -e K=low -- true",
        "class-consumer",
        "--consumer parent -e K=low -- true",
    ),
    (
        "reason = 'required'",
        "-e K=low -- true",
        "reason-required",
        "--reason nightly -e K=low -- true",
    ),
    ("confirm = true", "-e K=low -- true", "no-terminal", ""),
    ("hours = 'HOURS'", "-e K=low -- true", "outside-hours", ""),
];

/// Hours of another half of the day than this one, in UTC.
fn other_hours() -> String {
    let now = hasp_core::Timestamp::now().to_string();
    let hour: u32 = now[11..13].parse().unwrap();
    let (from, to) = ((hour + 6) % 24, (hour + 12) % 24);
    format!("{from:02}:00-{to:02}:00 UTC")
}

fn status(code: &str) -> i32 {
    if code == "no-terminal" { 69 } else { 77 }
}

#[test]
fn each_key_refuses_what_it_names_and_nothing_else() {
    let world = classes();
    for (key, refused, code, passes) in KEYS {
        let key = key.replace("HOURS", &other_hours());
        mint(&world, refused).ok();
        policy(&world, &format!("[class.low]\n{key}\n"));
        mint(&world, refused).refused_with_hint(status(code), code);
        assert!(!world.beside("t").exists(), "{key}");
        if !passes.is_empty() {
            mint(&world, passes).ok();
        }
        // Of another class it says nothing.
        mint(&world, &refused.replace("low", "medium")).ok();
        std::fs::remove_file(world.home().join("policy.toml")).unwrap();
    }
}

#[test]
fn each_key_counts_with_each_class_whatever_else_is_granted() {
    let world = classes();
    for class in ["low", "medium"] {
        for (key, refused, code, _) in KEYS {
            let key = key.replace("HOURS", &other_hours());
            policy(&world, &format!("[class.{class}]\n{key}\n"));
            let refused = refused.replace("low", class);
            mint(&world, &refused).refused(status(code), code);
            let other = if class == "low" { "medium" } else { "low" };
            let both = refused.replacen("-e K=", &format!("--fd O={other} -e K="), 1);
            mint(&world, &both).refused(status(code), code);
        }
    }
}

#[test]
fn what_is_written_wider_changes_nothing() {
    let world = classes();
    let wide = [
        ("window = '100d'", "--for 25h -e K=low -- true", "over-ceiling"),
        ("window = '100d'", "--for 2h --consumer parent --file K=high -- true", "over-ceiling"),
        ("uses = 9", "--uses 2 --consumer parent --file K=critical -- true", "over-ceiling"),
        ("raw = true", "--raw --consumer parent --file K=high -- true", "class-raw"),
        (
            "any-command = true",
            "--any-command --consumer parent --file K=high",
            "class-any-command",
        ),
        ("consumer = ['user']", "--consumer user --file K=high -- true", "class-consumer"),
        ("deliver = ['env']", "--consumer parent -e K=critical -- true", "class-delivery"),
        ("confirm = false", "--consumer parent --file K=critical -- true", "no-terminal"),
        ("reason = 'optional'", "--raw --consumer parent --file K=high -- true", "class-raw"),
        ("hours = '00:00-24:00'", "--raw --consumer parent --file K=high -- true", "class-raw"),
    ];
    for (key, words, code) in wide {
        mint(&world, words).refused(status(code), code);
        let classes = ["low", "medium", "high", "critical"];
        let all: String = classes.iter().map(|c| format!("[class.{c}]\n{key}\n")).collect();
        policy(&world, &all);
        mint(&world, words).refused(status(code), code);
        std::fs::remove_file(world.home().join("policy.toml")).unwrap();
    }
}

#[test]
fn a_limit_that_is_stricter_since_counts_at_use() {
    let world = classes();
    for (key, words, code, _) in KEYS {
        let key = key.replace("HOURS", &other_hours()).replace("confirm = true", "confirm = 'use'");
        mint(&world, words).ok();
        policy(&world, &format!("[class.low]\n{key}\n"));
        let tail = if words.contains("--any-command") { " -- true" } else { "" };
        let line = format!("hasp-exec -g ../t{tail}");
        world.sh(&line).refused(125, code);
        std::fs::remove_file(world.home().join("policy.toml")).unwrap();
        // Nothing was spent by a refusal.
        world.sh(&line).ok();
    }
}

#[test]
fn a_bad_line_stops_minting_and_use_and_neither_revoking_nor_looking() {
    let world = classes();
    mint(&world, "--for 1h -e K=low -- true").ok();
    world.sh("hasp-grant -q --for 1h --keep --consumer user -e K=low -- true").ok();
    policy(&world, "[class.high]\nraw = false\nwindos = '1h'\n");
    for line in ["hasp-grant -q -o ../u -e K=low -- true", "hasp-grant policy check"] {
        let refused = world.sh(line);
        refused.refused_with_hint(78, "bad-policy");
        let said = &refused.stderr;
        assert!(said.contains("policy.toml:3:1: ") && said.contains("windos = '1h'"), "{said}");
        assert!(said.contains("\n  | ^^^^^^"), "{said}");
    }
    world.sh("hasp-exec -g ../t").refused(125, "bad-policy");
    let listed = world.sh("hasp-grant list");
    assert!(listed.ok().contains("bad-policy"), "{}", listed.stdout);
    world.sh("hasp-grant revoke --all").ok();
    assert_eq!(world.events("grant.revoke").len(), 2);
    world.sh("hasp-audit verify && hasp-vault list && hasp-grant sweep").ok();
    std::fs::remove_file(world.home().join("policy.toml")).unwrap();
    world.sh("hasp-exec -g ../t").refused(125, "revoked");
    world.verify_record();
}

#[test]
fn the_policy_is_shown_with_where_each_limit_comes_from() {
    let world = classes();
    let own = world.sh("hasp-grant policy show critical");
    assert!(own.ok().contains("deliver      file fd stdin template\n"), "{}", own.stdout);
    world.sh("hasp-grant policy check").ok();
    policy(&world, "[class.high]\nwindow = '20m'\nraw = true\nhours = 'Mon-Fri 07:00-19:00 UTC'\n");
    let shown = world.sh("hasp-grant policy show");
    let shown = shown.ok();
    assert!(shown.contains("window       20m  (policy.toml:2)\n"), "{shown}");
    assert!(shown.contains("hours        Mon-Fri 07:00-19:00 UTC  (policy.toml:4)\n"), "{shown}");
    let json = world.sh("hasp-grant policy show high --json");
    let high: serde_json::Value = serde_json::from_str(json.ok()).unwrap();
    assert_eq!((&high["v"], &high["class"]), (&1.into(), &"high".into()));
    assert_eq!(high["limits"]["window"], serde_json::json!({"value": "20m", "line": 2}));
    assert_eq!(high["limits"]["raw"], serde_json::json!({"value": "refused", "line": null}));
    let checked = world.sh("hasp-grant policy check");
    checked.ok();
    assert!(checked.stderr.contains("policy.toml:3: raw for high changes nothing"), "{checked:?}");
    assert!(!checked.stderr.contains(":2:") && !checked.stderr.contains(":4:"), "{checked:?}");
}

/// The four dimensions of a grant, each right or wrong, for each sort of grant: only all right
/// runs, and what is wrong is refused by the code of the first that is.
#[test]
fn only_what_is_right_in_all_four_dimensions_runs() {
    let world = classes();
    world.sh("mkdir -p ../other/.git").ok();
    for sort in ["--once", "--for 1h", "--for session", "--for 1h --uses 30"] {
        for wrong in 0..16u8 {
            let is = |bit: u8| wrong & 1 << bit != 0;
            let (who, place, what, when) = (is(0), is(1), is(2), is(3));
            let consumer = match (sort, who) {
                ("--for session", _) => "",
                (_, false) => "--consumer user",
                (_, true) => "--consumer exe:/usr/bin/env",
            };
            let minted = format!("hasp-grant -q -o ../t {sort} {consumer} -e K=low -- echo ran");
            let tail = if what { "-- echo other" } else { "-- echo ran" };
            let dir = if place { "../other" } else { "." };
            let run = format!("cd {dir}; hasp-exec -g ../t {tail}");
            let apart = who && sort == "--for session";
            if when || apart {
                world.sh(&format!("rm -f ../t; {minted}")).ok();
                let end = if when { "hasp-grant -q revoke --all; " } else { "" };
                expect(&world, &format!("{end}{run}"), (who || apart, place, what, when), sort);
            } else {
                expect(
                    &world,
                    &format!("rm -f ../t; {minted}; {run}"),
                    (who, place, what, when),
                    sort,
                );
            }
        }
    }
}

/// In the order of the checks: the ledger, who, where, what.
fn expect(world: &World, line: &str, wrong: (bool, bool, bool, bool), sort: &str) {
    let (who, place, what, when) = wrong;
    let outcome = world.sh(line);
    let session = sort == "--for session";
    match () {
        () if when => outcome.refused(125, "revoked"),
        () if who && session => outcome.refused(125, "other-session"),
        () if who => outcome.refused(125, "other-program"),
        () if place => outcome.refused(125, "other-project"),
        () if what => outcome.refused(125, "other-command"),
        () => {
            assert_eq!(outcome.ok(), "ran\n", "{sort} {line}");
            &outcome
        }
    };
}
