//! What consent to secrets of strict classes says and refuses.

use super::*;

/// A project with a secret of each class, and one that only the manifest calls high; each is bound.
fn classes() -> World {
    let world = World::new();
    for class in ["low", "medium", "high", "critical"] {
        world
            .feed(
                &format!("hasp-vault set {class} --class {class} -q"),
                format!("value-of-{class}-4711"),
            )
            .ok();
    }
    world.store("asked", "value-of-asked-4711");
    world.bind(
        "[refs]\nlow = {}\nmedium = {}\nhigh = {}\ncritical = {}\nasked = { class = 'high' }\n\
         [target.none]\nenv = { K = 'asked' }\n[target.open]\nrun = ['env', '...']\nenv = { K = \
         'high' }\n\
         [target.words]\nrun = ['/bin/echo', '...']\nenv = { K = 'asked' }\n[target.medium]\nenv \
         = { K = 'medium' }\n",
    );
    world
}

#[test]
fn any_command_is_refused_for_high_and_said_for_the_others() {
    let world = classes();
    world.sh("ln -s /bin/sh ../mytool; echo 'echo \"$1\"' >x.sh").ok();
    for mint in [
        "--any-command -e K=high",
        "--any-command --raw -e K=high -e L=low",
        "--any-command --file K=asked",
        "--any-command --uses 3 --for 30m -e K=high",
        "--any-command -t none",
        "-t none -- env ...",
        "-t open",
        "-e K=high -- sh ...",
        "-e K=high -- sh -c ...",
        "-e K=high -- python3 -u ...",
        "-e K=high -- timeout 5 ...",
        "-e K=high -- env A=b ...",
        "-e K=high -- env -u X ...",
        "-e K=high -- flock /tmp/l ...",
        "-e K=high -- stdbuf -o L ls ...",
        "-e K=high -- sh -o nounset ...",
        "-e K=high -- python3 -m runpy ...",
        "-e K=high -- sh -c 'eval \"$@\"' ...",
        "-e K=high -- ../mytool ...",
        "-e K=high -- ../mytool -c ...",
        "-e K=high -- sh /dev/stdin ...",
        "-e K=high -- find . -exec ...",
        "-e K=high -- sed -e p ...",
        "-e K=critical -- xargs -I {} ...",
    ] {
        let refused = world.sh(&format!("hasp-grant -q --consumer user -o ../t {mint}"));
        refused.refused_with_hint(77, "class-any-command");
        assert!(!world.beside("t").exists(), "{mint}");
    }
    world.sh("hasp-grant -q -x --any-command -e K=high -- env").refused(125, "class-any-command");
    world
        .sh("hasp-grant -q --keep --for 30m --consumer user --any-command -e K=high")
        .refused(77, "class-any-command");
    world.sh("hasp-grant -q --consumer parent -o ../t -t none -- env").ok();
    for fixed in ["sh ./x.sh", "sh -eu x.sh", "../mytool x.sh", "python3 -u script.py", "echo -e"] {
        world.sh(&format!("hasp-grant -q --consumer parent -o ../t -e K=high -- {fixed} ...")).ok();
    }
    world
        .sh(
            "hasp-grant -q --consumer parent -o ../t -e K=high -- sh x.sh ... && hasp-exec -g ../t \
              -- sh x.sh -c",
        )
        .ok();
    for name in ["low", "medium"] {
        let minted =
            world.sh(&format!("hasp-grant -q --consumer user -o ../t --any-command -e K={name}"));
        minted.ok();
        let said = format!("warning: ANY command may run with {name} ({name})");
        assert_eq!(
            minted.stderr.lines().filter(|l| l.contains(&said)).count(),
            1,
            "{}",
            minted.stderr
        );
    }
    assert!(
        world
            .sh("hasp-grant -q --consumer user -o ../t --any-command -t medium")
            .stderr
            .contains("ANY command")
    );
}

#[test]
fn what_widens_a_grant_is_said_with_quiet_too() {
    let world = classes();
    for (mint, said) in [
        ("--raw --file K=medium -- true", "the output will not be redacted"),
        ("--any-command -e K=low", "ANY command may run with low (low)"),
        ("-e K=high -- true", "high (high) goes into the environment"),
        (
            "--file K=high -- ls ...",
            "any further words may follow the command, which gets high (high)",
        ),
        ("-t words", "any further words may follow the command, which gets asked (high)"),
    ] {
        for line in [
            format!("hasp-grant -q --consumer parent -o ../t {mint}"),
            format!("script -qec 'hasp-grant -q --consumer parent -o ../t {mint}' /dev/null"),
        ] {
            if line.starts_with("script") && !peer("script") {
                continue;
            }
            let minted = world.sh(&line);
            minted.ok();
            let shown = format!("{}{}", minted.stdout, minted.stderr);
            assert_eq!(shown.matches(said).count(), 1, "{line} {shown}");
        }
    }
    let narrow = world.sh("hasp-grant -q --consumer parent --file K=high -o ../t -- true");
    assert_eq!((narrow.ok(), narrow.stderr.as_str()), ("", ""));
}

#[test]
fn what_is_too_wide_for_a_strict_class_is_refused_without_a_policy() {
    let world = classes();
    for class in ["high", "critical", "asked"] {
        for (words, code) in [
            ("--consumer user --file K=", "class-consumer"),
            ("--consumer parent --raw --file K=", "class-raw"),
        ] {
            let line = format!("hasp-grant -q -o ../t {words}{class} -- true");
            world.sh(&line).refused_with_hint(77, code);
        }
    }
    let line = "hasp-grant -q --consumer parent -o ../t -e K=critical -- true";
    world.sh(line).refused_with_hint(77, "class-delivery");
    assert!(!world.beside("t").exists());
}

#[test]
fn of_make_it_is_said_that_a_makefile_takes_any_variable() {
    let world = World::new();
    world.store("k", DB_URL);
    world.write("Makefile", "all:\n");
    world.bind(
        "[refs]\nk = {}\n[target.m]\nrun = ['make', '-n']\nenv = { K = 'k' }\n[target.c]\nrun = \
         ['make', '-n']\n\
         env = { K = 'k' }\nclean-env = true\npass-env = ['PATH']\n[target.o]\nrun = ['echo', \
         'makefile']\nenv = { K = 'k' }\n",
    );
    let said =
        "make takes any variable of its Makefile from the environment; clean-env keeps it out";
    for (mint, target, told) in [
        ("-t m", "m", true),
        ("-e K=k -- nice make", "m", true),
        ("-e K=k -- sh -c 'cd /&&make'", "m", true),
        ("-t c", "c", false),
        ("--clean-env -e K=k -- /bin/echo make", "c", false),
        ("-t o", "o", false),
    ] {
        let minted = world.sh(&format!("hasp-grant --consumer user -o ../t {mint}"));
        minted.ok();
        assert_eq!(minted.stderr.contains(said), told, "{mint} {}", minted.stderr);
        let explained =
            world.sh(&format!("hasp-target explain {target}")).ok().replace("\n  ", " ");
        assert_eq!(explained.replace('\n', " ").contains(said), told, "{target} {explained}");
    }
}

#[test]
fn explain_says_what_a_grant_leaves_open() {
    let world = classes();
    for (target, said) in [
        (
            "none",
            "With a secret of class high or critical (asked is high) it cannot be any command",
        ),
        ("medium", "With a secret of class high or critical it cannot be any command"),
        ("words", "adds further words although it gets a strict secret (asked is high)"),
    ] {
        let explained = world.sh(&format!("hasp-target explain {target}"));
        assert!(explained.ok().contains(said), "{}", explained.stdout);
    }
}
