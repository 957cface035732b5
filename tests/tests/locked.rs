//! Promise: without a terminal and without an identity or token every tool says so at once and
//! never hangs.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use hasp_tests::{API_KEY, MANIFEST, Outcome, PASSPHRASE, World};

fn locked_world() -> World {
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set api/key 3<../passphrase", API_KEY).ok();
    world
        .feed(
            "HASP_PASSPHRASE=fd:3 hasp-vault set db/url 3<../passphrase",
            "postgres://somewhere/else",
        )
        .ok();
    world.write("hasp.toml", MANIFEST);
    world.script("show", "#!/bin/sh\necho \"$API_KEY\"\n");
    world.sh("HASP_PASSPHRASE=fd:3 hasp-bind --yes 3<../passphrase").ok();
    world
}

fn at_once(world: &World, line: &str) -> Outcome {
    let began = Instant::now();
    let outcome = world.sh(line);
    assert!(began.elapsed() < Duration::from_secs(5), "{line} took {:?}", began.elapsed());
    outcome
}

#[test]
fn without_a_terminal_and_an_identity_it_is_69_at_once() {
    let world = locked_world();
    for line in [
        "hasp-vault reveal --force api/key",
        "hasp-vault set api/key --from env:HOME",
        "hasp-vault set api/key --from env:HOME <&-",
        "hasp-vault check api/key --from env:HOME",
        "hasp-vault key audit --fd 1",
        "hasp-grant -t test",
        "hasp-grant -t test <&-",
        "hasp-grant -t test --for 1h --keep",
        "hasp-bind remove api/key",
        "hasp-bind add x=api/key",
        "hasp-audit verify",
        "hasp-audit head",
    ] {
        let outcome = at_once(&world, line);
        outcome.refused_with_hint(69, "locked");
        assert!(outcome.stdout.is_empty(), "{line}");
    }
    let run = at_once(&world, "hasp-grant -x -t test");
    run.refused_with_hint(125, "locked");
}

#[test]
fn without_a_token_it_is_an_error_and_never_a_hang() {
    let world = World::with_project();
    for line in [
        "hasp-exec </dev/null",
        "hasp-exec <&-",
        "hasp-exec -g - </dev/null",
        "hasp-exec -g kept",
        "hasp-exec -t test",
        "hasp-exec -t test <&-",
        "sleep 8 | hasp-exec -t test",
        "sleep 8 | hasp-exec -g kept",
        "hasp-exec -- ./show",
        "HASP_GRANT=kept hasp-exec",
        "hasp-exec -g fd:9",
        "hasp-exec -g env:NO_SUCH_VARIABLE",
        "hasp-exec -g /no/such/file",
        "hasp-exec --explain </dev/null",
    ] {
        let outcome = at_once(&world, &quick(line));
        let expected = if line.contains("--explain") { 1 } else { 125 };
        assert_eq!(outcome.status, expected, "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("hint: "), "{line}: {}", outcome.stderr);
        outcome.civil();
    }
    assert_eq!(world.runs(), 0);
}

/// A pipe whose first part sleeps becomes a redirection from it, so that only hasp-exec is waited
/// for.
fn quick(line: &str) -> String {
    match line.split_once(" | ") {
        Some((first, second)) => format!("{second} < <({first} 2>&1 >/dev/null)"),
        None => line.to_owned(),
    }
}

#[test]
fn a_wrong_passphrase_is_one_message() {
    let world = locked_world();
    let mut said = Vec::new();
    for wrong in [
        "not it",
        "",
        "correct horse battery stapl",
        "correct horse battery staple ",
        &"x".repeat(1 << 20),
    ] {
        std::fs::write(world.beside("wrong"), wrong).unwrap();
        let outcome = world.sh("HASP_PASSPHRASE=fd:3 hasp-vault reveal --force api/key 3<../wrong");
        assert!(outcome.status != 0 && outcome.stdout.is_empty(), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("hint: ") && !outcome.civil().code().is_empty(),
            "{}",
            outcome.stderr
        );
        said.push(outcome.stderr);
    }
    assert_eq!(said[0], said[2], "the same words whatever was wrong");
    let newline = format!("{PASSPHRASE}\n");
    std::fs::write(world.beside("wrong"), newline).unwrap();
    let opened = world.sh("HASP_PASSPHRASE=fd:3 hasp-vault reveal --force api/key 3<../wrong");
    assert!(opened.ok().trim_end() == API_KEY);
}

#[test]
fn an_askpass_program_is_asked() {
    let world = locked_world();
    world.script("ask", &format!("#!/bin/sh\necho \"asked $#\" >>asked\necho '{PASSPHRASE}'\n"));
    let opened = world.sh("HASP_ASKPASS=$PWD/ask hasp-vault reveal --force api/key");
    assert!(opened.ok().trim_end() == API_KEY);
    assert_eq!(std::fs::read_to_string(world.project().join("asked")).unwrap().lines().count(), 1);
    let through = world.sh("HASP_ASKPASS=$PWD/ask hasp-grant -q -t test | hasp-exec");
    assert_eq!(through.ok(), "[hasp:api/key]\n");
    world.script("ask", "#!/bin/sh\nexit 1\n");
    let refused = at_once(&world, "HASP_ASKPASS=$PWD/ask hasp-vault reveal --force api/key");
    assert!(
        refused.status != 0 && refused.stdout.is_empty() && refused.stderr.contains("hint: "),
        "{}",
        refused.stderr
    );
    let missing =
        at_once(&world, "HASP_ASKPASS=/no/such/program hasp-vault reveal --force api/key");
    assert!(missing.status != 0 && missing.stderr.contains("hint: "), "{}", missing.stderr);
}

#[test]
fn an_identity_from_elsewhere_replaces_the_file() {
    let world = World::with_project();
    world.sh("mv ../home/identity ../id").ok();
    at_once(&world, "hasp-grant -t test").refused_with_hint(69, "no-identity");
    for source in ["HASP_IDENTITY=../id", "HASP_IDENTITY=fd:4 4<../id"] {
        let (set, after) = source.split_once(' ').unwrap_or((source, ""));
        let opened = world.sh(&format!("{set} hasp-vault reveal --force api/key {after}"));
        assert!(opened.ok().trim_end() == API_KEY, "{source}");
    }
    let variable = world.sh(
        "export ID=\"$(cat ../id)\"; HASP_IDENTITY=env:ID hasp-grant -x -q -e K=api/key -- sh -c \
         'echo ${ID-gone}'",
    );
    assert_eq!(variable.ok(), "gone\n", "the variable is withheld from the child");
    world.sh("HASP_IDENTITY=/no/such hasp-vault reveal --force api/key").civil();
}
