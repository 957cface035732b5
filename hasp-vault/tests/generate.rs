//! `generate`: what comes out is what the programs that will use it understand.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, age, has, write_private};

#[test]
fn entropy_and_options_of_set_are_reported() {
    let lab = Lab::new();
    let made = lab
        .run(&[
            "generate",
            "db/password",
            "--kind",
            "password",
            "--class",
            "high",
            "--expires",
            "90d",
            "--json",
        ])
        .ok()
        .json();
    assert!(made["entropy"].as_u64().unwrap() >= 192);
    let shown = lab.run(&["show", "db/password", "--json"]).ok().json();
    assert_eq!(
        (shown["class"].as_str(), shown["size"].as_u64()),
        (Some("high"), made["size"].as_u64())
    );
    assert!(shown["expires"].is_string());
    let scoped =
        ["generate", "api/key", "--kind", "hex", "--allow", "api:test", "--allow", "web", "--json"];
    lab.run(&scoped).ok();
    assert_eq!(
        lab.run(&["show", "api/key", "--json"]).ok().json()["allow"],
        serde_json::json!(["api:test", "web"])
    );
    // The class that the secret has decides on the next value too.
    let next = lab.run(&["generate", "db/password", "--kind", "password", "--json"]).ok().json();
    assert_eq!(
        (next["version"].as_u64(), next["entropy"].as_u64()),
        (Some(2), made["entropy"].as_u64())
    );
    let weak = lab
        .run(&[
            "generate",
            "pin",
            "--kind",
            "password",
            "--alphabet",
            "0123456789",
            "--length",
            "4",
        ])
        .ok();
    assert!(
        weak.stderr.contains("only 13 bits")
            && weak.stderr.contains("not redacted")
            && weak.stdout.is_empty()
    );
    assert_eq!(
        lab.run(&["generate", "n", "--kind", "hex", "--length", "0"]).refused(),
        (64, "bad-length".into())
    );
    assert_eq!(lab.run(&["generate", "n", "--kind", "nonsense"]).status, 64);
    assert!(!lab.item("n").exists());
}

#[test]
fn an_age_identity_opens_what_its_public_half_seals() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::new();
    let public = lab.run(&["generate", "ci/age", "--kind", "age"]).ok().text();
    let sealed = age(&["-r", public.trim()], b"hello").ok().stdout;
    let key = lab.dir.path().join("key");
    write_private(&key, &lab.value("ci/age").unwrap());
    assert!(age(&["-d", "-i", key.to_str().unwrap()], &sealed).ok().stdout == b"hello");
}

#[test]
fn ssh_reads_the_key_pair() {
    if !has("ssh-keygen") {
        return common::skipped("ssh-keygen");
    }
    let lab = Lab::new();
    let public = lab.run(&["generate", "git/deploy", "--kind", "ssh-ed25519"]).ok().text();
    let key = lab.dir.path().join("key");
    write_private(&key, &lab.value("git/deploy").unwrap());
    let mut keygen = std::process::Command::new("ssh-keygen");
    keygen.args(["-y", "-f"]).arg(&key);
    assert_eq!(common::feed(keygen, b"").ok().text(), public);
    assert!(public.trim_end().ends_with(" git/deploy"));
}
