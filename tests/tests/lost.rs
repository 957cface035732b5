//! Output that cannot be written is never a success: not in the tools, and not of a command that
//! ended well.

#![allow(clippy::unwrap_used)]

use hasp_tests::{DB_URL, Pty, World, peer};

/// A project with a kept grant for any command that gets `db/url` in `$DB`.
fn world() -> World {
    let world = World::with_project();
    world.sh("hasp-grant --for 1h --keep --consumer user -e DB=db/url --any-command").ok();
    world.sh("hasp-grant --for 1h --keep --consumer user -t test").ok();
    world.write("value", DB_URL);
    world.write("found", format!("{DB_URL}\n"));
    world
}

/// Every verb that has data for stdout here, but for hasp-exec, whose own failures have statuses of
/// their own.
const PRINTS: &[&str] = &[
    "hasp-vault list",
    "hasp-vault list --json",
    "hasp-vault show db/url",
    "hasp-vault reveal --force db/url",
    "hasp-vault get db/url",
    "hasp-vault history db/url",
    "hasp-vault export --force db/url",
    "hasp-vault identity show",
    "hasp-vault recipients",
    "hasp-vault backup",
    "hasp-vault status",
    "hasp-bind list",
    "hasp-target list",
    "hasp-target show test",
    "hasp-target explain test",
    "hasp-consumer whoami",
    "hasp-grant --consumer user -e K=db/url -- true",
    "hasp-grant list",
    "hasp-audit log",
    "hasp-audit log --json",
    "hasp-audit verify",
    "hasp-audit head",
    "hasp-audit who --from value",
    "hasp-audit exposed",
    "hasp-audit export",
    "hasp-redact scan found",
    "hasp-redact watch",
    "hasp-redact --file V=value <found",
];

#[test]
fn no_tool_takes_a_full_device_for_a_success() {
    let world = world();
    for line in PRINTS {
        assert!(!world.sh(line).stdout.is_empty(), "{line} prints nothing here");
        let outcome = world.sh(&format!("{line} >/dev/full"));
        assert_eq!(outcome.status, 74, "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("no space left on device"), "{line}: {}", outcome.stderr);
    }
    for tool in ["vault", "bind", "target", "consumer", "grant", "audit", "redact"] {
        world.sh(&format!("hasp-{tool} --help >/dev/full")).refused(74, "io");
        world.sh(&format!("hasp-{tool} --version >/dev/full")).refused(74, "io");
    }
    for line in ["--help", "--version", "--completions bash", "--doctor", "--explain -t test"] {
        let outcome = world.sh(&format!("hasp-exec {line} >/dev/full"));
        assert!(
            outcome.status != 0 && outcome.stderr.contains("[io]"),
            "{line}: {}",
            outcome.stderr
        );
    }
}

/// How the last command is on record.
fn last_end(world: &World) -> serde_json::Value {
    world.events("exec.end").pop().unwrap()
}

#[test]
fn a_command_whose_output_was_lost_did_not_end_well() {
    let world = world();
    for (line, status, lost) in [
        ("hasp-exec -- echo out >/dev/full", 74, "unwritten"),
        ("hasp-exec -- sh -c 'echo err >&2' 2>/dev/full", 74, "unwritten"),
        ("hasp-exec -- sh -c 'echo err >&2; echo out' >out 2>/dev/full", 74, "unwritten"),
        ("hasp-exec -- sh -c 'echo out; exit 4' >/dev/full", 4, "unwritten"),
        // It gets a broken pipe from us, since nobody takes what it writes.
        ("hasp-exec -- seq 1000000 >/dev/full", 74, "unwritten"),
        ("hasp-exec -- sh -c 'echo out; kill -TERM $$' >/dev/full", 143, "unwritten"),
        ("hasp-exec -- true >/dev/full", 0, ""),
        ("hasp-exec -- seq 1000000 | head -1; exit ${PIPESTATUS[0]}", 141, ""),
        (
            "hasp-exec -- sh -c 'trap \"\" PIPE; seq 1000000; exit 0' 2>/dev/null | head -1; exit \
             ${PIPESTATUS[0]}",
            0,
            "",
        ),
    ] {
        let outcome = world.sh(line);
        assert_eq!(outcome.status, status, "{line}: {}", outcome.stderr);
        assert_eq!(last_end(&world)["lost"].as_str().unwrap_or_default(), lost, "{line}");
        if !line.contains("2>") {
            assert_eq!(
                outcome.stderr.contains("output was lost"),
                !lost.is_empty(),
                "{line}: {}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn whatever_the_cause_lost_output_is_lost() {
    if !peer("strace") {
        return;
    }
    let world = world();
    world.sh("touch out err").ok();
    for cause in ["ENOSPC", "EIO", "EFBIG", "EDQUOT", "ENXIO"] {
        for (own, to) in [("echo text", "out"), ("echo text >&2", "err")] {
            let failing = format!(
                "strace -f -qq -o /dev/null -P $PWD/{to} -e trace=write -e \
                 inject=write:error={cause}"
            );
            let outcome = world.sh(&format!("{failing} hasp-exec -- sh -c '{own}' >>out 2>>err"));
            assert_eq!(outcome.status, 74, "{cause} {to}: {}", outcome.stderr);
            assert_eq!(last_end(&world)["lost"], "unwritten", "{cause} {to}");
        }
        let failing = format!(
            "strace -f -qq -o /dev/null -P $(tty) -e trace=write -e inject=write:error={cause}"
        );
        let (status, shown) =
            Pty::start(&world, "bash", &["-c", &format!("{failing} hasp-exec -- echo text")]).end();
        assert_eq!(status, 74, "{cause}: {shown}");
        assert_eq!(last_end(&world)["lost"], "unwritten", "{cause}");
        // A network file system tells of it when the file is closed.
        let failing = format!(
            "strace -f -qq -o /dev/null -P $PWD/out -e trace=close -e inject=close:error={cause}"
        );
        assert_eq!(
            world.sh(&format!("{failing} hasp-exec -- echo text >>out")).status,
            74,
            "{cause}"
        );
        world.sh(&format!("{failing} hasp-redact --file V=value <found >>out")).refused(74, "io");
        world.sh(&format!("{failing} hasp-vault list >>out")).refused(74, "io");
        let failing = format!(
            "strace -qq -o /dev/null -P $PWD/out -e trace=write -e inject=write:error={cause}"
        );
        world.sh(&format!("{failing} hasp-redact --file V=value <found >>out")).refused(74, "io");
    }
}

#[test]
fn a_file_size_limit_is_an_error_and_no_signal_but_the_commands() {
    let world = world();
    let full = "head -c 1048576 /dev/zero >full; ulimit -f 1024;";
    let outcome = world.sh(&format!("{full} hasp-exec -- echo more >>full"));
    assert_eq!(outcome.status, 74, "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains("output was lost: cannot write output: file too large"),
        "{}",
        outcome.stderr
    );
    world.sh(&format!("{full} hasp-redact --file V=value <found >>full")).refused(74, "io");
    world.sh(&format!("{full} hasp-vault list >>full")).refused(74, "io");
    // The command has the signal's default action, or has it ignored where our caller has.
    let own = "hasp-exec -- sh -c 'ulimit -f 1; exec seq 10000 >big'";
    assert_eq!(world.sh(own).status, 128 + 25);
    assert_eq!(world.sh(&format!("trap '' XFSZ; {own}")).status, 1);
}
