//! age plugins: a real one, written for the tests, as recipient and as identity; and programs that
//! are none.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use hasp_tests::{DB_URL, Screen, World, peer};

const RECIPIENT: &str = "age1hasptest1dahx2gr0vcs8g6r9yp4k27tnyyymp4f8";
const IDENTITY: &str = "AGE-PLUGIN-HASPTEST-1DAHX2GR0VCS8G6R9YP4K27TNYYN8YKF6";
/// Of the same plugin, with another key.
const STRANGER: &str = "AGE-PLUGIN-HASPTEST-1V9HX7ARGV4EZQ6M90YSXSETJV5WA6PUC";

/// Puts a program beside the home and links it where hasp looks for the plugin.
fn allow(world: &World, program: &[u8]) -> PathBuf {
    let path = world.beside("bin").join("age-plugin-hasptest");
    std::fs::create_dir_all(world.beside("bin")).unwrap();
    std::fs::write(&path, program).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(world.home().join("plugins")).unwrap();
    let _ = symlink(&path, world.home().join("plugins/age-plugin-hasptest"));
    path
}

fn allow_the_real_one(world: &World) -> PathBuf {
    allow(world, include_bytes!("data/age-plugin-hasptest"))
}

/// The identity of the plugin as a file, as the plugin itself would print it.
fn identity(world: &World, key: &str) -> PathBuf {
    world.write("token", format!("#  Recipient: {RECIPIENT}\n{key}\n"))
}

