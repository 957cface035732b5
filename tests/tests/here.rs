//! Promise: where a tool is, it finds out by itself, by one rule; what it finds so is good for
//! finding only; and what may not be looked at is never called missing.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use hasp_tests::{DB_URL, World, is_root, peer};

/// How many programs are started by this, itself included, shells aside.
fn programs(world: &World, command: &str) -> Vec<String> {
    let trace = world.base().join("trace");
    let shown = trace.display();
    let outcome = world.sh(&format!("strace -qq -f -e trace=execve -o {shown} {command}"));
    assert!(outcome.stderr.is_empty() || outcome.status < 2, "{command}: {}", outcome.stderr);
    let calls = fs::read_to_string(&trace).unwrap();
    let started = calls.lines().filter(|line| line.contains("execve(") && line.contains(" = 0"));
    let name = |line: &str| {
        let path = line.split('"').nth(1).unwrap_or_default().to_owned();
        path.rsplit('/').next().unwrap_or_default().to_owned()
    };
    started.map(name).collect()
}

#[test]
fn no_tool_asks_another_one_where_it_is() {
    if !peer("strace") {
        return;
    }
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("hasp-bind -q add db/url").ok();
    assert_eq!(programs(&world, "hasp-vault list"), ["hasp-vault"]);
    assert_eq!(programs(&world, "hasp-audit log"), ["hasp-audit"]);
    world.sh("hasp-redact watch").ok();
    fs::write(world.project().join("leak.txt"), DB_URL).unwrap();
    let scan = programs(&world, "hasp-redact scan leak.txt");
    let ours: Vec<&String> = scan.iter().filter(|p| p.starts_with("hasp-")).collect();
    assert_eq!(ours, ["hasp-redact", "hasp-audit"]);
}

/// The files of the sources, tests aside.
fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn what_is_found_unverified_finds_a_vault_or_a_log_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let src = entry.unwrap().path().join("src");
        if src.is_dir() && !src.starts_with(root.join("hasp-core")) {
            sources(&src, &mut found);
        }
    }
    let calls =
        |path: &PathBuf| fs::read_to_string(path).unwrap().matches(".for_finding()").count();
    let mut callers: Vec<(String, usize)> = found
        .iter()
        .map(|path| (path.strip_prefix(root).unwrap().display().to_string(), calls(path)))
        .filter(|(_, calls)| *calls > 0)
        .collect();
    callers.sort();
    let expected = [("hasp-audit/src/log/find.rs", 1), ("hasp-vault/src/open/vault.rs", 1)];
    assert_eq!(callers, expected.map(|(path, calls)| (path.to_owned(), calls)));
}

#[test]
fn what_may_not_be_looked_at_is_denied_by_name_and_not_missing() {
    if !is_root() || !peer("setpriv") {
        return;
    }
    let world = World::new();
    let closed = world.base().join("closed");
    world.sh("chmod 755 ..; mkdir -m 700 ../closed ../closed/home ../closed/run; ").ok();
    let nobody = "setpriv --reuid nobody --clear-groups env -u HASP_VAULT -u HASP_PASSPHRASE";
    for tool in ["hasp-vault list", "hasp-audit log", "hasp-bind list", "hasp-consumer list"] {
        let outcome = world.sh(&format!("{nobody} HASP_HOME={}/home {tool}", closed.display()));
        outcome.refused(77, "permission");
        let refuses = format!("{} may not be entered", closed.display());
        assert!(outcome.stderr.contains(&refuses), "{tool}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("there is no"), "{tool}: {}", outcome.stderr);
    }
}

#[test]
fn nobody_is_told_to_take_what_is_anothers() {
    if !is_root() {
        return;
    }
    let world = World::new();
    world.sh("chown -R nobody $HASP_HOME").ok();
    let outcome = world.sh("hasp-vault list");
    outcome.refused(77, "foreign-owner");
    assert!(outcome.stderr.contains("run it as nobody, without sudo: su nobody"));
    assert!(!outcome.stderr.contains("chown"), "{}", outcome.stderr);
}
