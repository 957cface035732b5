//! Promise: the common contract of all tools: help, exit codes, closed descriptors, JSON, modes of
//! files, what a child inherits, and which crate may name which.
#![allow(clippy::unwrap_used)]

mod child;
mod users;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hasp_tests::{
    API_KEY, DB_URL, MANIFEST, Needle, Outcome, World, command, is_root, say, tools, wait_until,
};

const TOOLS: [&str; 9] = [
    "hasp-vault",
    "hasp-bind",
    "hasp-target",
    "hasp-consumer",
    "hasp-grant",
    "hasp-exec",
    "hasp-audit",
    "hasp-redact",
    "hasp-proxy",
];

#[test]
fn help_and_version_of_every_tool() {
    let world = World::bare();
    for tool in TOOLS {
        let help = world.sh(&format!("{tool} --help"));
        assert!(
            help.ok().contains("Examples:") && help.stdout.contains("Usage:"),
            "{tool}: {}",
            help.stdout
        );
        assert!(help.stdout.contains("--quiet") && help.stdout.contains("--json"), "{tool}");
        assert!(world.sh(&format!("{tool} -h")).ok().contains("Usage:"), "{tool}");
        assert!(
            world.sh(&format!("{tool} --version")).ok().starts_with(&format!("{tool} ")),
            "{tool}"
        );
        assert!(world.sh(&format!("{tool} -V")).ok().starts_with(tool), "{tool}");
    }
}

#[test]
fn wrong_usage_is_64_and_125_for_hasp_exec() {
    let world = World::bare();
    for tool in TOOLS {
        let status = if tool == "hasp-exec" { 125 } else { 64 };
        world.sh(&format!("{tool} --no-such-option")).refused_with_hint(status, "usage");
        world.sh(&format!("{tool} --no-such-option=hunter2 2>&1 | grep hunter2; test $? = 1")).ok();
        let json = world.sh(&format!("{tool} --json --no-such-option"));
        assert_eq!(json.status, status, "{tool}");
        let object: serde_json::Value = serde_json::from_str(json.stderr.trim_end()).unwrap();
        let error = &object["error"];
        assert!(
            error["kind"].is_string() && error["code"] == "usage" && error["hints"].is_array(),
            "{tool}: {object}"
        );
        assert!(error["message"].is_string());
        let bare = world.sh(tool);
        bare.civil();
        assert_ne!(bare.status, 2, "clap's own status never shows: {tool}");
    }
    world.sh("hasp-grant -x --no-such-option").refused_with_hint(125, "usage");
}

