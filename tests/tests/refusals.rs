//! Promise: each mistake and each denial has a code of its own, the exit status of its kind, and a
//! hint that can be typed.
//!
//! `data/refusals.tsv`: what, command, status, code, and optionally what the hint holds. Each
//! command runs in a world of its own with the bound project `api`; `mint` makes a grant for every
//! process of this user in the file `../t`.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_tests::World;

const TABLE: &str = include_str!("data/refusals.tsv");
const MINT: &str = "mint() { hasp-grant -q --consumer user -o ../t \"$@\"; }\n";

struct Row<'a> {
    what: &'a str,
    command: &'a str,
    status: i32,
    code: &'a str,
    hint: &'a str,
}

fn rows() -> Vec<Row<'static>> {
    let lines = TABLE.lines().filter(|l| !l.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [what, command, status, code] = fields[..4] else { panic!("{line}") };
            Row {
                what,
                command,
                status: status.parse().unwrap(),
                code,
                hint: fields.get(4).unwrap_or(&""),
            }
        })
        .collect()
}

/// What is wrong with how this was refused.
fn judge(row: &Row<'_>) -> Option<String> {
    let world = World::with_project();
    let outcome = world.sh(&format!("{MINT}{}", row.command));
    let hint =
        outcome.stderr.lines().filter(|l| l.contains(": hint: ")).collect::<Vec<_>>().join("\n");
    let wrong = match () {
        () if (outcome.status, outcome.code()) != (row.status, row.code) => {
            "another status or code"
        }
        () if !outcome.stdout.is_empty() => "something on stdout",
        () if hint.is_empty() => "no hint",
        () if !hint.contains(row.hint) => "another hint",
        () if outcome.stderr.contains("panicked") => "a panic",
        () => return None,
    };
    Some(format!(
        "{}: {wrong}: {} instead of {} [{}]\n{}",
        row.what, outcome.status, row.status, row.code, outcome.stderr
    ))
}

#[test]
fn every_refusal_has_its_code_status_and_hint() {
    let (rows, next) = (rows(), AtomicUsize::new(0));
    let work = || {
        let mut failures = Vec::new();
        while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
            failures.extend(judge(row));
        }
        failures
    };
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap()).collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} rows:\n\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
}

#[test]
fn the_table_covers_the_checks_of_the_broker() {
    let codes: Vec<&str> = rows().iter().map(|r| r.code).collect();
    for code in [
        "token-malformed",
        "token-vault",
        "expired",
        "spent",
        "revoked",
        "no-ledger",
        "other-session",
        "other-process",
        "other-project",
        "other-command",
        "unbound",
        "secret-rotated",
        "secret-expired",
        "program-missing",
        "program-not-executable",
        "target-unknown",
        "secret-unknown",
        "usage",
    ] {
        assert!(codes.contains(&code), "{code}");
    }
}