#[test]
fn a_plugin_wraps_and_unwraps_every_value() {
    if !peer("python3") || !peer("age") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    allow_the_real_one(&world);
    let added =
        world.sh(&format!("hasp-vault recipients add {RECIPIENT} && hasp-vault recipients --json"));
    assert!(added.ok().contains(r#""kind":"hasptest""#), "{}", added.stdout);
    world.store("api/key", "hunter2-hunter2");
    identity(&world, IDENTITY);
    // The home's own identity is out of the way from here on.
    std::fs::rename(world.home().join("identity"), world.beside("spare")).unwrap();
    let token = "export HASP_IDENTITY=token; ";
    assert_eq!(
        world.sh(&format!("{token} hasp-vault reveal --force db/url")).ok().trim_end(),
        DB_URL
    );
    let run =
        "hasp-bind add api/key && hasp-grant -q -x -e API_KEY=api/key -- sh -c 'echo ${#API_KEY}'";
    assert!(world.sh(&format!("{token} {run}")).ok().ends_with("15\n"));
    // The same plugin under Debian's age, which finds it by PATH.
    let file = "$(find ../home/vault/items/db -name '*.age' | head -n 1)";
    assert_eq!(world.sh(&format!("PATH=$HOME/bin:$PATH age -d -i token {file}")).ok(), DB_URL);
    // Another key of the same plugin opens nothing.
    world.write("token", format!("# Recipient: {RECIPIENT}\n{STRANGER}\n"));
    world.sh(&format!("{token} hasp-vault reveal --force db/url")).refused(77, "not-a-recipient");
}

#[test]
fn a_vault_can_be_made_for_a_plugin_alone() {
    if !peer("python3") {
        return;
    }
    let world = World::bare();
    std::fs::create_dir(world.home()).unwrap();
    std::fs::set_permissions(world.home(), PermissionsExt::from_mode(0o700)).unwrap();
    allow_the_real_one(&world);
    identity(&world, IDENTITY);
    let line = "export HASP_IDENTITY=token; hasp-vault init && printf value-of-it | hasp-vault \
                set a/b && hasp-vault reveal --force a/b";
    assert!(world.sh(line).ok().contains("value-of-it"));
    assert_eq!(world.sh("hasp-vault recipients").ok().trim_end(), RECIPIENT);
    world
        .sh(&format!("HASP_IDENTITY=token hasp-vault recipients remove {RECIPIENT} --yes"))
        .refused(77, "last-own-recipient");
    world.write("token", format!("# key: none\n{IDENTITY}\n"));
    let outcome = world.sh("HASP_IDENTITY=token hasp-vault reveal --force a/b");
    assert!(outcome.refused_with_hint(65, "bad-identity").stderr.contains("Recipient: age1NAME1"));
    assert!(!outcome.stderr.contains(IDENTITY), "the key is shown");
}

#[test]
fn a_program_runs_only_where_it_was_linked_and_nobody_else_can_change_it() {
    if !peer("python3") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    let add = format!("PATH=$HOME/bin:$PATH hasp-vault recipients add {RECIPIENT}");
    let program = allow_the_real_one(&world);
    std::fs::write(world.beside("bin/age-plugin-hasptest.seen"), "").unwrap();
    std::fs::remove_file(world.home().join("plugins/age-plugin-hasptest")).unwrap();
    let outcome = world.sh(&add);
    assert!(
        outcome.refused_with_hint(66, "no-plugin").stderr.contains("ln -s"),
        "{}",
        outcome.stderr
    );
    let elsewhere = "export HASP_HOME=\"$HOME/a home\"; hasp-vault init -q --no-passphrase && ";
    let outcome = world.sh(&format!("{elsewhere} hasp-vault recipients add {RECIPIENT}"));
    let typed = format!("mkdir -p '{}/a home/plugins' && ", world.base().display());
    assert!(outcome.refused(66, "no-plugin").stderr.contains(&typed), "{}", outcome.stderr);
    symlink(&program, world.home().join("plugins/age-plugin-hasptest")).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o777)).unwrap();
    world.sh(&add).refused_with_hint(77, "plugin-untrusted");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(program.parent().unwrap(), PermissionsExt::from_mode(0o777)).unwrap();
    world.sh(&add).refused_with_hint(77, "plugin-untrusted");
    std::fs::set_permissions(program.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(
        std::fs::read_to_string(world.beside("bin/age-plugin-hasptest.seen")).unwrap(),
        "",
        "it ran"
    );
    assert_eq!(world.sh("hasp-vault recipients").ok().lines().count(), 1);
    // It gets no source of a passphrase, no descriptor of ours, and says nothing through age's own
    // debugging.
    let leaky = "export AGEDEBUG=plugin KEY=hunter2 HASP_PASSPHRASE=env:KEY TOKEN=hunter3; exec \
                 7<hasp.toml;";
    world.write("hasp.toml", "");
    assert_eq!(world.sh(&format!("{leaky} {add}")).ok(), "");
    let seen = std::fs::read_to_string(world.beside("bin/age-plugin-hasptest.seen")).unwrap();
    assert!(
        seen.contains("'HOME'") && !seen.contains("HASP") && !seen.contains("hunter"),
        "{seen}"
    );
    assert!(!seen.contains("AGEDEBUG") && !seen.contains("'7'"), "{seen}");
}

#[test]
fn a_plugin_that_fails_changes_nothing() {
    let world = World::new();
    world.store("db/url", DB_URL);
    let programs: [(&[u8], &str); 7] = [
        (b"#!/bin/sh\nexit 3\n", "ended too early"),
        (b"#!/bin/sh\necho hello\ncat >/dev/null\n", "protocol"),
        (b"#!/bin/sh\nprintf -- '-> done\\n\\n'\ncat >/dev/null\n", "wrapped nothing"),
        (
            b"#!/bin/sh\nprintf -- '-> error internal\\nG1szMW1ubyB0b2tlbg\\n'\ncat >/dev/null\n",
            "no token",
        ),
        (
            b"#!/bin/sh\nprintf -- '-> recipient-stanza 1 x y\\n\\n'\ncat >/dev/null\n",
            "another file",
        ),
        (b"not a program", "cannot be run"),
        // What it leaves running holds the pipe, and is not waited for.
        (b"#!/bin/sh\nsleep 300 &\nexit 3\n", "ended too early"),
    ];
    let before =
        world.sh("hasp-vault recipients; hasp-vault list --json; hasp-vault fsck").ok().to_owned();
    for (program, why) in programs {
        allow(&world, program);
        let outcome = world.sh(&format!("hasp-vault recipients add {RECIPIENT}"));
        assert!(
            outcome.refused(74, "plugin-failed").stderr.contains(why),
            "{why}: {}",
            outcome.stderr
        );
        assert!(!outcome.stderr.contains('\x1b'));
        assert_eq!(
            world.sh("hasp-vault recipients; hasp-vault list --json; hasp-vault fsck").ok(),
            before,
            "{why}"
        );
    }
}

#[test]
fn what_a_plugin_asks_is_asked_on_the_terminal() {
    if !peer("python3") || !peer("tmux") {
        return;
    }
    let screen = Screen::open("plugin");
    let world = &screen.world;
    allow_the_real_one(world);
    world.sh(&format!("hasp-vault recipients add {RECIPIENT}")).ok();
    identity(world, IDENTITY);
    std::fs::write(world.beside("bin/age-plugin-hasptest.pin"), "1234\n").unwrap();
    screen.enter(
        "export HASP_IDENTITY=token; clear; printf value-of-it | hasp-vault set a/b; echo end=$?",
    );
    screen.see("age-plugin-hasptest: \\x1b[31mlook at the token");
    screen.see("y: touched, n: stop [y/N]");
    screen.enter("y");
    screen.see("age-plugin-hasptest: PIN:");
    screen.enter("1234");
    assert!(!screen.see("end=0").contains("1234"), "the PIN was echoed");
    screen.enter("clear; echo se'cond'; printf other | hasp-vault set a/c; echo end=$?");
    screen.see("second");
    screen.see("y: touched, n: stop [y/N]");
    screen.enter("n");
    assert!(screen.see("end=74").contains("wrong \\x1b[31mPIN [plugin-failed]"));
    // Where nobody can be asked the plugin is told so.
    world.sh("printf other | HASP_IDENTITY=token hasp-vault set a/c").refused(74, "plugin-failed");
}
