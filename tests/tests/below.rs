//! A hasp that is started below a granted command finds the home that the command was granted from,
//! and none of the sources by which that was opened.

use hasp_tests::World;

#[test]
fn a_hasp_below_a_command_finds_the_same_home() {
    let world = World::with_project();
    for how in ["", "--clean-env"] {
        let line = format!(
            "HASP_VAULT=../home/vault hasp-grant -q -x {how} --consumer user -e K=db/url -- \
             /bin/sh -c 'cd /; \"$0\" list && echo \"$HASP_VAULT\"' $(command -v hasp-vault)"
        );
        let outcome = world.sh(&line);
        let shown = outcome.ok();
        assert!(shown.contains("db/url"), "{shown}");
        let vault = shown.lines().last().unwrap_or_default();
        assert!(vault.starts_with('/') && vault.ends_with("home/vault"), "{vault}");
    }
}

#[test]
fn the_sources_of_the_caller_are_not_the_commands() {
    let world = World::with_project();
    let line = "export HASP_ASKPASS=/bin/true HASP_IDENTITY=\"$HASP_HOME/identity\"; \
                hasp-grant -q -x --consumer user -e K=db/url -- \
                sh -c 'env | grep ^HASP_ | cut -d= -f1 | sort | tr \"\\n\" \" \"'";
    assert_eq!(world.sh(line).ok(), "HASP_HOME HASP_RUNTIME ");
}
