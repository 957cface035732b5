//! Parts of a value that are secret by themselves: one rule for the filter, the scan with the value
//! given and without, the watch, `explain` and masking by a CI system.
#![allow(clippy::unwrap_used)]

mod place;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use place::Place;

const PW: &str = "Zx8-Secret-Pw-77";
const KEY: &str = "Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT";
const PADDED: &str = "Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT==";
const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";

/// Values, what is to be found of each alone, and what must not be.
fn documents() -> Vec<(String, &'static str, &'static str)> {
    vec![
        (format!("postgres://app:{PW}@db.example.com:5432/x"), PW, "db.example.com:5432"),
        (
            format!("Server=db.example.com;User Id=app;Password={PW};Encrypt=True"),
            PW,
            "db.example.com",
        ),
        (
            format!("AccountName=store;AccountKey={PADDED};EndpointSuffix=core.windows.net"),
            PADDED,
            "core.windows.net",
        ),
        (format!("db.example.com:5432:app:app:{PW}\n"), PW, "db.example.com:5432:app"),
        (
            format!("machine api.example.com login app password {PW}\n"),
            PW,
            "machine api.example.com login app",
        ),
        (format!("DB_HOST=db.example.com\nDB_PASSWORD='{PW}'\n"), PW, "db.example.com"),
        (format!("[client]\nuser = app\npassword = {PW} ; mine\n"), PW, "user"),
        (
            format!("{{\"type\": \"service_account\", \"k\": {{\"api_key\": \"{KEY}\"}}}}"),
            KEY,
            "service_account",
        ),
        (
            format!(
                "{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{BODY}\\n-----END PRIVATE \
                 KEY-----\\n\"}}"
            ),
            BODY,
            "-----BEGIN PRIVATE KEY-----",
        ),
    ]
}

/// A place with the value in a file beside the directory.
fn place(value: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.tree().join("../value"), value).unwrap();
    place
}

