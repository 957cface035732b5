//! Promise: the record answers who, what and how, for people and for programs that we did not
//! write, and holds no value in any form.
#![allow(clippy::unwrap_used)]

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

#[test]
fn verification_on_a_terminal_shows_how_far_it_is() {
    if !peer("script") {
        return;
    }
    let world = World::new();
    world.sh("for i in 1 2 3; do echo '{\"event\":\"test.x\"}' | hasp-audit append; done").ok();
    let shown =
        world.sh("TERM=xterm COLUMNS=100 script -qec 'hasp-audit verify' /dev/null </dev/null");
    assert!(
        shown.ok().contains("records ") && shown.stdout.contains(['\u{2588}', '\u{2591}']),
        "{:?}",
        shown.stdout
    );
    let piped = world.sh("hasp-audit verify 2>&1");
    assert!(
        piped.ok().starts_with("whole: ") && !piped.stdout.contains(['\u{2588}', '\x1b', '\r']),
        "{:?}",
        piped.stdout
    );
}

/// A log that is cut back, deleted, or rolled back with its key state is found by the checkpoint of
/// the last unlock; a rollback of the whole home only by a head that was kept elsewhere.
#[test]
fn what_is_rolled_back_is_found() {
    let world = World::with_project();
    world.sh("cp -a ../home ../early").ok();
    world
        .sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-exec -t test; \
              hasp-audit head >../head")
        .ok();
    world
        .sh("hasp-vault generate later --kind hex >/dev/null; hasp-audit verify --expect ../head")
        .ok();
    world.sh("cp -a ../home ../late").ok();
    let back = "rm -rf ../home; cp -a ../late ../home;";
    for (change, status, code) in [
        (
            "f=$(ls ../home/audit/*/*.jsonl); head -n -1 $f >../cut; cat ../cut >$f",
            1,
            "tail-missing",
        ),
        ("rm ../home/audit/*/*.jsonl", 1, "tail-missing"),
        ("rm -r ../home/audit/*", 1, "log-missing"),
        (
            "for f in key 00000001.jsonl; do cat ../early/audit/*/$f >$(ls ../home/audit/*/$f); \
             done",
            1,
            "tail-missing",
        ),
        ("sed -i '3d' ../home/audit/*/*.jsonl", 1, "tampered"),
        ("rm ../home/audit/*/key", 1, "key-state"),
    ] {
        world.sh(&format!("{back} {change}")).ok();
        world.sh("hasp-audit verify").refused_with_hint(status, code);
    }
    world.sh("rm -rf ../home; cp -a ../early ../home; hasp-audit verify").ok();
    world.sh("hasp-audit verify --expect ../head").refused_with_hint(1, "tail-missing");
    // Gone on from there, so that it is as long as it was.
    world
        .sh("for i in 1 2 3 4 5 6 7 8; do echo '{\"event\":\"test.x\"}' | hasp-audit append; \
             done; hasp-audit verify")
        .ok();
    world.sh("hasp-audit verify --expect ../head").refused_with_hint(1, "head-mismatch");
    world.sh(back).ok();
    world.sh("hasp-audit verify --expect ../head").ok();
}

#[test]
fn without_the_key_there_is_no_verdict() {
    let world = World::locked();
    let verify = "hasp-audit verify --json";
    world.sh(&format!("HASP_PASSPHRASE=fd:3 {verify} 3<../passphrase")).ok();
    for line in [verify, "hasp-audit log --verify", "hasp-audit head", "hasp-audit export"] {
        let outcome = world.sh(line);
        assert!(
            outcome.status == 69 && !outcome.stdout.contains("whole"),
            "{line}: {} {}",
            outcome.status,
            outcome.stdout
        );
    }
}

/// After an incident: what was let out to whom, and none of it can be delivered again.
#[test]
fn the_incident_loop_of_the_man_page() {
    let world = kept_world();
    world.store("never/out", "stays-in-the-vault-0123");
    world.sh("hasp-exec -t test; hasp-vault reveal --force db/url >/dev/null").ok();
    world.sh("hasp-grant revoke --all").ok();
    assert_eq!(world.sh("hasp-audit exposed --since 24h").ok(), "api/key@1\ndb/url@1\n");
    assert_eq!(
        world.sh("hasp-audit exposed --since 24h --consumer user").ok(),
        "api/key@1\ndb/url@1\n"
    );
    assert_eq!(world.sh("hasp-audit exposed --since 24h --consumer session").ok(), "");
    world
        .sh("hasp-audit exposed --since 24h --consumer user | sed 's/@.*//' | sort -u | xargs \
              hasp-vault revoke")
        .ok();
    let revoked = world.sh("hasp-audit --event vault.revoke --since 1h --json").objects();
    assert_eq!(
        revoked.iter().map(|r| text(r, "secret")).collect::<Vec<_>>(),
        ["api/key", "db/url"]
    );
    assert_eq!(world.sh("hasp-grant -q -t test --consumer user").status, 77);
    world
        .sh("hasp-bind -q add never/out && hasp-grant -q -x --consumer user -e N=never/out -- true")
        .ok();
    world.verify_record();
}

