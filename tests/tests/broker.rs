//! The broker under the conditions that real callers bring: slow readers, ignored signals, makes
//! and daemons, directories left beside delivered files, and descriptors that were never meant for
//! the child.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use hasp_tests::{DB_URL, World};

/// A world with `db/url`, bound to the project.
fn world() -> World {
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind add db/url").ok();
    world
}

/// Mints for this command into the file `token`, then runs the line.
fn with_token(world: &World, delivery: &str, command: &str, run: &str) -> hasp_tests::Outcome {
    world.sh(&format!("hasp-grant {delivery} --consumer user -o token -- {command} || exit\n{run}"))
}

#[test]
fn a_reader_that_pauses_loses_nothing() {
    let world = world();
    let outcome = world.sh("hasp-grant -x -e DB=db/url -- seq 1 20000 | (sleep 1.5; wc -l)");
    assert_eq!(outcome.ok().trim(), "20000");
    let big =
        world.sh("hasp-grant -x -e DB=db/url -- head -c 20000000 /dev/zero | (sleep 1; wc -c)");
    assert_eq!(big.ok().trim(), "20000000");
}

#[test]
fn a_daemon_that_keeps_the_output_open_is_left_behind_and_counted() {
    let world = world();
    world.script("quiet", "#!/bin/sh\necho before; setsid sleep 30 & echo $! >pid; exit 4\n");
    world.script("chatty", "#!/bin/sh\necho before; setsid yes & echo $! >pid; exit 4\n");
    for program in ["./quiet", "./chatty"] {
        let began = Instant::now();
        let outcome = with_token(
            &world,
            "-e DB=db/url",
            program,
            "hasp-exec -g token --status-fd 3 3>status >out",
        );
        assert_eq!(outcome.status, 4, "{program}: {}", outcome.stderr);
        assert!(began.elapsed() < Duration::from_secs(5), "{program}");
        assert!(outcome.stderr.contains("outlived the command: 1"), "{}", outcome.stderr);
        let status = std::fs::read_to_string(world.project().join("status")).unwrap();
        assert!(status.contains("\"stragglers\":1"), "{status}");
        assert!(
            std::fs::read_to_string(world.project().join("out")).unwrap().starts_with("before\n")
        );
        world.sh("kill -9 $(cat pid)");
    }
    let on_terminal = "mkfifo idle; script -qec 'hasp-exec -g token' /dev/null <>idle";
    let outcome = with_token(&world, "-e DB=db/url", "./quiet", on_terminal);
    assert_eq!(outcome.status, 4, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("outlived the command: 1"), "{}", outcome.stdout);
    world.sh("kill -9 $(cat pid)").ok();
    let outcome = with_token(
        &world,
        "-e DB=db/url",
        "./quiet",
        "hasp-exec -g token --kill-stragglers; ps -o stat= -p $(cat pid) | grep -v Z",
    );
    assert_eq!(outcome.status, 1, "{}", outcome.stderr);
}

