//! Promise: where something of the machine is missing, what replaces it is not weaker, or the
//! refusal is clear and spends nothing; what a command inherits is hardened everywhere; and
//! `--doctor` says how things stand.
#![allow(clippy::unwrap_used)]

use std::process::Stdio;
use std::time::Duration;

use hasp_tests::{DB_URL, Outcome, World, is_root, peer, say, wait_until};

/// A world with `db/url` bound to the project.
fn world() -> World {
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind -q add db/url").ok();
    world
}

/// Whether mounts and namespaces can be made here.
fn can_unshare() -> bool {
    let can =
        is_root() && World::bare().sh("unshare --mount --pid --fork --mount-proc true").status == 0;
    if !can {
        say("skipped: namespaces need root");
    }
    can
}

/// Under a seccomp-like filter for one process tree.
fn filtered(world: &World, calls: &str, error: &str, line: &str) -> Outcome {
    world.sh(&format!(
        "strace -f -qq -o /dev/null -e trace={calls} -e inject={calls}:error={error} {line}"
    ))
}

#[test]
fn where_system_calls_are_refused_something_as_strong_is_used() {
    if !peer("strace") {
        return;
    }
    let world = world();
    world.script(
        "look",
        "#!/bin/sh\ncat /dev/fd/$N | wc -c; case $(readlink /proc/self/fd/$N) in \
                          *deleted*) echo nameless ;; esac; cat | wc -c; (echo x >&$N) \
                          2>/dev/null || echo closed\n",
    );
    for error in ["EPERM", "ENOSYS"] {
        let calls =
            "memfd_create,close_range,faccessat2,statx,mlock,madvise,landlock_create_ruleset";
        let line = "hasp-grant -q -x --fd N=db/url --stdin db/url -- ./look";
        let outcome = filtered(&world, calls, error, line);
        assert_eq!(outcome.ok(), format!("{0}\nnameless\n{0}\nclosed\n", DB_URL.len()), "{error}");
        assert!(world.files(&world.runtime().join("files")).is_empty());
        // Nobody's descriptors but the command's own, without the one call that withholds all.
        let look = "hasp-grant -q -x -e K=db/url -- sh -c 'for n in 3 4 5 6 7 8 9; do [ -e \
                    /proc/$$/fd/$n ] && echo $n; done; true' 8</dev/null";
        assert_eq!(filtered(&world, calls, error, look).ok(), "");
    }
}

#[test]
#[cfg_attr(hasp_portable, ignore = "needs memory files")]
fn without_memory_files_or_a_place_in_memory_nothing_is_spent() {
    if !peer("strace") {
        return;
    }
    let world = world();
    std::fs::create_dir(world.beside("disk")).unwrap();
    let on_disk = world.sh("stat -f -c %T ..").ok().trim() != "tmpfs";
    if !on_disk {
        return say("skipped: the temporary directory is in memory");
    }
    let setup = "export HASP_RUNTIME=$PWD/../disk/run; hasp-grant -q --consumer user --fd \
                 N=db/url -o ../t -- sh -c 'echo ran >>ran'";
    world.sh(setup).ok();
    let refused = filtered(
        &world,
        "memfd_create",
        "EPERM",
        "env HASP_RUNTIME=$PWD/../disk/run hasp-exec -g ../t",
    );
    refused.refused_with_hint(125, "no-memfd");
    assert_eq!(world.runs(), 0);
    world.sh("HASP_RUNTIME=$PWD/../disk/run hasp-exec -g ../t").ok();
    assert_eq!(world.runs(), 1);
    world
        .sh("HASP_RUNTIME=$PWD/../disk/run hasp-grant -x --file F=db/url -- true")
        .refused_with_hint(125, "file-on-disk");
}

#[test]
fn without_proc_nobody_can_be_recognised_and_nothing_is_spent() {
    if !can_unshare() {
        return;
    }
    let world = world();
    world.sh("hasp-grant -q --consumer user -e K=db/url -o ../t -- sh -c 'echo ran >>ran'").ok();
    let blind = |line: &str| {
        world.sh(&format!("unshare --mount bash -c 'mount -t tmpfs none /proc; {line}'"))
    };
    blind("hasp-exec -g ../t").refused_with_hint(125, "no-proc");
    blind("hasp-grant -e K=db/url -o ../u -- true").refused_with_hint(77, "no-proc");
    // Another namespace's /proc names other processes by our numbers.
    let foreign = world.sh("unshare --pid --fork hasp-exec -g ../t");
    foreign.refused_with_hint(125, "no-proc");
    let doctor = blind("hasp-exec --doctor");
    assert_eq!(doctor.civil().status, 1, "{}", doctor.stderr);
    assert!(
        doctor.stdout.contains("wrong processes")
            && doctor.stdout.contains("-> mount it: mount -t proc proc /proc"),
        "{}",
        doctor.stdout
    );
    assert_eq!(world.runs(), 0);
    world.sh("hasp-exec -g ../t").ok();
    assert_eq!(world.runs(), 1);
}