fn redact(place: &Place, words: &[&str], input: &str) -> Output {
    let mut command: Command = place.command(env!("CARGO_BIN_EXE_hasp-redact"));
    command.args(words).args(["--file", "V=../value"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_filter_replaces_a_part_in_every_form_and_leaves_the_rest() {
    for (value, part, other) in documents() {
        let place = place(&value);
        let base64 = data_encoding::BASE64.encode(format!("app:{part}").as_bytes());
        let hex = data_encoding::HEXLOWER.encode(part.as_bytes());
        for printed in [part, &base64, &hex] {
            let out = redact(&place, &[], &format!("got {printed}; at {other}\n"));
            let out = text(&out.stdout);
            assert!(out.contains("[hasp:V]") && !out.contains(printed), "{value}");
            assert!(out.ends_with(&format!("at {other}\n")), "{value}");
        }
    }
}

#[test]
fn the_scan_finds_a_part_with_the_value_given_and_without() {
    for (value, part, _) in documents() {
        let place = place(&value);
        place.file("log", format!("one\npassword is {part}\n").as_bytes());
        let given = place.found(&["--file", "V=../value", "log"]);
        assert_eq!(
            (given.len(), given[0]["secret"].as_str(), given[0]["line"].as_u64()),
            (1, Some("V"), Some(2))
        );
        place.store("v", value.as_bytes());
        let locked = place.found(&["log"]);
        assert_eq!((locked.len(), locked[0]["secret"].as_str()), (1, Some("v")), "{value}");
        assert_eq!(
            (locked[0]["form"].as_str(), locked[0]["column"].as_u64()),
            (Some("plain"), Some(13)),
            "{value}"
        );
    }
}

#[test]
fn the_whole_value_is_one_find() {
    let value = format!("postgres://app:{PW}@db.example.com:5432/x");
    let place = place(&value);
    place.store("v", value.as_bytes());
    place.file("log", format!("url {value}\n").as_bytes());
    for words in [&["log"][..], &["--file", "V=../value", "log"]] {
        let found = place.found(words);
        assert_eq!((found.len(), found[0]["column"].as_u64()), (1, Some(5)), "{words:?}");
    }
    assert_eq!(text(&redact(&place, &[], &format!("url {value}\n")).stdout), "url [hasp:V]\n");
}

#[test]
fn what_is_left_out_is_said_by_name_and_never_shown() {
    for (value, said) in [
        ("postgres://app:pw@db/x", "V: the password in its URL is not looked for: 2 bytes long"),
        (
            "postgres://postgres:postgres@db/x",
            "V: the password in its URL is not looked for: a common word",
        ),
        ("{\"token\": \"abcde\"}", "V: a string in its JSON is not looked for: 5 bytes long"),
        ("h:5432:d:u:abc", "V: a password of pgpass in it is not looked for: 3 bytes long"),
    ] {
        let place = place(value);
        let out = redact(&place, &[], "");
        assert_eq!(text(&out.stderr).matches(said).count(), 1, "{}", text(&out.stderr));
        place.store("v", value.as_bytes());
    }
    let many: String = (0..100).map(|n| format!("PASSWORD_{n}=long-secret-{n}\n")).collect();
    let out = redact(&place(&many), &[], "");
    assert!(
        text(&out.stderr).contains("V: a further part of it is not looked for"),
        "{}",
        text(&out.stderr)
    );
}

#[test]
fn explain_and_watch_tell_of_parts() {
    let value = "postgres://app:correct-horse@AAsWISwS7Qk1YY25h5Hi.example.com/x?token=abc";
    let place = place(value);
    let table = text(&redact(&place, &["explain"], "").stdout);
    assert!(table.contains("and alone: the password in its URL, 13 bytes"), "{table}");
    assert!(table.contains("not alone: the password in its URL: 3 bytes long"), "{table}");
    assert!(!table.contains("horse"), "a value is shown");
    let object: serde_json::Value =
        serde_json::from_slice(&redact(&place, &["explain", "--json"], "").stdout).unwrap();
    assert_eq!(object["parts"][0]["bytes"], 13);
    assert_eq!(object["parts_left"].as_array().unwrap().len(), 1);
    place.store("v", value.as_bytes());
    let mut watch = place.command(env!("CARGO_BIN_EXE_hasp-redact"));
    let shown = text(&watch.arg("watch").output().unwrap().stdout);
    assert!(
        shown.starts_with("v  watched: version 1; a part of it is not: it has fewer than 16 bytes"),
        "{shown}"
    );
}

#[test]
fn a_ci_system_is_told_of_parts_and_of_no_short_line() {
    let json = format!("{{\n  \"k\": \"{KEY}\"\n}}\n");
    let out = redact(&place(&json), &["--ci", "github"], "hi\n");
    assert_eq!(text(&out.stdout), format!("::add-mask::\"k\": \"{KEY}\"\n::add-mask::{KEY}\nhi\n"));
    let out = redact(&place("hunter2"), &["--ci", "github"], "hi\n");
    assert_eq!(text(&out.stdout), "hi\n");
    assert!(
        text(&out.stderr).contains("V is not given to the CI system: it has no line of 8 bytes")
    );
    let pem = format!("-----BEGIN KEY-----\n{BODY}\n\nxv==\n-----END KEY-----\n");
    let out = redact(&place(&pem), &["--ci", "github"], "");
    assert_eq!(text(&out.stdout), format!("::add-mask::{BODY}\n"));
}

#[test]
fn buildkite_is_given_each_long_line_by_its_stdin() {
    let value = format!("{{\n \"k\": \"{KEY}\"\n}}\n");
    let place = place(&value);
    place.sh("mkdir ../bin; printf '#!/bin/sh\\n{ echo \"$*\"; cat; echo; } >>../got\\n' \
              >../bin/buildkite-agent; chmod +x ../bin/*");
    let path =
        format!("{}:{}", place.tree().join("../bin").display(), std::env::var("PATH").unwrap());
    let mut command = place.command(env!("CARGO_BIN_EXE_hasp-redact"));
    command.args(["--ci", "buildkite", "--file", "V=../value"]).env("PATH", path);
    assert!(command.output().unwrap().status.success());
    let got = std::fs::read_to_string(place.tree().join("../got")).unwrap();
    assert_eq!(got, format!("redactor add\n\"k\": \"{KEY}\"\nredactor add\n{KEY}\n"));
}
