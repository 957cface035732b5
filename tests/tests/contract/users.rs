//! Other users, and the own user while a broker runs.

use super::*;

/// Runs a line as an unprivileged user without other groups.
fn as_user(world: &World, uid: u32, line: &str) -> Outcome {
    world.sh(&format!(
        "exec setpriv --reuid={uid} --regid={uid} --clear-groups bash -c '{line}\nexit $?'"
    ))
}

fn can_change_users() -> bool {
    let can = is_root()
        && World::bare().sh("setpriv --reuid=61235 --regid=61235 --clear-groups true").status == 0;
    if !can {
        say("skipped: changing users needs root");
    }
    can
}

#[test]
fn another_user_reads_nothing() {
    if !can_change_users() {
        return;
    }
    let world = World::with_project();
    world
        .sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-grant -q -t test -o \
             ../token --consumer user")
        .ok();
    world.sh("chmod 755 .. . $HASP_RUNTIME/..; chmod 644 hasp.toml").ok();
    let reached = as_user(
        &world,
        61235,
        "find $HASP_HOME $HASP_RUNTIME ../token -type f -readable 2>/dev/null; cat hasp.toml \
         >/dev/null && echo project",
    );
    assert_eq!(reached.stdout, "project\n", "only the project can be read");
    for line in [
        "hasp-vault list",
        "hasp-vault reveal --force api/key",
        "hasp-grant -t test",
        "hasp-exec -t test",
        "hasp-exec -g ../token",
        "hasp-audit",
    ] {
        let outcome = as_user(&world, 61235, line);
        outcome.civil();
        assert!(
            outcome.status != 0 && !outcome.stdout.contains("api/key"),
            "{line}: {}",
            outcome.stdout
        );
        assert!(outcome.stderr.contains("hint: "), "{line}: {}", outcome.stderr);
    }
    assert_eq!(world.runs(), 0);
}

#[test]
fn a_running_broker_is_closed_to_its_own_user() {
    if !can_change_users() {
        return;
    }
    let world = World::with_project();
    world.script(
        "show",
        "#!/bin/sh\necho $PPID $$ >pid\nwhile [ ! -e stop ]; do sleep 0.05; done\n",
    );
    world.sh("mkdir -p -m 700 $HASP_RUNTIME; chown -R 61236:61236 .. $HASP_RUNTIME/..").ok();
    as_user(&world, 61236, "hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let line = "hasp-exec -t test & until [ -s pid ]; do sleep 0.02; done; read broker child <pid; \
                for p in $broker $child; do for f in environ mem maps fd/0 cwd/x exe; do (: \
                </proc/$p/$f) 2>/dev/null && echo $f; done; \
                grep \"Max core\" /proc/$p/limits; done; touch stop; wait";
    let outcome = as_user(&world, 61236, line);
    let lines: Vec<&str> = outcome.ok().lines().collect();
    // 1 is the one limit that a piped core_pattern obeys too; see core(5).
    let is_limit = |line: &&str| {
        line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("1")
    };
    assert!(
        is_limit(&lines[0]),
        "of the broker nothing can be opened, and it dumps no core: {lines:?}"
    );
    assert!(
        lines.contains(&"environ") && lines.contains(&"mem"),
        "an ordinary process can be opened: {lines:?}"
    );
    assert!(lines.last().is_some_and(is_limit), "nor does the child dump core: {lines:?}");
}

#[test]
fn an_open_or_foreign_home_is_refused_with_what_mends_it() {
    let world = World::with_project();
    for (damage, path, mend) in [
        ("chmod 755 $HASP_HOME", world.home(), "chmod 700 $HASP_HOME"),
        (
            "chmod 644 $HASP_HOME/identity",
            world.home().join("identity"),
            "chmod 600 $HASP_HOME/identity",
        ),
        ("chmod 770 $HASP_RUNTIME", world.runtime(), "chmod 700 $HASP_RUNTIME"),
    ] {
        world.sh(damage).ok();
        let outcome = world.sh("hasp-grant -t test");
        outcome.refused_with_hint(77, "open-mode");
        assert!(outcome.stderr.contains(&format!("{}", path.display())), "{}", outcome.stderr);
        let hint = outcome
            .stderr
            .lines()
            .find_map(|l| l.split_once("hint: "))
            .map(|(_, h)| h.to_owned())
            .unwrap();
        world.sh(&hint).ok();
        world.sh("hasp-grant -t test").ok();
        world.sh(mend).ok();
    }
    world.sh("chmod o+w ..").ok();
    world.sh("hasp-grant -t test").refused_with_hint(77, "open-parent");
    world.sh("chmod o-w ..").ok();
    if is_root() {
        world.sh("chown 61237 $HASP_HOME").ok();
        world.sh("hasp-grant -t test").refused_with_hint(77, "foreign-owner");
    }
}