#[test]
fn as_the_first_process_of_a_container_it_reaps_forwards_and_tells_a_signal_by_128() {
    if !can_unshare() {
        return;
    }
    let world = world();
    world.sh("hasp-grant -q --consumer user --for 1h --keep -e K=db/url --any-command").ok();
    let first = "unshare --pid --fork --mount-proc --kill-child hasp-exec";
    let pid = world.sh(&format!("{first} -- sh -c 'echo $PPID'"));
    assert_eq!(pid.ok(), "1\n");
    assert_eq!(world.sh(&format!("{first} -- sh -c 'exit 7'")).status, 7);
    assert_eq!(world.sh(&format!("{first} -- sh -c 'kill -KILL $$'")).status, 137);
    // Orphans that end while the command runs leave no zombie behind.
    world.script(
        "orphans",
        "#!/bin/sh\nfor i in 1 2 3 4 5; do sh -c 'sleep 0.1 & exit'; done\ni=0\n\
         while pgrep -x sleep >/dev/null && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done\n\
         grep -l '^State:.Z' /proc/[0-9]*/status | wc -l\n",
    );
    assert_eq!(world.sh(&format!("{first} -- ./orphans")).ok(), "0\n");
    // A token through a pipe, from a mint in the same container.
    let inside = "unshare --pid --fork --mount-proc sh -c 'hasp-grant -q -e K=db/url -- echo ran \
                  | hasp-exec; echo $?'";
    assert_eq!(world.sh(inside).ok(), "ran\n0\n");
    world.script(
        "waits",
        "#!/bin/sh\ntrap 'echo got TERM; exit 9' TERM\necho $$ >ready\nwhile :; do sleep 0.05; \
         done\n",
    );
    let mut child =
        world.shell(&format!("exec {first} -- ./waits")).stdin(Stdio::null()).spawn().unwrap();
    wait_until(Duration::from_secs(20), || world.project().join("ready").exists());
    world
        .sh("pkill -TERM -x hasp-exec -P $(pgrep -f -x 'unshare --pid --fork --mount-proc \
              --kill-child hasp-exec -- ./waits' | head -1)")
        .ok();
    let status = child.wait().unwrap();
    let outcome = Outcome::of(std::process::Output { status, ..child.wait_with_output().unwrap() });
    assert_eq!((outcome.status, outcome.stdout.as_str()), (9, "got TERM\n"), "{}", outcome.stderr);
}

#[test]
fn where_no_terminal_can_be_made_the_output_is_redacted_on_pipes() {
    if !can_unshare() || !peer("script") {
        return;
    }
    let world = world();
    world
        .sh("hasp-grant -q --consumer user --for 1h --keep -e K=db/url -- sh -c 'test -t 1 || \
              echo no terminal; echo \"$K\"'")
        .ok();
    let inside = "script -qec \"unshare --mount sh -c 'mount --bind /dev/null /dev/ptmx; exec \
                  hasp-exec -g kept'\" /dev/null";
    assert_eq!(world.sh(inside).ok().replace('\r', ""), "no terminal\n[hasp:db/url]\n");
}

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
        assert_eq!(shown.ok().trim_matches(['\0', '^', '@', '\r', '\n']), "2");
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

#[test]
fn a_token_goes_into_nothing_that_another_user_made() {
    if !is_root() {
        return;
    }
    let world = World::with_project();
    let mallory = "setpriv --reuid=61236 --regid=61236 --clear-groups";
    world.sh("mkdir -m 777 ../shared; chmod 755 ..").ok();
    let made = [
        ("file", "echo mine >file; chmod 666 file", "foreign-owner"),
        ("fifo", "mkfifo -m 666 fifo", "foreign-owner"),
        ("link", "echo mine >target; chmod 666 target; ln -s target link", "symlink"),
        ("dangling", "ln -s nowhere dangling", "symlink"),
        ("null", "ln -s /dev/null null", "symlink"),
        ("dir", "mkdir dir", "not-a-file"),
    ];
    for (name, make, code) in made {
        world.sh(&format!("cd ../shared && exec {mallory} sh -c '{make}'")).ok();
        let line = format!("timeout 10 hasp-grant -q --consumer user -t test -o ../shared/{name}");
        world.sh(&line).refused(77, code);
    }
    assert_eq!(
        world.sh("cat ../shared/file ../shared/target; ls ../shared/nowhere 2>&1 | wc -l").ok(),
        "mine\nmine\n1\n"
    );
    assert_eq!(world.sh("hasp-grant list").ok(), "");
    world.sh("hasp-grant -q --consumer user -t test -o /dev/tty").refused(77, "not-a-file");
    // What is new there is nobody else's to read, whatever the umask.
    world.sh("umask 0; hasp-grant -q --consumer user -t test -o ../shared/new").ok();
    assert_eq!(world.sh("stat -c '%a %u' ../shared/new").ok(), "600 0\n");
    let lines = "hasp-grant -q --consumer user -t test -o /dev/stdout | grep -c '^v4.public.'; \
                 hasp-grant -q --consumer user -t test -o /dev/stderr 2>&1 | grep -c '^v4.public.'";
    assert_eq!(world.sh(lines).ok(), "1\n1\n");
}
