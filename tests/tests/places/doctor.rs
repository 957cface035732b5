//! What hasp-exec --doctor says of a place.

use super::*;

#[test]
fn the_doctor_finds_nothing_wrong_where_nothing_is() {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let misspelt = world.sh("HASP_HOMES=x hasp-exec --doctor");
    let text = "HASP_HOMES is no variable of hasp and without effect";
    let near = "did you mean 'HASP_HOME'?";
    assert!(
        misspelt.stdout.contains(text) && misspelt.stdout.contains(near),
        "{}",
        misspelt.stdout
    );
    let outcome = world.sh("hasp-exec --doctor");
    assert!(!outcome.stdout.contains("wrong"), "{}", outcome.stdout);
    let of_linux = ["ptrace", "memfd", "core dumps"].iter().filter(|_| cfg!(not(hasp_portable)));
    for topic in of_linux.chain(&[
        "processes",
        "swap",
        "terminals",
        "runtime",
        "home",
        "identity",
        "vault",
        "record",
    ]) {
        assert!(
            outcome.ok().lines().any(|l| l.get(8..).is_some_and(|l| l.starts_with(topic))),
            "{topic}: {}",
            outcome.stdout
        );
    }
    assert!(
        outcome.stdout.contains("target test")
            && outcome.stdout.contains("2 of 2 are bound and stored")
    );
    assert!(
        outcome.stdout.contains("1 can be used") && outcome.stderr.contains("nothing is wrong")
    );
    assert_eq!(world.runs(), 0);
    let objects = world.sh("hasp-exec --doctor --json").objects();
    assert!(objects.iter().all(|o| o["v"] == 1 && o["state"] != "wrong" && o["fix"].is_array()));
    world.sh("hasp-exec --doctor -t test").refused(1, "usage");
}

#[test]
fn the_doctor_names_what_is_wrong_with_the_command_that_mends_it() {
    let cases = [
        ("chmod 755 $HASP_HOME", "home", "-> chmod 700 "),
        ("chmod 644 $HASP_HOME/identity", "identity", "-> chmod 600 "),
        ("mkdir -m 755 $HASP_RUNTIME", "runtime", "-> chmod 700 "),
        ("mv $HASP_HOME/vault ../v", "vault", "-> "),
        ("rm -rf $HASP_HOME", "home", "-> make one with: hasp-vault init"),
        ("echo 'rnu = 1' >>hasp.toml", "project", "hasp.toml:12:1: there is no key 'rnu'"),
        (
            "sed -i 's/\"[.][.][.]\"/\"-v\"/' hasp.toml",
            "target test",
            "-> read it, and consent: hasp-bind",
        ),
        ("rm show", "target test", "there is no program ./show"),
        ("chmod a-x show", "target test", "-> chmod +x "),
        ("hasp-bind -q drop", "consent", "-> hasp-bind"),
        (
            "printf '\"new/key\" = {}\\n' >n; sed -i '/^\\[refs\\]/r n' hasp.toml; hasp-bind -q \
             --yes",
            "new/key",
            "-> hasp-vault set new/key",
        ),
        ("hasp-vault revoke -q api/key", "api/key", "-> "),
        (
            "hasp-grant -q -t test --for 1h --keep --consumer user; for f in \
             $HASP_RUNTIME/grants/*; do echo x >$f; done",
            "grants",
            "-> end it: hasp-grant revoke ",
        ),
        (
            "hasp-grant -q -t test --for 1h --keep --consumer user; chmod 644 $HASP_RUNTIME/kept/*",
            "kept",
            "-> chmod 600 ",
        ),
        (
            "export HASP_RUNTIME=/var/tmp/hasp-$$; trap 'rm -rf $HASP_RUNTIME' EXIT",
            "runtime",
            "-> unset HASP_RUNTIME",
        ),
        ("rm -rf $HASP_HOME/audit", "record", "-> "),
    ];
    for (change, topic, fix) in cases {
        let world = World::with_project();
        let outcome = world.sh(&format!("{change}; hasp-exec --doctor"));
        assert_eq!(outcome.civil().status, 1, "{change}: {}{}", outcome.stdout, outcome.stderr);
        assert!(
            outcome.stdout.contains(&format!("  wrong {topic} ")),
            "{change}: {}",
            outcome.stdout
        );
        assert!(outcome.stdout.contains(fix), "{change}: {}", outcome.stdout);
        assert!(outcome.stderr.contains("wrong"), "{}", outcome.stderr);
    }
}
