//! How a command and its broker are closed to others.

use super::*;

/// Runs a kept grant for any command on pipes, or on a terminal.
fn both(world: &World, before: &str, words: &str) -> [String; 2] {
    world.sh("hasp-grant -q --consumer user --for 1h --keep -e K=db/url --any-command").ok();
    world.write("words", format!("#!/bin/bash\n{before}\nexec hasp-exec -g kept -- {words}\n"));
    let pipes = world.sh("bash words").ok().to_owned();
    let terminal = world.sh("script -qec 'bash words' /dev/null").ok().replace('\r', "");
    [pipes, terminal]
}

#[test]
#[cfg_attr(hasp_portable, ignore = "a core limit of 1 is Linux's")]
fn a_command_starts_hardened_on_pipes_and_on_a_terminal() {
    if !peer("script") {
        return;
    }
    let world = world();
    let look = "sh -c 'cat /proc/self/coredump_filter; grep -E \"^(SigBlk|SigIgn|NoNewPrivs)\" \
                /proc/self/status; \
                for n in 3 4 5 6 7 8 9 10; do [ -e /proc/$$/fd/$n ] && echo open $n; done; true'";
    let before = "trap '' PIPE; exec 8</dev/null 9>/dev/null; ulimit -Sc unlimited 2>/dev/null";
    for shown in both(&world, before, look) {
        assert!(shown.contains("00000000\n"), "{shown}");

        assert!(shown.contains("SigBlk:\t0000000000000000\n"), "{shown}");
        let ignored = shown.lines().find_map(|l| l.strip_prefix("SigIgn:\t")).unwrap();
        // SIGPIPE is signal 13; what else our own caller ignores is the command's.
        assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & (1 << 12), 0, "{shown}");
        assert!(shown.contains("NoNewPrivs:\t0\n"), "{shown}");
        assert!(!shown.contains("open "), "{shown}");
    }
    let [pipes, terminal] = both(&world, before, "cat /proc/self/limits");
    for shown in [pipes, terminal] {
        let core = shown.lines().find(|l| l.starts_with("Max core file size")).unwrap();
        // 1 is the one soft limit that a piped core_pattern obeys, and too little for a file.
        assert_eq!(core.split_whitespace().nth(4), Some("1"), "{core}");
    }
}

#[test]
fn no_core_file_is_left_by_a_command_that_crashes() {
    let world = world();
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let line = "ulimit -c unlimited; hasp-grant -q -x -e K=db/url -- sh -c 'kill -SEGV $$'";
    assert_eq!(world.sh(line).status, 139);
    if !pattern.contains('/') {
        let control = world.sh("ulimit -c unlimited; sh -c 'kill -SEGV $$'; ls | grep -c core");
        say(&format!("core files without hasp-exec: {}", control.stdout.trim()));
        world.sh("rm -f core*");
        world.sh(line);
        assert_eq!(world.sh("ls | grep core; true").ok(), "");
    }
}

#[test]
#[cfg_attr(hasp_portable, ignore = "needs no_new_privs")]
fn a_target_that_asks_for_it_gains_no_privileges() {
    if !peer("script") {
        return;
    }
    let world = world();
    let manifest = |more: &str| {
        format!(
            "[refs]\n\"db/url\" = {{}}\n[target.t]\nrun = ['grep', 'NoNewPrivs', \
             '/proc/self/status']\nenv = {{ K = 'db/url' }}\n{more}"
        )
    };
    world.bind(&manifest("no-new-privs = true"));
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    assert_eq!(world.sh("hasp-exec -t t").ok(), "NoNewPrivs:\t1\n");
    assert!(world.sh("script -qec 'hasp-exec -t t' /dev/null").ok().contains("NoNewPrivs:\t1\r"));
    // It is part of what was consented to, and of the grant.
    world.write("hasp.toml", manifest(""));
    assert_eq!(world.sh("hasp-exec -t t").ok(), "NoNewPrivs:\t1\n");
    let changed = world.sh("hasp-grant -t t -o ../t");
    changed.refused(77, "target-changed");
    assert!(changed.stderr.contains("- gains no privileges"), "{}", changed.stderr);
}

