//! Promise: values, halves, seals and passphrases are in no argument, environment, log, error or
//! file outside vault and runtime.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use hasp_tests::{Needle, Outcome, World, wait_until};

const BY_ENV: &str = "env-Kx7Wq2mBv9Lr4Tz0";
const BY_FILE: &str = "file-Pn3Hd8sGj5Fy1Cw6";
const BY_STDIN: &str = "stdin-Ub4Ea9oIm2Rk7Xv";
const PHRASE: &str = "gravel ointment saffron 4471";
/// What the tests type where it does not belong: other words, since tests run side by side and look
/// into all of /proc.
const TYPED: &str = "typed-Yd5Rk9Ws2Nq8Lb3";
const TYPED_PHRASE: &str = "mallet quiver hydrant 9026";

const WAITS: &str = "#!/bin/sh\ncat >/dev/null\ncat \"$FILE\"; echo \"$VALUE\" >&2\necho; echo \
                     ready\nread -r go <../go\n";

fn world(value: &str, phrase: &str) -> World {
    let world = World::bare();
    std::fs::write(world.beside("phrase"), phrase).unwrap();
    world.sh("HASP_PASSPHRASE=fd:3 hasp-vault init -q 3<../phrase; mkfifo ../go").ok();
    for (name, value) in [("env", value), ("file", BY_FILE), ("stdin", BY_STDIN)] {
        world.feed(&format!("HASP_PASSPHRASE=fd:3 hasp-vault set {name} 3<../phrase"), value).ok();
        world.sh(&format!("HASP_PASSPHRASE=fd:3 hasp-bind add {name} 3<../phrase")).ok();
    }
    world.script("waits", WAITS);
    world
}

/// What the token and the ledger hold, besides values and passphrase.
fn needles(token: &str, ledger: &[u8]) -> Vec<Needle> {
    let payload = hasp_grant::parse_token(token.trim_end()).unwrap().payload;
    let decode = |json: &[u8], field: &str| {
        let object: serde_json::Value = serde_json::from_slice(json).unwrap();
        data_encoding::BASE64URL_NOPAD.decode(object[field].as_str().unwrap().as_bytes()).unwrap()
    };
    vec![
        Needle::new("value by env", BY_ENV),
        Needle::new("typed value", TYPED),
        Needle::new("typed passphrase", TYPED_PHRASE),
        Needle::new("value by file", BY_FILE),
        Needle::new("value by stdin", BY_STDIN),
        Needle::new("passphrase", PHRASE),
        Needle::new("half", decode(&payload, "half")),
        Needle::new("seal", decode(&payload, "seal")),
        Needle::new("ledger half", decode(ledger, "half")),
    ]
}

fn found(needles: &[Needle], text: impl AsRef<[u8]>) -> Vec<&'static str> {
    needles.iter().filter(|n| n.is_in(&text)).map(|n| n.name).collect()
}

/// Every process but this one and those of other tests' worlds, which type and deliver the same
/// values at the same time: its arguments, its environment, and whether it is the child or a fork
/// of it.
fn processes(world: &World, child: &str) -> Vec<(bool, Vec<u8>, Vec<u8>)> {
    let own_home = format!("HOME={}\0", world.base().display());
    let elsewhere = |env: &[u8]| {
        env.split_inclusive(|b| *b == 0)
            .any(|v| v.starts_with(b"HOME=/tmp/.tmp") && v != own_home.as_bytes())
    };
    let own = std::process::id().to_string();
    let numbers = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok());
    let numbers = numbers.filter(|n| *n != own && n.bytes().all(|b| b.is_ascii_digit()));
    let read = |pid: &str, what: &str| {
        std::fs::read(Path::new("/proc").join(pid).join(what)).unwrap_or_default()
    };
    let seen = numbers.map(|pid| (read(&pid, "cmdline"), read(&pid, "environ")));
    let seen = seen.filter(|(_, env)| !elsewhere(env));
    seen.map(|(words, env)| (hasp_tests::holds(&words, child.as_bytes()), words, env)).collect()
}

