//! Promise: many writers at once lose nothing, and a writer that dies at any moment leaves a vault
//! that opens with every value that was acknowledged.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use hasp_tests::World;

#[test]
fn fifty_concurrent_writers_are_all_present() {
    let world = World::new();
    let line = "for i in $(seq 50); do (printf value-%s-0123456789 $i | hasp-vault set -q \
                many/n$i || echo failed $i) & done; wait";
    assert_eq!(world.sh(line).ok(), "");
    let listed = world.sh("hasp-vault list --verify --json").objects();
    assert_eq!(listed.len(), 50);
    let wrong = "for i in $(seq 50); do [ \"$(hasp-vault reveal --force many/n$i)\" = \
                 value-$i-0123456789 ] || echo $i; done";
    assert_eq!(world.sh(wrong).ok(), "");
    assert_eq!(left_behind(&world), Vec::<String>::new());
    world.verify_record();
}

#[test]
fn concurrent_writers_of_one_name_make_one_version_each() {
    let world = World::new();
    let line = "for i in $(seq 12); do (printf value-%s-0123456789 $i | hasp-vault set -q same || \
                echo failed $i) & done; wait";
    assert_eq!(world.sh(line).ok(), "");
    assert_eq!(world.sh("hasp-vault list --verify --json").objects()[0]["version"], 12);
}

/// Temporary files in the vault.
fn left_behind(world: &World) -> Vec<String> {
    let names =
        world.files(&world.home().join("vault")).into_iter().map(|p| p.display().to_string());
    names.filter(|n| !n.ends_with(".age") && !n.ends_with(".toml")).collect()
}

#[test]
fn killed_writers_leave_what_they_acknowledged() {
    let world = World::new();
    // Four writers at a time; each acknowledges in the file acks what set has acknowledged. A
    // killer strikes every few milliseconds.
    world.script(
        "writer",
        "#!/bin/bash\nn=0; while [ ! -e stop ]; do n=$((n + 1)); v=w$1-$n-0123456789\n\
         printf %s $v | hasp-vault set -q k/w$1 2>>err.$1 && echo $v >ack.$1; done\n",
    );
    let killer = "for w in 1 2 3 4; do ./writer $w & done; \
                  for i in $(seq 150); do sleep 0.0$((RANDOM % 40 + 10)); pkill -9 -n -x \
                  hasp-vault -s 0 && echo killed; done; touch stop; wait";
    let began = Instant::now();
    let killed = world.sh(killer).ok().lines().count();
    assert!(killed > 30, "{killed} writers were killed");
    assert!(began.elapsed() < Duration::from_secs(60));
    let mut acknowledged = 0;
    for writer in 1..=4 {
        let Ok(last) = std::fs::read_to_string(world.project().join(format!("ack.{writer}")))
        else {
            continue;
        };
        acknowledged += 1;
        // A later write may have been committed and killed before it could say so; an earlier one
        // must not have come back.
        let stored = world.sh(&format!("hasp-vault reveal --force k/w{writer}"));
        let number = |value: &str| {
            value.trim().split('-').nth(1).and_then(|n| n.parse::<u32>().ok()).unwrap()
        };
        assert!(number(stored.ok()) >= number(&last), "{writer}: {} after {last}", stored.stdout);
        let errors = std::fs::read_to_string(world.project().join(format!("err.{writer}")))
            .unwrap_or_default();
        assert!(!errors.contains("panicked") && !errors.contains("[tampered]"), "{errors}");
    }
    assert!(acknowledged > 0, "some writer got through");
    world.sh("hasp-vault list --verify").ok();
    world.store("k/after", "a-value-stored-after-all-that");
    world.sh("hasp-vault reveal --force k/after").ok();
    world.verify_record();
}
