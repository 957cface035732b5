//! Promise: whoever holds a token can make a weaker one from it, without vault or passphrase; what
//! is left out cannot be had with it, it is never wider in anything, it ends with the one that it
//! is from, and both together run no more often than that one may.
#![allow(clippy::unwrap_used)]

use std::process::Child;

use hasp_tests::{API_KEY, World};

/// A world with a target that gets two values, and a vault that nobody can unlock any more.
fn world(options: &str) -> World {
    let world = World::with_project();
    world.sh(&format!("hasp-grant -q -t test --consumer user {options} -o ../hand")).ok();
    std::fs::rename(world.home().join("identity"), world.beside("away")).unwrap();
    world
}

/// Only who can unlock the vault can tell that the record is whole.
#[track_caller]
fn whole(world: &World) {
    std::fs::rename(world.beside("away"), world.home().join("identity")).unwrap();
    world.verify_record();
}

/// The only live grant that is not the vault's own, as `list` has it.
fn child(world: &World) -> serde_json::Value {
    let listed = world.sh("hasp-grant list --json").objects();
    listed.into_iter().find(|grant| grant["parent"].is_string()).unwrap()
}

#[test]
fn what_is_left_out_is_not_delivered_and_not_in_the_token() {
    let world = world("");
    let ran = world.sh("hasp-grant narrow -q -g ../hand --only api/key | hasp-exec");
    assert_eq!(ran.ok(), "url= key=[hasp:api/key]\n");
    world.sh("hasp-exec -g ../hand").refused_with_hint(125, "spent");
    let event = &world.events("grant.narrow")[0];
    assert_eq!(event["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(event["parent"], world.events("grant.mint")[0]["grant"]);
    assert!(event["asker"].is_array());
    whole(&world);
}

#[test]
fn a_narrowed_token_that_is_narrowed_again_is_a_chain_of_all_of_them() {
    let world = world("--for 1h --uses 5");
    world.sh("hasp-grant narrow -q -g ../hand --uses 3 -o ../second").ok();
    world.sh("hasp-grant narrow -q -g ../second --uses 1 --only db/url -o ../third").ok();
    assert_eq!(world.sh("hasp-exec -g ../third").ok(), "url=[hasp:db/url] key=\n");
    world.sh("hasp-exec -g ../third").refused_with_hint(125, "spent");
    for _ in 0..2 {
        world.sh("hasp-exec -g ../second").ok();
    }
    world.sh("hasp-exec -g ../second").refused_with_hint(125, "spent");
    for _ in 0..2 {
        world.sh("hasp-exec -g ../hand").ok();
    }
    world.sh("hasp-exec -g ../hand").refused_with_hint(125, "spent");
    whole(&world);
}

#[test]
fn it_ends_with_the_one_that_it_is_from() {
    let world = world("--for 1h");
    let hand = world.sh("hasp-grant list --json").objects()[0]["grant"].clone();
    world.sh("hasp-grant narrow -q -g ../hand -o ../less --keep").refused(64, "usage");
    world.sh("hasp-grant narrow -q -g ../hand --keep").ok();
    world.sh("hasp-exec -t test").ok();
    let kept = child(&world);
    assert_eq!((&kept["state"], &kept["parent"]), (&"usable".into(), &hand));
    let text = world.sh("hasp-grant list");
    assert!(text.ok().contains("narrowed from "), "{}", text.stdout);
    world.sh(&format!("hasp-grant revoke -q {}", hand.as_str().unwrap())).ok();
    assert_eq!(child(&world)["state"], "revoked");
    let refused = world.sh("hasp-exec -t test");
    assert_eq!(refused.status, 125);
    assert!(refused.stderr.contains("narrowed from"), "{}", refused.stderr);
    world.sh("hasp-grant sweep -q").ok();
    let ended = world.sh("hasp-grant list --all").stdout;
    assert!(ended.contains("ended with the grant that it was narrowed from"), "{ended}");
    assert_eq!(world.events("grant.sweep").last().unwrap()["why"], "parent");
    assert!(std::fs::read_dir(world.runtime().join("grants")).unwrap().next().is_none());
}

#[test]
fn nothing_is_wider_and_a_refusal_leaves_nothing() {
    let world = world("--for 30m --uses 3");
    let rows = [
        ("--for 31m", "wider"),
        ("--uses 4", "wider"),
        ("--only other/secret", "not-granted"),
        ("--consumer nobody-knows", "consumer-unknown"),
        ("--for soon", "bad-duration"),
        ("-g ../nothing", "no-such-file"),
    ];
    for (options, code) in rows {
        let given = if options.contains("-g") { "" } else { "-g ../hand" };
        let refused = world.sh(&format!("hasp-grant narrow {given} {options} -o ../wide"));
        assert_eq!(refused.code(), code, "{options}: {}", refused.stderr);
        assert!(!world.beside("wide").exists());
    }
    assert_eq!(std::fs::read_dir(world.runtime().join("grants")).unwrap().count(), 1);
    assert_eq!(world.sh("hasp-grant list --json").objects().len(), 1);
    let spoilt = std::fs::read_to_string(world.beside("hand")).unwrap().replacen("v4", "v3", 1);
    world.write("spoilt", spoilt);
    world.sh("chmod 600 spoilt; hasp-grant narrow -g spoilt").refused(77, "token-malformed");
    world.sh("hasp-grant narrow </dev/null").refused_with_hint(77, "token-empty");
}

#[test]
fn any_command_is_narrowed_to_one_and_a_value_is_no_word_of_it() {
    let world = World::with_project();
    world
        .sh("hasp-bind add -q api/key; hasp-grant -q -e K=api/key --any-command --for 1h \
              --consumer user -o ../hand")
        .ok();
    let line = format!("hasp-grant narrow -g ../hand -- echo {API_KEY}");
    world.sh(&line).refused_with_hint(77, "value-in-command");
    world.sh("hasp-grant narrow -q -g ../hand -o ../less -- sh -c 'echo \"<$K>\"'").ok();
    assert_eq!(world.sh("hasp-exec -g ../less").ok(), "<[hasp:api/key]>\n");
    world.sh("hasp-exec -g ../less -- env").refused_with_hint(125, "other-command");
    for words in ["env", "...", "sh -c 'echo \"<$K>\"' more"] {
        let line = format!("hasp-grant narrow -g ../less -- {words}");
        world.sh(&line).refused_with_hint(77, "wider");
    }
    assert!(world.sh("hasp-exec -g ../hand -- printenv K").ok().contains("[hasp:api/key]"));
    world
        .sh("hasp-grant narrow -g ../hand -- no-such-program")
        .refused_with_hint(66, "program-missing");
}

#[test]
fn who_may_use_it_must_be_admitted_by_both() {
    let world = world("--for 1h");
    world.sh("hasp-grant narrow -q -g ../hand --consumer exe:/usr/bin/sleep -o ../less").ok();
    world.sh("hasp-exec -g ../less").refused_with_hint(125, "other-program");
    // What was narrowed to a program is not widened again by narrowing.
    world.sh("hasp-grant narrow -g ../less --consumer user").refused(77, "other-program");
}

#[test]
fn without_a_record_nothing_is_narrowed() {
    let world = world("--for 1h");
    world.sh("rm -rf $HASP_HOME/audit; touch $HASP_HOME/audit").ok();
    let refused = world.sh("hasp-grant narrow -g ../hand -o ../less");
    assert_ne!(refused.status, 0);
    assert!(!world.beside("less").exists());
    assert!(std::fs::read_dir(world.runtime().join("grants")).unwrap().count() <= 1);
}

#[test]
fn a_hundred_processes_run_no_more_than_the_first_may() {
    let world = world("--for 1h --uses 7");
    world.sh("hasp-grant narrow -q -g ../hand --uses 5 -o ../less").ok();
    world.sh("hasp-grant narrow -q -g ../less -o ../least").ok();
    let tokens = ["hand", "less", "least"];
    let started: Vec<(usize, Child)> = (0..100)
        .map(|n| (n % 3, world.start(&format!("hasp-exec -g ../{}", tokens[n % 3]))))
        .collect();
    let mut ran = [0; 3];
    for (which, child) in started {
        let output = child.wait_with_output().unwrap();
        ran[which] += usize::from(output.status.success());
    }
    assert_eq!(ran.iter().sum::<usize>(), 7, "{ran:?}");
    assert!(ran[1] + ran[2] <= 5, "{ran:?}");
    assert_eq!(world.runs(), 7);
    assert_eq!(world.events("exec.start").len(), 7);
    whole(&world);
}
