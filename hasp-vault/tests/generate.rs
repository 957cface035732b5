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

/// A word that sounds like everybody would lock the secret to a project of that name.
#[test]
fn scopes_and_expiries_are_taken_off_by_words_of_their_own() {
    let lab = common::Lab::new();
    for word in ["any", "All", "*", "", "none", "everywhere"] {
        let refused = lab.run_with(&["set", "n", "--allow", word], b"value one", &[]);
        assert_eq!(refused.refused(), (64, "bad-scope".into()), "{word}");
        assert!(refused.stderr.contains("--unscoped"), "{}", refused.stderr);
    }
    let set = |args: &[&str]| {
        lab.run_with(&[&["set", "n"], args].concat(), b"value one", &[]).ok();
        lab.run(&["show", "n", "--json"]).ok().json()
    };
    let scoped = set(&["--allow", "api", "--expires", "30d"]);
    assert!(scoped["allow"][0] == "api" && !scoped["expires"].is_null());
    let kept = set(&[]);
    assert!(kept["allow"][0] == "api" && !kept["expires"].is_null());
    let open = set(&["--unscoped", "--expires", "never"]);
    assert!(open["allow"].as_array().unwrap().is_empty() && open["expires"].is_null());
    for option in ["--expires", "--rotate-every"] {
        let refused = lab.run_with(&["set", "n", option, "none"], b"value", &[]);
        assert_eq!(refused.refused(), (64, "bad-duration".into()), "{option}");
        assert!(refused.stderr.contains("never"), "{}", refused.stderr);
    }
}