#[test]
fn closed_descriptors_do_no_harm() {
    let world = World::with_project();
    let vault = |w: &World| {
        w.files(&w.home())
            .into_iter()
            .map(|p| (std::fs::read(&p).unwrap_or_default(), p))
            .collect::<Vec<_>>()
    };
    for line in [
        "hasp-vault list",
        "hasp-vault show api/key",
        "hasp-vault --help",
        "hasp-bind list",
        "hasp-target list",
        "hasp-target check",
        "hasp-consumer whoami",
        "hasp-consumer list",
        "hasp-grant list",
        "hasp-grant -t test",
        "hasp-grant -x -t test",
        "hasp-exec -t test",
        "hasp-audit",
        "hasp-audit verify",
        "hasp-redact --values - ",
        "hasp-vault reveal --force api/key",
        "hasp-vault set x",
    ] {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full"]
        {
            let input = if closed.contains('<') { "" } else { "</dev/null" };
            let outcome = world.sh(&format!("{line} {input} {closed}"));
            outcome.civil();
            assert!(outcome.status < 128, "{line} {closed}: {}", outcome.status);
        }
        let piped = world.sh(&format!(
            "{line} </dev/null 2>/dev/null | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        ));
        assert!(
            !piped.stdout.contains("101") && !piped.stdout.contains("70"),
            "{line}: {}",
            piped.stdout
        );
    }
    let (values, files) =
        ([Needle::new("api/key", API_KEY), Needle::new("db/url", DB_URL)], vault(&world));
    for (content, path) in files {
        assert!(values.iter().all(|v| !v.is_in(&content)), "a value is in {}", path.display());
    }
    world.verify_record();
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let world = World::bare();
    world.script("w", "#!/bin/sh\numask\n");
    world
        .sh("umask 000; hasp-vault init -q --no-passphrase; printf 0123456789 | hasp-vault set -q \
             api/key; \
              hasp-bind -q add api/key; hasp-grant -q --keep --for 1h --consumer user -e \
              K=api/key -- ./w; \
              hasp-grant -q --consumer user -e K=api/key -o ../token -- ./w")
        .ok();
    let mut checked = 0;
    for root in [world.home(), world.runtime()] {
        let entries = world.sh(&format!("find {} -printf '%m %y %p\\n'", root.display())).stdout;
        for line in entries.lines() {
            let expected = if line.contains(" d ") { "700 " } else { "600 " };
            assert!(line.starts_with(expected), "{line}");
            checked += 1;
        }
    }
    assert!(checked > 20);
    assert_eq!(
        std::fs::metadata(world.beside("token")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let masked = world.sh("umask 022; hasp-exec -g ../token; umask 077; hasp-exec -g kept");
    say(&format!("umask of the child: {}", masked.ok().replace('\n', " ")));
}

#[test]
fn json_is_one_object_a_line() {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-exec -t test").ok();
    for line in [
        "hasp-vault list --json",
        "hasp-vault show --json api/key",
        "hasp-vault status --json",
        "hasp-bind list --json",
        "hasp-target list --json",
        "hasp-consumer whoami --json",
        "hasp-grant list --json",
        "hasp-audit --json",
        "hasp-audit verify --json",
        "hasp-exec -t test --explain --json",
        "hasp-vault --json list",
        "hasp-grant --json list",
    ] {
        let objects = world.sh(line).objects();
        assert!(!objects.is_empty(), "{line}");
        if !line.starts_with("hasp-audit --json") {
            assert!(objects.iter().all(|o| o["v"] == 1), "{line}: {}", objects[0]);
        }
    }
    for line in [
        "hasp-vault show --json no/such",
        "hasp-grant --json -t tset",
        "hasp-exec --json -t tset",
        "hasp-bind --json remove no/such",
    ] {
        let outcome = world.sh(line);
        let object: serde_json::Value =
            serde_json::from_str(outcome.stderr.trim_end()).expect("one object");
        assert!(
            object["error"]["code"].is_string() && object["error"]["hints"].is_array(),
            "{line}: {object}"
        );
    }
}

/// Which of our crates each crate may depend on, directly or not (DESIGN section 1).
const ALLOWED: [(&str, &[&str]); 10] = [
    ("hasp-core", &[]),
    ("hasp-redact", &["hasp-core"]),
    ("hasp-audit", &["hasp-core"]),
    ("hasp-target", &["hasp-core"]),
    ("hasp-proxy", &["hasp-core", "hasp-redact", "hasp-target"]),
    ("hasp-consumer", &["hasp-core", "hasp-audit"]),
    ("hasp-vault", &["hasp-core", "hasp-audit", "hasp-redact"]),
    ("hasp-bind", &["hasp-core", "hasp-audit", "hasp-redact", "hasp-vault", "hasp-target"]),
    (
        "hasp-grant",
        &[
            "hasp-core",
            "hasp-audit",
            "hasp-redact",
            "hasp-vault",
            "hasp-target",
            "hasp-bind",
            "hasp-consumer",
        ],
    ),
    (
        "hasp-exec",
        &[
            "hasp-core",
            "hasp-audit",
            "hasp-redact",
            "hasp-vault",
            "hasp-target",
            "hasp-bind",
            "hasp-consumer",
            "hasp-grant",
        ],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    for (name, allowed) in ALLOWED {
        let mut tree = command(
            &cargo,
            &[
                "tree",
                "--offline",
                "--package",
                name,
                "--edges",
                "normal,build",
                "--no-dedupe",
                "--prefix",
                "none",
                "--format",
                "{lib}",
            ],
        );
        let outcome = Outcome::of(tree.current_dir(root).output().unwrap());
        let ours: Vec<String> = outcome
            .ok()
            .lines()
            .map(|l| l.replace('_', "-"))
            .filter(|l| l.starts_with("hasp-"))
            .collect();
        let has_tls = outcome.ok().lines().any(|l| l == "rustls" || l == "ring");
        assert_eq!(has_tls, name == "hasp-proxy", "only hasp-proxy has a network stack: {name}");
        for dependency in ours.iter().filter(|d| *d != name) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
        let manifest = std::fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap();
        let names_age = manifest
            .lines()
            .any(|l| l.starts_with("age.") || l.starts_with("age ") || l.starts_with("age-core"));
        assert_eq!(names_age, name == "hasp-vault", "only hasp-vault names age: {name}");
    }
    assert!(tools().join("hasp-exec").exists());
}
