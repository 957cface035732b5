//! `hasp-exec --doctor --repair` mends what needs no question and says what it did.

use std::os::unix::fs::PermissionsExt;

use hasp_tests::World;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

/// Under its other name a half would stay when the grant has ended.
#[test]
fn a_half_of_a_grant_that_has_another_name_is_named_with_what_ends_it() {
    for folder in ["kept", "grants"] {
        let link =
            |half: &str, folder: &str| format!("f=$(ls {half}/{folder}/*); ln $f {half}/other");
        let moved = |half: &str, folder: &str| {
            format!("f=$(ls {half}/{folder}/*); mv $f {half}/other; ln -s {half}/other $f")
        };
        for (fault, told) in [
            (link as fn(&str, &str) -> String, "has another name elsewhere (2 links)"),
            (moved, "is a symbolic link"),
        ] {
            let world = World::with_project();
            world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
            assert!(!world.sh("hasp-exec --doctor").stdout.contains("end it:"));
            let runtime = world.runtime();
            world.sh(&fault(runtime.to_str().expect("a path"), folder)).ok();
            let doctor = world.sh("hasp-exec --doctor");
            assert!(
                doctor.status == 1 && doctor.stdout.contains(told),
                "{told}: {}",
                doctor.stdout
            );
            let typed = doctor.stdout.lines().find_map(|l| l.split_once("end it: "));
            let (_, line) = typed.unwrap_or_else(|| panic!("no way out: {}", doctor.stdout));
            assert!(line.starts_with("hasp-grant revoke "), "{line}");
            world.sh(line).ok();
            let left = world.sh("hasp-exec --doctor").stdout;
            assert!(!left.contains(told) && left.contains("0 can be used"), "{left}");
        }
    }
}

#[test]
fn what_others_can_open_is_taken_from_them_and_told() {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let identity = world.home().join("identity");
    std::fs::set_permissions(&identity, PermissionsExt::from_mode(0o644)).expect("a mode");
    assert_eq!(world.sh("hasp-exec --doctor").status, 1);
    assert_eq!(mode(&identity), 0o644, "without being told to, nothing is mended");
    let mended = world.sh("hasp-exec --doctor --repair");
    let told = mended.ok();
    assert!(told.contains("repair\n") && told.contains("was taken from other users"), "{told}");
    assert_eq!(mode(&identity), 0o600);
    assert!(!world.sh("hasp-exec --doctor --repair").ok().contains("repair\n"));
    world.sh("hasp-exec --repair").refused(125, "usage");
}