#[test]
fn nothing_secret_is_anywhere_but_where_it_belongs() {
    let world = world(BY_ENV, PHRASE);
    let mint = "HASP_PASSPHRASE=fd:3 hasp-grant -q --consumer user --for 1h -e VALUE=env --file \
                FILE=file --stdin stdin \
                -o /dev/shm/$$.t -- ./waits 3<../phrase && cat /dev/shm/$$.t && rm /dev/shm/$$.t";
    let minted = world.sh(mint);
    let token = minted.ok().to_owned();
    let entry = world.files(&world.runtime().join("grants")).pop().unwrap();
    let needles = needles(&token, &std::fs::read(&entry).unwrap());

    let mut running = world.shell("hasp-exec").stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), token.as_bytes()).unwrap();
    let mut stdout = BufReader::new(running.stdout.take().unwrap());
    let mut shown = String::new();
    wait_until(Duration::from_secs(20), || {
        stdout.read_line(&mut shown).unwrap() == 0 || shown.contains("ready")
    });
    assert!(shown.contains("[hasp:file]"), "{shown}");
    let child = world.project().join("waits").display().to_string();
    let seen = processes(&world, &child);
    assert!(seen.iter().any(|(is_child, ..)| *is_child), "the child is seen");
    for (is_child, words, env) in &seen {
        let words_text = String::from_utf8_lossy(words);
        assert!(
            found(&needles, words).is_empty(),
            "{:?} in the arguments of {words_text}",
            found(&needles, words)
        );
        let allowed = if *is_child { vec!["value by env"] } else { vec![] };
        assert_eq!(found(&needles, env), allowed, "in the environment of {words_text}");
    }
    for file in world.files(world.base()).into_iter().filter(|f| !f.ends_with("phrase")) {
        let hits = found(&needles, std::fs::read(&file).unwrap());
        assert!(hits.is_empty(), "{hits:?} in {}", file.display());
    }
    std::fs::write(world.beside("go"), "go\n").unwrap();
    std::io::Read::read_to_string(&mut stdout, &mut shown).unwrap();
    let outcome = Outcome::of(running.wait_with_output().unwrap());
    outcome.ok();
    for text in [&shown, &outcome.stderr, &minted.stderr] {
        assert!(found(&needles, text).is_empty(), "{:?} in {text}", found(&needles, text));
    }
    assert!(outcome.stderr.contains("[hasp:env]"), "{}", outcome.stderr);
    for file in world.files(&world.runtime()).into_iter().filter(|f| *f != entry) {
        let hits = found(&needles, std::fs::read(&file).unwrap());
        assert!(hits.is_empty(), "{hits:?} is left in {}", file.display());
    }
    assert_eq!(world.events("exec.start").len(), 1);
    let all = world
        .sh("hasp-audit log; hasp-audit log --json; hasp-grant list --json; hasp-grant \
                        list; hasp-vault show env; hasp-vault list");
    let own = std::fs::read(&entry).unwrap();
    assert!(found(&needles, &own) == ["ledger half"]);
    assert!(found(&needles, &all.stdout).is_empty() && found(&needles, &all.stderr).is_empty());
}