#[test]
fn copies_go_to_syslog_as_the_policy_says() {
    let world = kept_world();
    let socket = world.beside("log");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let policy =
        format!("[audit]\ncopy = [\"syslog\"]\nsyslog-socket = \"{}\"\n", socket.display());
    let write = |text: &str| {
        std::fs::write(world.home().join("policy.toml"), text).unwrap();
        world.sh("chmod 600 ../home/policy.toml").ok();
    };
    write(&policy);
    world.sh("hasp-exec -t test").ok();
    let mut buffer = [0; 8192];
    let mut got = Vec::new();
    while let Ok(size) = listener.recv(&mut buffer) {
        got.push(String::from_utf8_lossy(&buffer[..size]).into_owned());
    }
    assert!(
        matches!(&got[..], [start, end]
            if start.contains("\"exec.start\"") && end.contains("\"exec.end\"")),
        "{got:?}"
    );
    // Without anybody behind the socket the command runs all the same, and the outage is on record.
    drop(listener);
    world.sh("hasp-exec -t test").ok();
    let outages = world.events("audit.copy");
    assert!(matches!(&outages[..], [one] if one["state"] == "failing"), "{outages:?}");
    // A policy that is not understood stops everything, and says where.
    write("[audit]\ncopy = [\"sylog\"]\n");
    let runs = world.runs();
    let refused = world.sh("hasp-exec -t test");
    refused.refused_with_hint(125, "bad-policy");
    assert!(refused.stderr.contains("policy.toml:2:9: "), "{}", refused.stderr);
    world.sh("hasp-grant -q -t test --consumer user -o ../t").refused_with_hint(78, "bad-policy");
    assert!(world.runs() == runs && !world.beside("t").exists());
    world.sh("rm ../home/policy.toml; hasp-exec -t test").ok();
    world.verify_record();
}

/// As a stranger to hasp checks a signed note (C2SP signed-note, tlog-checkpoint) and an export:
/// with the public key alone.
const STRANGER: &str = r#"
import base64, hashlib, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
public = base64.b64decode(sys.argv[1])
key = Ed25519PublicKey.from_public_bytes(public)

def note(text):
    assert not any(ord(c) < 32 and c != "\n" for c in text), "control characters"
    body, signatures = text[:text.rindex("\n\n") + 1], text[text.rindex("\n\n") + 2:]
    assert signatures.endswith("\n")
    origin, size, root, *extensions = body.split("\n")[:-1]
    assert not extensions and str(int(size)) == size
    assert len(base64.b64decode(root, validate=True)) == 32
    for line in signatures.splitlines():
        dash, name, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        if dash == "\u2014" and name == origin and signature[:4] == key_id:
            key.verify(signature[4:], body.encode())
            return int(size)
    raise InvalidSignature

def export(data):
    lines = data.splitlines(keepends=True)
    trailer = json.loads(lines.pop())["export"]
    digest = hashlib.sha256(b"".join(lines)).digest()
    signed = f"hasp-audit/{trailer['log']}/export\n{len(lines)}\n"
    signed += f"{base64.b64encode(digest).decode()}\n"
    key.verify(base64.b64decode(trailer["signature"]), signed.encode())
    return len(lines)

data = open(sys.argv[2], "rb").read()
check = note if sys.argv[3] == "note" else export
subject = data.decode() if check is note else data
print(check(subject))
for changed in (subject.replace("\n", "0\n", 2) if check is note
                else subject.replace(b"exec", b"exex", 1),):
    try:
        check(changed)
        sys.exit("a changed one was accepted")
    except (InvalidSignature, AssertionError, ValueError):
        pass
"#;

#[test]
fn strangers_verify_heads_and_exports_with_the_public_key_alone() {
    let found = command(&python(), &["-c", "import cryptography"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        skip("python's cryptography is not installed");
        return;
    }
    let world = kept_world();
    world.sh("hasp-exec -t test").ok();
    std::fs::write(world.beside("stranger.py"), STRANGER).unwrap();
    let public = world.sh("hasp-vault status --json").objects()[0]["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let records = world.record().len();
    world
        .sh("hasp-audit head --note >../note; hasp-audit export >../export; hasp-audit export \
             --redacted >../veiled")
        .ok();
    for (file, form) in [("note", "note"), ("export", "export"), ("veiled", "export")] {
        let checked = world.sh(&format!("{} ../stranger.py {public} ../{file} {form}", python()));
        assert_eq!(checked.ok().trim().parse::<usize>().unwrap(), records, "{file}");
        if form == "export" {
            world
                .sh(&format!(
                    "HASP_HOME=/none hasp-audit verify --export ../{file} --public-key {public}"
                ))
                .ok();
        }
    }
    let veiled = std::fs::read_to_string(world.beside("veiled")).unwrap();
    for name in ["db/url", "api/key", "show", world.project().to_str().unwrap()] {
        assert!(!veiled.contains(name), "{name} is in the redacted export");
    }
    // A witness may add its signature to a note: ours still counts.
    let note = std::fs::read_to_string(world.beside("note")).unwrap();
    std::fs::write(world.beside("note"), format!("{note}\u{2014} witness.example/w AAAAAAAA\n"))
        .unwrap();
    world.sh("hasp-audit verify --expect ../note").ok();
}
