//! Promise: the record answers who, what and how, for people and for programs that we did not
//! write, and holds no value in any form.
#![allow(clippy::unwrap_used)]

mod copies;
mod verified;

use hasp_tests::{API_KEY, DB_URL, PASSPHRASE, World, command, peer, python, skip, wait_until};
use serde_json::Value;

const TYPED: &str = "typed-Vn4Qe8Zr1Kd7Ms2";

fn kept_world() -> World {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    world
}

fn text<'a>(record: &'a Value, field: &str) -> &'a str {
    record[field].as_str().unwrap_or_else(|| panic!("no {field} in {record}"))
}

#[test]
fn a_start_tells_who_asked_what_ran_and_which_versions_went_how() {
    let world = kept_world();
    let grant =
        world.sh("hasp-grant list --json").objects()[0]["grant"].as_str().unwrap().to_owned();
    // A value among the words is not on record, whatever form it is typed in.
    world
        .sh(&format!("hasp-exec -t test -- plain {API_KEY} \"$(printf %s {API_KEY} | base64)\""))
        .ok();
    let start = &world.events("exec.start")[0];
    let program = world.project().join("show");
    assert_eq!(
        (text(start, "target"), text(start, "program")),
        ("test", program.to_str().unwrap())
    );
    assert_eq!(text(start, "project"), world.project().to_str().unwrap());
    assert_eq!(text(start, "program_sha256"), world.sh("sha256sum show | cut -c1-64").ok().trim());
    assert_eq!(text(start, "grant"), grant);
    let argv: Vec<&str> =
        start["argv"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(argv[1..], ["plain", "[hasp:api/key]", "[hasp:api/key]"]);
    assert!(text(start, "consumer").starts_with("user"));
    let ways: Vec<(&str, u64, &str, &str, &str)> = start["secrets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            (
                text(s, "name"),
                s["version"].as_u64().unwrap(),
                text(s, "ref"),
                text(s, "channel"),
                text(s, "var"),
            )
        })
        .collect();
    let env = |name, var| (name, 1, name, "env", var);
    assert_eq!(ways, [env("api/key", "API_KEY"), env("db/url", "DATABASE_URL")]);
    // The nearest asker first, with pid, start time and program; each the parent of the one before.
    let askers = start["asker"].as_array().unwrap();
    assert!(
        askers.len() > 1 && askers.iter().all(|a| a["pid"].is_u64() && a["start"].is_u64()),
        "{askers:?}"
    );
    assert!(
        askers.iter().any(|a| a["exe"].as_str().is_some_and(|e| e.ends_with("/bash"))),
        "{askers:?}"
    );

    let end = &world.events("exec.end")[0];
    assert_eq!((end["start"].as_u64(), end["status"].as_u64()), (start["n"].as_u64(), Some(0)));
    assert_eq!(
        (end["redactions"].as_u64(), end["stragglers"].as_u64(), &end["grant"]),
        (Some(2), Some(0), &start["grant"])
    );
    assert!(end["ms"].is_u64());
    let told = world.sh("hasp-audit log --event exec");
    assert!(told.ok().contains("db/url@1") && !told.stdout.contains("no end"), "{}", told.stdout);
}

#[test]
fn a_start_without_an_end_is_reported() {
    let world = World::with_project();
    world.script("show", "#!/bin/sh\necho ran >>ran\nexec sleep 60\n");
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let mut child = world.start("hasp-exec -t test & echo $! >../broker; wait");
    wait_until(std::time::Duration::from_secs(20), || world.runs() == 1);
    world.sh("kill -9 $(cat ../broker)").ok();
    child.wait().unwrap();
    let start = world.events("exec.start")[0]["n"].as_u64().unwrap();
    let told = world.sh("hasp-audit log --event exec.start");
    assert!(
        told.ok().trim_start().starts_with(&start.to_string()) && told.stdout.contains("no end"),
        "{}",
        told.stdout
    );
    world.verify_record();
}

