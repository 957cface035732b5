//! Promise: what is typed in the wrong place, or where it cannot work, is answered with what to
//! type instead; what has to be mended first is said first.
#![allow(clippy::unwrap_used)]

use hasp_tests::{Pty, World, tools};

/// All that a line says on a terminal.
fn on_a_terminal(world: &World, line: &str) -> (i32, String) {
    let (status, shown) = Pty::start(world, "sh", &["-c", line]).end();
    (status, shown.replace('\r', ""))
}

#[test]
fn what_must_be_done_first_is_said_before_where_a_token_goes() {
    let world = World::with_project();
    let rows = [
        ("HASP_HOME=$HOME/none hasp-grant -t test", "no-home"),
        ("hasp-grant -t tset", "target-unknown"),
        ("hasp-grant -t test --for 1hour", "bad-duration"),
        ("hasp-grant -t test --for 25h", "over-ceiling"),
        ("hasp-grant -e K=api/key -- no-such-program", "program-missing"),
        ("hasp-grant -t test", "token-terminal"),
    ];
    for (line, code) in rows {
        let (status, shown) = on_a_terminal(&world, line);
        assert!(shown.contains(&format!("[{code}]")), "{line}: {shown}");
        assert!(code == "token-terminal" || !shown.contains("token-terminal"), "{line}: {shown}");
        assert_ne!(status, 0);
    }
    assert_eq!(world.events("grant.mint").len(), 0);
}

#[test]
fn a_word_in_the_natural_place_is_answered_with_what_takes_it() {
    let world = World::with_project();
    let rows = [
        ("hasp-grant -x test", 125, "hasp-grant -x -t test"),
        ("hasp-grant test", 64, "hasp-grant -x -t test"),
        ("hasp-grant -x ./show", 125, "-- ./show"),
        ("hasp-exec test", 125, "hasp-exec -t test"),
        ("hasp-exec show", 125, "-- ./show"),
        ("hasp-exec pytest -k login", 125, "-t TARGET -- WORDS"),
        ("hasp-exec pytest -k login", 125, "-- COMMAND"),
        ("hasp-grant -x hunter2hunter2", 125, "-t TARGET"),
    ];
    for (line, status, hint) in rows {
        let refused = world.sh(line);
        refused.refused_with_hint(status, "usage");
        let hints = refused.stderr.lines().filter(|l| l.contains(": hint: "));
        assert!(hints.clone().any(|l| l.contains(hint)), "{line}: {}", refused.stderr);
        for unknown in ["pytest", "hunter2"] {
            assert!(!refused.stderr.contains(unknown), "{line}: {}", refused.stderr);
        }
    }
}

#[test]
fn a_word_that_no_shell_expands_is_remarked() {
    let world = World::with_project();
    let rows = [
        (r#"env echo "$URL""#, "a word of the command is empty", true),
        (r"ls '$URL'", "no shell runs that would expand", true),
        (r"ls '${URL}x'", "no shell runs that would expand", true),
        (r#"sh -c 'echo "$URL"'"#, "sh -c", false),
        (r"ls '$URLS' x", "sh -c", false),
    ];
    for (command, note, said) in rows {
        let line = format!("hasp-grant --consumer user -o ../t -e URL=api/key -- {command}");
        let minted = world.sh(&line);
        minted.ok();
        assert_eq!(minted.stderr.contains(note), said, "{command}: {}", minted.stderr);
        if said {
            assert!(minted.stderr.contains("-- sh -c '"), "{}", minted.stderr);
        }
    }
    let none = world.sh("hasp-grant --consumer user -o ../t --stdin api/key -- env echo ''");
    assert!(!none.stderr.contains("is empty"), "{}", none.stderr);
}

#[test]
fn without_a_terminal_it_is_said_what_a_person_types_in_one() {
    let world = World::locked();
    let passphrase = "export HASP_PASSPHRASE=fd:3";
    world
        .sh(&format!("{passphrase}; hasp-vault set -q api/key --from env:HOME 3<../passphrase"))
        .ok();
    world.sh(&format!("{passphrase}; hasp-bind add -q api/key 3<../passphrase")).ok();
    let command = "-e K=api/key -- sh -c 'echo ran'";
    let refused = world.sh(&format!("hasp-grant -x --consumer user {command}"));
    refused.refused_with_hint(125, "locked");
    assert!(!refused.stderr.contains("PASSPHRASE"), "{}", refused.stderr);
    let hint = |begin: &str| {
        let mut lines = refused.stderr.lines().filter_map(|l| l.split_once(": hint: "));
        let hint = lines.find_map(|(_, hint)| hint.strip_prefix(begin)).unwrap();
        // Words that were typed may hold a value: they stand in no message.
        assert!(hint.ends_with("-- sh ..."), "{hint}");
        hint.replace("-- sh ...", "-- sh -c 'echo ran'")
    };
    let there = hint("a person types in a terminal: ");
    assert!(there.contains("--for 1h --keep --consumer user"), "{there}");
    world.sh(&format!("cd /; {passphrase}; exec 3<$HOME/passphrase; {there}")).ok();
    let here = hint("and then here: ");
    assert_eq!(world.sh(&here).ok(), "ran\n");
    let own = world.sh(&format!("bash -c \"hasp-grant {}; true\"", command.replace('$', "\\$")));
    assert!(own.stderr.contains("--keep --consumer pid:"), "{}", own.stderr);
}

#[test]
fn a_run_without_the_tool_that_runs_mints_nothing() {
    let world = World::with_project();
    for tool in ["hasp-grant", "hasp-vault", "hasp-bind", "hasp-audit"] {
        let (from, to) = (tools().join(tool), world.beside(tool));
        world.sh(&format!("cp {} {}", from.display(), to.display())).ok();
    }
    let alone = world.sh("../hasp-grant -x -t test");
    alone.refused_with_hint(125, "no-sibling");
    assert!(alone.stderr.contains(world.base().file_name().unwrap().to_str().unwrap()));
    assert_eq!(world.events("grant.mint").len(), 0);
    assert_eq!(world.sh("hasp-grant list --all").ok(), "");
}