#[test]
fn whatever_lies_beside_a_delivered_file_goes_with_it() {
    let world = world();
    let make = r#"d=$(dirname "$F"); mkdir -p "$d/cache/deep"; echo x >"$d/cache/deep/f"; "#;
    let make = format!("sh -c '{make}{}'", r#"chmod 0 "$d/cache/deep"; ln -s /etc "$d/l""#);
    world.sh(&format!("hasp-grant -x --file F=db/url -- {make}")).ok();
    assert_eq!(world.sh("find $HASP_RUNTIME/files -mindepth 1").ok(), "");
}

#[test]
fn files_of_a_broker_and_a_reaper_that_died_together_go_at_the_next_start() {
    let world = world();
    let wait = "sh -c 'echo $F >path; touch ready; exec sleep 30'";
    let line = "hasp-exec -g token --status-fd 3 3>status & while ! test -e ready; do sleep 0.05; \
                done; \
                kill -9 $(pgrep -f -- \"--reap $(basename $(dirname $(cat path)))\") $!; sleep \
                0.2; test -e $(cat path) && echo left; \
                hasp-grant -x -e DB=db/url -- true; test -e $(cat path) || echo swept";
    let outcome = with_token(&world, "--file F=db/url", wait, line);
    assert_eq!(outcome.ok(), "left\nswept\n");
}

#[test]
fn the_status_survives_a_caller_that_ignores_sigchld() {
    let world = world();
    let outcome = with_token(
        &world,
        "-e DB=db/url",
        "sh -c 'exit 7'",
        "(trap '' CHLD; exec hasp-exec -g token)",
    );
    assert_eq!(outcome.status, 7, "{}", outcome.stderr);
}

#[test]
fn a_token_that_is_minted_while_we_wait_is_not_from_the_future() {
    let world = world();
    let outcome = world.sh("(sleep 1.2; hasp-grant -e DB=db/url -- echo ran) | hasp-exec");
    assert_eq!(outcome.ok(), "ran\n");
    world.sh("printf soon-gone | hasp-vault set brief --expires 6s && hasp-bind add brief").ok();
    let late =
        world.sh("hasp-grant --consumer user -e B=brief -o brief.token -- echo ran && (until \
         hasp-vault show brief | grep -q expired; do sleep 0.1; done; cat brief.token) | \
         hasp-exec");
    late.refused_with_hint(125, "secret-expired");
}

#[test]
fn the_child_has_the_callers_umask() {
    let world = world();
    let show = "sh -c 'umask; touch made; stat -c %a made'";
    let outcome = world.sh(&format!("umask 022; hasp-grant -x -e DB=db/url -- {show}"));
    assert_eq!(outcome.ok(), "0022\n644\n");
    let outcome =
        with_token(&world, "-e DB=db/url", show, "umask 027; rm -f made; hasp-exec -g token");
    assert_eq!(outcome.ok(), "0027\n640\n");
}

#[test]
fn make_passes_its_jobserver_and_nothing_of_ours() {
    let world = world();
    let look = "sh -c 'ls -l /proc/self/fd | grep -c -e socket: -e /files/; true'";
    with_token(&world, "--file F=db/url", look, "true").ok();
    world.write("Makefile", "all: a b\na: ; @true\nb: ; @hasp-exec -g token\n");
    assert_eq!(world.sh("make -s -j2").ok(), "0\n");
    // The file is there as long as the command runs, not only when it starts.
    let live = "sh -c 'echo x >&4 2>/dev/null; sleep 0.3; cat $F | wc -c'";
    let line = "MAKEFLAGS=' -j4 --jobserver-auth=3,4' hasp-exec -g token 2>/dev/null";
    assert_eq!(
        with_token(&world, "--file F=db/url", live, line).ok().trim(),
        DB_URL.len().to_string()
    );
}

#[test]
fn a_descriptor_that_is_not_open_spends_nothing() {
    let world = world();
    let outcome = with_token(&world, "-e DB=db/url", "echo ran", "hasp-exec -g token --pass-fd 99");
    outcome.refused_with_hint(125, "fd-closed");
    world.sh("hasp-exec -g token --pass-fd=-1").refused(125, "fd-closed");
    assert_eq!(world.sh("hasp-exec -g token").ok(), "ran\n");
}

#[test]
fn what_execve_refuses_is_126_and_never_a_shell() {
    let world = world();
    for (name, content) in [
        ("fake", "\x7fELF\necho SHELL\n"),
        ("empty", "#!\necho SHELL\n"),
        ("orphan", "#!/no/such/interpreter\n"),
    ] {
        world.script(name, content);
        let outcome = world.sh(&format!("hasp-grant -x -e DB=db/url -- ./{name}"));
        outcome.refused(126, "cannot-execute");
        assert_eq!(outcome.stdout, "");
    }
    let log = world.sh("cat $HASP_HOME/audit/*/*.jsonl").stdout;
    assert_eq!(log.matches("\"failed\":\"cannot-execute\"").count(), 3);
}

#[test]
fn words_after_the_dashes_are_compared_before_they_are_appended() {
    let world = world();
    world.sh("hasp-grant --consumer user --for 1h --keep -e DB=db/url -- echo cmd ...").ok();
    assert_eq!(world.sh("hasp-exec -- echo cmd more").ok(), "cmd more\n");
    world.sh("hasp-exec -- echo other").refused_with_hint(125, "other-command");
    // What is kept for another program says nothing of this one.
    let unrelated = world.sh("hasp-exec -- ./migrate up");
    unrelated.refused_with_hint(125, "no-grant");
    assert!(unrelated.stderr.contains("hint: others are kept: hasp-grant list"));
    world.sh("hasp-grant revoke --all").ok();
    world.write(
        "hasp.toml",
        "[refs]\n\"db/url\" = {}\n[target.t]\nrun = [\"echo\", \"T\", \"...\"]\nenv = { DB = \
         \"db/url\" }\n",
    );
    world.sh("hasp-bind --yes && hasp-grant --consumer user --for 1h --keep -t t").ok();
    assert_eq!(world.sh("hasp-exec -t t -- more").ok(), "T more\n");
    let refused = world.sh("hasp-exec -- ./migrate up");
    refused.refused_with_hint(125, "no-grant");
    assert!(refused.stderr.contains("hint: one is kept for target 't': hasp-exec -t t"));
}

#[test]
fn revoking_goes_on_after_a_bad_entry_and_outlives_its_being_put_back() {
    let world = world();
    world.sh("hasp-grant --consumer user --for 1h -e DB=db/url -o token -- echo ran").ok();
    world
        .sh("cp -p $HASP_RUNTIME/grants/* saved; mkdir \
              $HASP_RUNTIME/grants/00000000000000000000000000000000")
        .ok();
    assert_eq!(world.sh("hasp-grant revoke --all").status, 74);
    world.sh("hasp-exec -g token").refused_with_hint(125, "revoked");
    world
        .sh("rmdir $HASP_RUNTIME/grants/0*; cp -p saved $HASP_RUNTIME/grants/$(ls \
              $HASP_RUNTIME/spent | head -1 | cut -d. -f1)")
        .ok();
    world.sh("hasp-exec -g token").refused(125, "revoked");
}

#[test]
fn a_value_typed_into_the_command_is_refused_and_on_no_record() {
    let world = world();
    let outcome =
        world.sh(&format!("hasp-grant -e DB=db/url -o token -- echo 'https://x/?to={DB_URL}&y'"));
    outcome.refused_with_hint(77, "value-in-command");
    assert!(!outcome.stderr.contains(DB_URL) && !world.project().join("token").exists());
    assert_eq!(world.sh(&format!("grep -l -e '{DB_URL}' -r $HASP_HOME; true")).stdout, "");
    let further = with_token(
        &world,
        "-e DB=db/url",
        "echo ...",
        &format!("hasp-exec -g token -- echo 'see {DB_URL} here'"),
    );
    assert_eq!(further.ok(), "see [hasp:db/url] here\n");
    assert!(!world.sh("cat $HASP_HOME/audit/*/*.jsonl").stdout.contains(DB_URL));
}

#[test]
fn a_token_goes_into_a_fifo_without_replacing_it() {
    let world = world();
    let line = "mkfifo -m 600 pipe; hasp-exec -g pipe & hasp-grant --consumer user -e DB=db/url \
                -o pipe -- echo ran; wait $!; test -p pipe";
    assert_eq!(world.sh(line).ok(), "ran\n");
    world.sh("hasp-grant -e DB=db/url -o /nonexistent/dir/x -- echo ran").refused(74, "not-found");
    assert_eq!(world.sh("hasp-grant list").ok(), "");
}

#[test]
fn a_denial_outside_of_the_project_is_on_record_and_a_broken_manifest_stops_nothing_approved() {
    let world = world();
    world.sh("hasp-grant --consumer user --for 1h -e DB=db/url -o token -- echo ran").ok();
    world.sh("cd / && hasp-exec -g $OLDPWD/token").refused(125, "no-project");
    assert!(world.sh("cat $HASP_HOME/audit/*/*.jsonl").stdout.contains("\"code\":\"no-project\""));
    world.sh("hasp-bind add db/url").ok();
    world.write("hasp.toml", "garbage = \n");
    assert_eq!(world.sh("hasp-exec -g token").ok(), "ran\n");
}

#[test]
fn another_users_directory_of_our_name_keeps_nobody_from_revoking() {
    let world = world();
    world.sh("hasp-grant --consumer user --for 1h -e DB=db/url -o token -- echo ran").ok();
    let line = "export XDG_RUNTIME_DIR=$PWD/theirs; mkdir -p theirs/hasp; chown -R 34567 theirs; \
                hasp-grant revoke --all";
    world.sh(line).ok();
    world.sh("hasp-exec -g token").refused(125, "revoked");
    assert_eq!(world.sh("ls theirs/hasp").ok(), "");
}
