//! What a registered program may be granted at most, and its file by its digest.
#![allow(clippy::unwrap_used)]

use hasp_tests::World;

/// A secret of class low and one of class high, and a program registered with these limits.
fn registered(limits: &str) -> World {
    let world = World::in_memory();
    world.feed("hasp-vault set low --class low -q", "value-of-low-4711").ok();
    world.feed("hasp-vault set high --class high -q", "value-of-high-4711").ok();
    world.sh("hasp-bind add low high").ok();
    // A copy of a shell that runs what the grant is used from.
    world.sh("mkdir -p ../bin; cp /bin/dash ../bin/bot; chmod 755 ../bin/bot").ok();
    world.sh(&format!("hasp-consumer -q add bot --exe \"$PWD/../bin/bot\" {limits}")).ok();
    world
}

#[test]
fn a_ceiling_bounds_every_grant_for_the_program_by_name_or_by_path() {
    let limits = "--max-window 30m --max-uses 5 --classes low,medium --require-reason";
    let world = registered(limits);
    for who in ["bot", "\"exe:$(realpath ../bin/bot)\""] {
        let mint = |words: &str| {
            world.sh(&format!("rm -f ../t; hasp-grant -q -o ../t --consumer {who} {words} -- true"))
        };
        let good = "--reason nightly --for 30m --uses 5 --file K=low";
        mint(good).ok();
        for (words, code) in [
            ("--reason nightly --for 31m --uses 5 --file K=low", "consumer-ceiling"),
            ("--reason nightly --for 30m --uses 6 --file K=low", "consumer-ceiling"),
            ("--reason nightly --for 30m --file K=low", "consumer-ceiling"),
            ("--reason nightly --file K=high", "consumer-class"),
            ("--for 30m --uses 5 --file K=low", "consumer-reason"),
        ] {
            mint(words).refused_with_hint(77, code);
            assert!(!world.beside("t").exists(), "{who} {words}");
        }
    }
    // Others are not bound by it.
    world.sh("hasp-grant -q -o ../t --consumer parent --for 1h --file K=high -- true").ok();
    let shown = world.sh("hasp-consumer show bot");
    let said = "limits at most 30m, at most 5 uses, classes low medium, with a reason\n";
    assert!(shown.ok().contains(said), "{}", shown.stdout);
}

#[test]
fn a_ceiling_is_raised_and_taken_away_by_edit() {
    let world = registered("--max-window 10m");
    let line = "hasp-grant -q -o ../t --consumer bot --for 20m --file K=low -- true";
    world.sh(line).refused(77, "consumer-ceiling");
    world.sh("hasp-consumer edit bot --max-window 20m").ok();
    world.sh(line).ok();
    world.sh("hasp-consumer edit bot --max-window 20m").refused_with_hint(64, "usage");
    world.sh("hasp-consumer edit bot --no-limits").ok();
    world.sh("hasp-grant -q -o ../t --consumer bot --for 24h --file K=low -- true").ok();
    world.sh("hasp-consumer edit nobody --pin").refused(66, "consumer-unknown");
    world.sh("hasp-consumer edit bot --max-window soon").refused(64, "bad-duration");
    assert_eq!(world.events("consumer.add").len(), 3);
    world.verify_record();
}

#[test]
fn a_pinned_program_that_was_upgraded_is_refused_with_both_digests() {
    let world = registered("--pin");
    let old = world.sh("sha256sum ../bin/bot | cut -d' ' -f1").ok().trim().to_owned();
    let mint = "hasp-grant -q -o ../t --consumer bot --for 10m --file K=low -- true";
    let run = "../bin/bot -c 'hasp-exec -g ../t; exit $?'";
    world.sh(mint).ok();
    world.sh(run).ok();
    world.sh("cp ../bin/bot ../bin/new; echo >>../bin/new; mv ../bin/new ../bin/bot").ok();
    let new = world.sh("sha256sum ../bin/bot | cut -d' ' -f1").ok().trim().to_owned();
    for (line, status) in [(run, 125), (mint, 77)] {
        let refused = world.sh(line);
        refused.refused_with_hint(status, "program-changed");
        let said = &refused.stderr;
        assert!(said.contains(&old) && said.contains(&new), "{said}");
        assert!(said.contains("hasp-consumer edit bot --pin"), "{said}");
    }
    world.sh("hasp-consumer edit bot --pin").ok();
    // A grant for the old file stays one for the old file.
    world.sh(run).refused(125, "program-changed");
    world.sh(mint).ok();
    world.sh(run).ok();
}
