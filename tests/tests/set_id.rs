//! A copy of a tool that gives its caller more rights than he has reads nothing.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use hasp_tests::{Outcome, World, is_root, say, tools};

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
/// Who owns the copies, and who runs them.
const OWNER: u32 = 61_241;
const CALLER: u32 = 61_242;

/// A world whose home belongs to the owner, and a directory beside it, for copies, that all may
/// search.
fn world() -> Option<(World, PathBuf)> {
    if !is_root()
        || World::bare().sh(&format!("setpriv --reuid={CALLER} --clear-groups true")).status != 0
    {
        say("skipped: making set-user-ID copies needs root and setpriv");
        return None;
    }
    let world = World::in_memory();
    world.sh("printf x1y2z3w4v5u6 | hasp-vault set -q k").ok();
    let copies = world.beside("bin");
    std::fs::create_dir(&copies).unwrap();
    let base = world.base().display();
    // By another process: what a test has open for writing cannot be run.
    for tool in TOOLS {
        world.sh(&format!("cp {} {base}/bin", tools().join(tool).display())).ok();
    }
    world.sh(&format!("chown -R {OWNER}:{OWNER} {base}; chmod 755 {base} {base}/bin")).ok();
    Some((world, copies))
}

fn as_caller(world: &World, line: &str) -> Outcome {
    let user = format!("--reuid={CALLER} --regid={CALLER} --clear-groups");
    world.sh(&format!(
        "cd {}; exec setpriv {user} bash -c '{line}\nexit $?'",
        world.base().display()
    ))
}

/// Each tool with a harmless question.
fn refused(world: &World, copies: &std::path::Path) {
    for tool in TOOLS {
        for words in ["--version", "list"] {
            let outcome =
                as_caller(world, &format!("{}/{tool} {words} </dev/null", copies.display()));
            let status = if tool == "hasp-exec" { 125 } else { 77 };
            outcome.refused_with_hint(status, "set-id");
            assert!(outcome.stdout.is_empty(), "{tool} {words}");
        }
    }
}

#[test]
fn set_user_id_copies_are_refused() {
    let Some((world, copies)) = world() else { return };
    for tool in TOOLS {
        std::fs::set_permissions(copies.join(tool), PermissionsExt::from_mode(0o4755)).unwrap();
    }
    refused(&world, &copies);
    // Its owner himself has no more rights than he has.
    let user = format!("--reuid={OWNER} --regid={OWNER} --clear-groups");
    let own = world.sh(&format!("exec setpriv {user} {}/hasp-vault list", copies.display()));
    assert_eq!(own.code(), "");
}

#[test]
fn set_group_id_copies_are_refused() {
    let Some((world, copies)) = world() else { return };
    for tool in TOOLS {
        chown(copies.join(tool), Some(CALLER), Some(OWNER)).unwrap();
        std::fs::set_permissions(copies.join(tool), PermissionsExt::from_mode(0o2755)).unwrap();
    }
    refused(&world, &copies);
}

#[test]
fn copies_with_capabilities_are_refused() {
    let Some((world, copies)) = world() else { return };
    let given = world.sh(&format!("setcap cap_dac_read_search=ep {}/*", copies.display()));
    if given.status != 0 {
        return say("skipped: no file capabilities can be given here");
    }
    refused(&world, &copies);
}