#[test]
fn a_broker_that_is_killed_takes_the_command_with_it() {
    if !peer("script") {
        return;
    }
    let world = world();
    world.sh("hasp-grant -q --consumer user --for 1h --keep --file F=db/url --any-command").ok();
    world.script("waits", "#!/bin/sh\necho \"$F\" >path\nexec sleep 61.25\n");
    let alive =
        |world: &World| world.sh("pgrep -s 0 -f nothing; pgrep -f -x 'sleep 61.25'").status == 0;
    for start in [
        "setsid hasp-exec -g kept -- ./waits",
        "script -qec 'hasp-exec -g kept -- ./waits' /dev/null",
    ] {
        for victim in [
            "pgrep -f -x 'hasp-exec -g kept -- ./waits'",
            "pgrep -f -- '--monitor|hasp-exec -g kept -- ./waits'",
        ] {
            let _ = std::fs::remove_file(world.project().join("path"));
            world.sh(&format!("{start} </dev/null >/dev/null 2>&1 &")).ok();
            wait_until(Duration::from_secs(20), || {
                world.project().join("path").exists() && alive(&world)
            });
            world.sh(&format!("kill -9 $({victim})"));
            wait_until(Duration::from_secs(5), || !alive(&world));
            wait_until(Duration::from_secs(5), || {
                world.files(&world.runtime().join("files")).is_empty()
            });
        }
    }
}

#[test]
#[cfg_attr(hasp_portable, ignore = "needs PR_SET_DUMPABLE")]
fn another_process_of_the_same_user_reads_no_memory_of_the_broker() {
    if !is_root() {
        return say("skipped: changing users needs root");
    }
    let world = World::bare();
    world.sh("chown -R 61236:61236 .. $(dirname $HASP_RUNTIME)").ok();
    let user = |line: &str| {
        world.sh(&format!(
            "exec setpriv --reuid=61236 --regid=61236 --clear-groups bash -c '{line}'"
        ))
    };
    user(
        "hasp-vault init -q --no-passphrase; printf fjord-and-quartz-4711 | hasp-vault set -q k; \
          hasp-bind -q add k",
    )
    .ok();
    world.script(
        "look",
        "#!/bin/sh\nfor p in $PPID $(pgrep -u 61236 -f -- \"--reap|--monitor\"); do\n\
        for f in environ mem maps fd/0 auxv; do cat /proc/$p/$f >/dev/null 2>&1 && echo \"$p $f \
        is readable\"; done\n\
        ls /proc/$p/fd >/dev/null 2>&1 && echo \"$p fd is readable\"\ndone\n\
        cat /proc/$$/environ >/dev/null && pgrep -c -u 61236 -f -- \"--reap|--monitor\"\n",
    );
    let line = "hasp-grant -q -x --consumer user --file F=k -- ./look";
    assert_eq!(user(line).ok(), "1\n");
    if peer("script") {
        let shown = user(&format!("script -qec \"{line}\" /dev/null"));
        // Behind the warning that the program can be changed, which -q does not hide.
        let last = shown.ok().lines().last().unwrap_or_default();
        assert_eq!(last.trim_matches(['\0', '^', '@', '\r', '\n']), "2");
    }
}

#[test]
fn a_token_typed_as_a_target_comes_back_from_no_descriptor() {
    let world = world();
    world.sh("hasp-grant -q --consumer user --for 1h -e K=db/url -o ../t -- true").ok();
    let line = "t=$(cat ../t); hasp-exec -g ../t -t \"$t\" --status-fd 3 3>status; hasp-exec -g \
                ../t --explain -t \"$t\"; hasp-exec --json -t \"$t\"";
    let outcome = world.sh(line);
    let token = std::fs::read_to_string(world.beside("t")).unwrap();
    let status = std::fs::read_to_string(world.project().join("status")).unwrap();
    assert!(
        status.contains("\"code\":\"other-target\"")
            && outcome.stdout.contains("no  this is the approved action"),
        "{status}{}",
        outcome.stdout
    );
    for text in [&status, &outcome.stdout, &outcome.stderr] {
        assert!(text.contains("v4.public....") && !text.contains(&token[10..60]), "{text}");
    }
}
