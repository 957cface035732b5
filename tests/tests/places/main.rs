//! Promise: where something of the machine is missing, what replaces it is not weaker, or the
//! refusal is clear and spends nothing; what a command inherits is hardened everywhere; and
//! `--doctor` says how things stand.
#![allow(clippy::unwrap_used)]

mod doctor;
mod hardened;

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
