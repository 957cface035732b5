//! `hasp-exec --doctor --repair` mends what needs no question and says what it did.

use std::os::unix::fs::PermissionsExt;

use hasp_tests::World;

fn mode(path: &std::path::Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
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
