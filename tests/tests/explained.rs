//! What `hasp-exec --explain` says would run can run: what is written before anything is released
//! is looked at as well.

use hasp_tests::{World, is_root, say};

#[test]
fn a_record_that_cannot_be_written_is_told_before() {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let asked = "hasp-exec --explain -t test";
    assert!(world.sh(asked).ok().contains("ok  the record and the runtime directory"));
    if !is_root() || world.sh("unshare --mount true").status != 0 {
        return say("skipped: nothing can be mounted here");
    }
    for (place, line) in [("HASP_HOME", asked), ("HASP_RUNTIME", asked)] {
        let read_only = format!(
            "unshare --mount sh -c 'mount --bind \"${place}\" \"${place}\" && \
             mount -o remount,bind,ro \"${place}\" && {line}'"
        );
        let outcome = world.sh(&read_only);
        assert_eq!(outcome.status, 1, "{place}: {}{}", outcome.stdout, outcome.stderr);
        let said = outcome.stdout.clone() + &outcome.stderr;
        assert!(said.contains("[read-only]") && !said.contains("would run"), "{place}: {said}");
    }
    assert_eq!(world.runs(), 0);
}