/// A story with as many ways for a value to go astray as the tools have; its record holds none of
/// them, in no form.
#[test]
fn no_value_in_any_form_is_anywhere_in_the_record() {
    let world = kept_world();
    let story = [
        "hasp-exec -t test".to_owned(),
        format!(
            "hasp-exec -t test -- {API_KEY} url={DB_URL} \"$(printf %s {API_KEY} | base64)\" \
             \"$(printf %s {API_KEY} | xxd -p)\""
        ),
        format!("hasp-exec -g '{API_KEY}'; hasp-exec -t {API_KEY}; hasp-exec -t {TYPED}"),
        format!("hasp-grant -q -e V=api/key --reason 'since {API_KEY} is new' -- echo"),
        format!("hasp-exec -t test -C '{API_KEY}'"),
        "hasp-bind -q add api/key; hasp-bind -q add db/url".to_owned(),
        "hasp-grant -x -q --file KEY=api/key -e U=db/url --consumer user -- cat".to_owned(),
        "hasp-grant -x -q --stdin api/key --consumer user -- cat".to_owned(),
        format!("hasp-grant -q -e V=api/key -- echo {API_KEY}"),
        format!("hasp-vault set note --note 'was {DB_URL}' <<<{TYPED}"),
        format!(
            "hasp-vault check api/key --from env:V; V={TYPED} hasp-vault check api/key --from env:V"
        ),
        "hasp-vault generate made --kind base64".to_owned(),
        "hasp-vault reveal --force api/key; hasp-vault export --force --format json api/key db/url"
            .to_owned(),
        format!(
            "printf 'A={TYPED}\\nB={API_KEY}x\\n' | hasp-vault import --format env --prefix in"
        ),
        format!(
            "printf %s {TYPED} | hasp-vault deposit gift; hasp-vault accept --all; hasp-vault inbox"
        ),
        format!("hasp-audit who --from - <<<{API_KEY}; hasp-audit who --from '{API_KEY}'"),
        format!(
            "mkdir -p '{TYPED}' && cd '{TYPED}' && hasp-exec -t test; hasp-exec --explain -t test"
        ),
        "hasp-vault revoke api/key; hasp-vault destroy --yes note; hasp-exec -t test".to_owned(),
    ];
    story.iter().for_each(|line| drop(world.sh(line)));
    let events: std::collections::BTreeSet<String> =
        world.record().iter().map(|r| text(r, "event").to_owned()).collect();
    for event in [
        "exec.start",
        "exec.end",
        "exec.deny",
        "grant.mint",
        "vault.reveal",
        "vault.export",
        "vault.revoke",
        "vault.import",
    ] {
        assert!(
            events.iter().any(|e| e.starts_with(event.split('.').next().unwrap())),
            "no {event} in {events:?}"
        );
    }
    assert!(world.record().len() > 25, "{}", world.record().len());
    let script = format!(
        "hasp-vault reveal --force made >../made; \
         {{ printf 'API_KEY=%s\\0DB_URL=%s\\0PHRASE=%s\\0' '{API_KEY}' '{DB_URL}' '{PASSPHRASE}'; \
         printf 'MADE='; cat ../made; printf '\\0'; }} >../values; \
         cat ../home/audit/*/*.jsonl >../record; hasp-redact --values ../values <../record \
         >../redacted; cmp ../record ../redacted && echo same; \
         {{ cat ../record; printf %s {API_KEY} | base64; }} | hasp-redact --values ../values | \
         grep -c 'hasp:API_KEY'"
    );
    let redacted = world.sh(&script);
    assert_eq!(redacted.stdout, "same\n1\n", "{}", redacted.stderr);
    // The same for what a reader is shown.
    let shown = world.sh(
        "for form in '' --json; do hasp-audit log $form; done >../shown; hasp-audit export \
             >>../shown; \
                          hasp-redact --values ../values <../shown | cmp - ../shown && echo same",
    );
    assert_eq!(shown.stdout, "same\n", "{}", shown.stderr);
    world.verify_record();
}

/// Directories and programs with newlines, quotes, escapes, a line separator and bytes that are no
/// text.
#[test]
fn hostile_names_stay_one_line_and_do_not_reach_the_terminal() {
    let world = World::with_project();
    let make = r#"D=$'../a\nb"c\\\e[2J\e]0;owned\a\u2028\u202e'
        mkdir "$D" $'../x\xff\xfe'; for d in "$D" $'../x\xff\xfe'; do
        (cd "$d" && mkdir .git && printf '#!/bin/sh\necho hi\n' >$'run\n\e[31m\xff' &&
         chmod +x run* && hasp-bind -q add api/key &&
         hasp-grant -q -x --consumer user -e K=api/key -- "$PWD"/run* $'w\e[2J\xff'
         hasp-exec -t $'t\e[2J'; hasp-exec -g ./none); done; true"#;
    world.sh(make).ok();
    let segment = world
        .files(&world.home().join("audit"))
        .into_iter()
        .find(|f| f.extension().is_some_and(|e| e == "jsonl"));
    let bytes = std::fs::read(segment.unwrap()).unwrap();
    assert!(bytes.iter().all(|b| *b == b'\n' || (0x20..0x7f).contains(b)), "only printable ASCII");
    let records = bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    assert_eq!(
        records.clone().count(),
        records.filter(|l| serde_json::from_slice::<Value>(l).is_ok()).count()
    );
    let hostile = world.record().iter().filter(|r| r.to_string().contains("[2J")).count();
    assert!(hostile >= 2, "the names are on record: {hostile}");
    let told = world.sh("hasp-audit log");
    let obeyed = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{2028}' | '\u{202e}' | '\u{fffd}')
    };
    assert!(!told.ok().contains(obeyed), "{:?}", told.stdout);
    assert_eq!(told.stdout.lines().count(), world.record().len(), "one line a record");
    world.verify_record();
    if !peer("script") {
        return;
    }
    // On a terminal there are colours, and no escape but theirs.
    let shown = world.sh("TERM=xterm script -qec 'hasp-audit log' /dev/null </dev/null");
    let escapes: Vec<&str> = shown.ok().split('\x1b').skip(1).collect();
    assert!(!escapes.is_empty() && !told.stdout.contains('\x1b'));
    let colour = |e: &&str| {
        e.strip_prefix('[').is_some_and(|e| {
            e.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        })
    };
    assert!(escapes.iter().all(colour), "{escapes:?}");
    let plain = world.sh("NO_COLOR=1 TERM=xterm script -qec 'hasp-audit log' /dev/null </dev/null");
    assert!(!plain.ok().contains('\x1b'));
}