#[test]
fn errors_tell_nothing() {
    let world = world(TYPED, TYPED_PHRASE);
    let mint = "HASP_PASSPHRASE=fd:3 hasp-grant -q --consumer user --for 1h -e VALUE=env -o - -- \
                ./waits 3<../phrase";
    let token = world.sh(mint).ok().trim_end().to_owned();
    let ledger =
        std::fs::read(world.files(&world.runtime().join("grants")).pop().unwrap()).unwrap();
    let mut needles = needles(&token, &ledger);
    needles.push(Needle::new("token", &token[..60]));
    let damaged = token.replacen("v4.public.", "v4.public.A", 1);
    std::fs::write(world.beside("damaged"), &damaged).unwrap();
    let lines = [
        format!("hasp-exec {token}"),
        format!("hasp-exec -g {token}"),
        format!("hasp-exec -g=-{token}"),
        format!("hasp-exec -t {token}"),
        format!("hasp-exec -C {token}"),
        format!("HASP_GRANT={token} hasp-exec"),
        format!("hasp-grant show {token}"),
        format!("hasp-grant revoke {token}"),
        format!("hasp-grant -o /no/such/{token} -e V=env -- true"),
        format!("hasp-grant -t {token}"),
        "hasp-exec -g ../damaged".to_owned(),
        "hasp-exec -g ../damaged --explain".to_owned(),
        "hasp-grant show ../damaged".to_owned(),
        format!("hasp-vault set env {TYPED}"),
        format!("hasp-vault set env --from {TYPED}"),
        format!("hasp-vault set env --from=fd:{TYPED}"),
        format!("hasp-vault set env={TYPED}"),
        format!("hasp-vault set env --class {TYPED}"),
        format!("hasp-vault check env --from {TYPED}"),
        format!("hasp-grant -e VALUE='{TYPED}!=' -- true"),
        format!("hasp-grant -e {TYPED} -- true"),
        format!("hasp-redact --values {TYPED}"),
        format!("hasp-redact --file X={TYPED}"),
        format!("hasp-audit who --from {TYPED}"),
        format!("HASP_PASSPHRASE='{TYPED_PHRASE}' hasp-vault reveal --force env"),
        format!("HASP_IDENTITY='{TYPED_PHRASE}' hasp-vault reveal --force env"),
        format!("HASP_ASKPASS='{TYPED_PHRASE}' hasp-vault reveal --force env"),
        format!("VALUE={TYPED} hasp-grant -q -e VALUE=env -- echo {TYPED}"),
    ];
    let mut leaks = Vec::new();
    for line in lines {
        let shown =
            line.replace(&token, "TOKEN").replace(TYPED, "VALUE").replace(TYPED_PHRASE, "PHRASE");
        for json in ["", " --json"] {
            let (head, tail) = line
                .split_once(" -- ")
                .map_or((line.as_str(), String::new()), |(h, t)| (h, format!(" -- {t}")));
            let outcome = world.sh(&format!("export RUST_BACKTRACE=full; {head}{json}{tail}"));
            outcome_is_refusal(&outcome, &shown);
            let hits =
                [found(&needles, &outcome.stderr), found(&needles, &outcome.stdout)].concat();
            leaks.extend(
                (!hits.is_empty()).then(|| format!("{hits:?} in what this printed: {shown}{json}")),
            );
        }
    }
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    for record in world.record() {
        let hits = found(&needles, record.to_string());
        assert!(hits.is_empty(), "{hits:?} in the record of {}", record["event"]);
    }
}

/// In words that cannot hold what the line holds.
fn outcome_is_refusal(outcome: &Outcome, shown: &str) {
    assert!(outcome.status != 0, "not refused: {shown}");
    assert!(
        ![70, 101, 124, 134, 139].contains(&outcome.status),
        "status {} of {shown}",
        outcome.status
    );
}

#[test]
fn a_token_or_value_as_an_argument_is_refused_with_advice() {
    let world = World::with_project();
    let token = std::fs::read_to_string(world.mint("-t test")).unwrap();
    for (line, code) in [
        (format!("hasp-exec {token}"), "usage"),
        (format!("hasp-vault set api/key {TYPED}"), "several-names"),
        (format!("hasp-vault set api/key '{TYPED} x'"), "bad-name"),
    ] {
        let outcome = world.sh(&line);
        assert!(
            [64, 125].contains(&outcome.status) && outcome.code() == code,
            "{}",
            outcome.code()
        );
        assert!(outcome.stderr.contains("hint: "));
    }
    assert_eq!(world.runs(), 0);
    let kept = world.sh("hasp-vault list --json").objects();
    assert!(kept.iter().all(|o| o["version"] == 1), "nothing was stored");
}
