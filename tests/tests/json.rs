//! With `--json` every verb of every tool speaks in objects, one a line: what it did on standard
//! output, remarks, warnings and errors on standard error.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use hasp_tests::{DB_URL, World};

/// What is typed, with standard input where it is read. In this order they succeed.
const LINES: &[(&str, &str)] = &[
    ("hasp-vault init --no-passphrase", ""),
    ("hasp-vault set db/url", DB_URL),
    ("hasp-vault set api/key", "Kq7-hunter2-Kq7-hunter2"),
    ("hasp-vault generate web/cookie --kind password", ""),
    ("hasp-vault generate old/one --kind hex", ""),
    ("hasp-vault list", ""),
    ("hasp-vault show db/url", ""),
    ("hasp-vault history db/url", ""),
    ("hasp-vault check db/url", ""),
    ("hasp-vault rotate api/key --from -", "Kq8-hunter3-Kq8-hunter3"),
    ("hasp-vault revoke old/one --reason gone", ""),
    ("hasp-vault destroy old/one --yes", ""),
    ("hasp-vault deposit late/one", "Kq9-hunter4-Kq9-hunter4"),
    ("hasp-vault inbox", ""),
    ("hasp-vault accept --all", ""),
    ("hasp-vault deposit later/one", "Kq9-hunter6-Kq9-hunter6"),
    ("hasp-vault reject $(ls ../home/vault/inbox | cut -c1-12)", ""),
    ("hasp-vault import --from .env", ""),
    ("hasp-vault fsck", ""),
    ("hasp-vault identity show", ""),
    ("hasp-vault recipients", ""),
    ("hasp-vault status", ""),
    ("hasp-vault watch rebuild", ""),
    ("hasp-vault passphrase --remove --yes", ""),
    ("hasp-vault restore --merge < <(hasp-vault backup -q)", ""),
    ("hasp-target init", ""),
    ("hasp-target add test -e U=db/url -- true", ""),
    ("hasp-target list", ""),
    ("hasp-target show test", ""),
    ("hasp-target explain test", ""),
    ("hasp-target examples test", ""),
    ("hasp-target examples test --write", ""),
    ("hasp-bind --yes", ""),
    ("hasp-bind --yes", ""),
    ("hasp-bind add api/key", ""),
    ("hasp-bind add api/key", ""),
    ("hasp-bind list", ""),
    ("hasp-bind list --all", ""),
    ("hasp-bind remove api/key", ""),
    ("hasp-target check test", ""),
    ("hasp-consumer whoami", ""),
    ("hasp-grant policy show", ""),
    ("hasp-consumer add shell --exe /bin/sh", ""),
    ("hasp-consumer edit shell --max-uses 5", ""),
    ("hasp-consumer list", ""),
    ("hasp-consumer show shell", ""),
    ("hasp-consumer remove shell", ""),
    ("hasp-grant --keep --for 1h --consumer user -t test", ""),
    ("hasp-grant list", ""),
    ("hasp-grant show $(ls ${HASP_RUNTIME:-$XDG_RUNTIME_DIR/hasp}/kept)", ""),
    ("hasp-grant why -t test", ""),
    ("hasp-grant suggest", ""),
    ("hasp-grant revoke --all", ""),
    ("hasp-grant sweep", ""),
    ("hasp-exec --doctor", ""),
    ("hasp-audit log", ""),
    ("hasp-audit verify", ""),
    ("hasp-audit head", ""),
    ("hasp-audit exposed", ""),
    ("hasp-audit prune", ""),
    ("hasp-audit who --from -", DB_URL),
    ("hasp-audit append", "{\"event\":\"test.x\"}"),
    ("hasp-redact watch", ""),
    ("hasp-redact --json watch", ""),
    ("hasp-redact hooks install", ""),
    ("hasp-redact hooks status", ""),
    ("hasp-redact hooks remove", ""),
    ("hasp-redact scan", ""),
    ("hasp-redact markers .", ""),
    ("hasp-redact explain --env HOME", ""),
    ("hasp-bind drop", ""),
    ("hasp-vault join $(HASP_VAULT=$PWD/../team hasp-vault init -q; echo ../team)", ""),
    ("hasp-audit recover $(rm ../home/audit/*/key)", ""),
    ("hasp-audit accept-loss --yes $(rm -r ../home/audit)", ""),
];
/// Verbs that are not among them, and why.
const OTHERS: &[(&str, &str)] = &[
    ("hasp-vault get", "what it prints is the file of a value"),
    ("hasp-vault reveal", "what it prints is a value"),
    ("hasp-vault export", "what it prints is assignments, in the form that --format names"),
    ("hasp-vault backup", "what it prints is a backup"),
    ("hasp-vault resolve", "needs a merge of git: hasp-vault/tests/git.rs"),
    ("hasp-grant narrow", "what it prints is a token"),
    ("hasp-audit touched", "its status is 1 where nothing was let out: asker.rs"),
    ("hasp-audit export", "what it prints is records with a trailer, a line of JSON each"),
];

#[test]
fn every_verb_prints_one_object_a_line() {
    let world = World::bare();
    world.write(".env", "OTHER_KEY=Kq5-hunter5-Kq5-hunter5\n");
    world.sh("git init -q").ok();
    let mut wrong = Vec::new();
    for (line, input) in LINES {
        let json = if line.contains("--json") { (*line).to_owned() } else { with_json(line) };
        let done = world.feed(&json, input);
        if done.status != 0 && !line.starts_with("hasp-redact scan") {
            wrong.push(format!("{json}: {} {}", done.status, done.stderr));
        }
        for text in done.stdout.lines().chain(done.stderr.lines()) {
            if !serde_json::from_str::<serde_json::Value>(text).is_ok_and(|v| v.is_object()) {
                wrong.push(format!("{json}: {text}"));
            }
        }
        // Questions whose answer is a status may have nothing to say.
        if done.stdout.trim().is_empty() && !SILENT.iter().any(|silent| line.starts_with(silent)) {
            wrong.push(format!("{json}: no object"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lists that may be empty, and questions whose answer is the status.
const SILENT: &[&str] = &[
    "hasp-vault check",
    "hasp-redact scan",
    "hasp-redact markers",
    "hasp-audit exposed",
    "hasp-grant suggest",
];

/// Behind the verb, or in front of `--`.
fn with_json(line: &str) -> String {
    match line.split_once(" -- ") {
        Some((before, command)) => format!("{before} --json -- {command}"),
        None => format!("{line} --json"),
    }
}

#[test]
fn no_verb_is_left_out() {
    let world = World::bare();
    let mut missing = BTreeSet::new();
    for tool in ["vault", "bind", "target", "consumer", "grant", "audit", "redact"] {
        let help = world.sh(&format!("hasp-{tool} --help"));
        let lines = help.ok().lines().skip_while(|l| *l != "Commands:").skip(1);
        let heads = lines.take_while(|l| !l.is_empty()).filter(|l| !l.starts_with("   "));
        for verb in heads.filter_map(|l| l.split_whitespace().next()).filter(|v| *v != "help") {
            let line = format!("hasp-{tool} {verb}");
            let known = LINES.iter().chain(OTHERS).map(|(l, _)| *l);
            if !known.into_iter().any(|l| l == line || l.starts_with(&format!("{line} "))) {
                missing.insert(line);
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
}
