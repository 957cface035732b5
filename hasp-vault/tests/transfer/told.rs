//! What stands in the way of an import, and what is remarked, is told in one run.

use super::*;

/// Whoever imports a file learns all that stands in the way in one run, and what to type about it.
#[test]
fn everything_that_cannot_be_imported_is_told_at_once() {
    let lab = Lab::new();
    let text = b"OK=valuevalue1234\nnonsense-hunter2\nQ='hunter2\nspring.datasource.password=pw\n\
                 SPRING_JPA_DDL-AUTO=none\nE=\nF=``hunter2\n";
    let refused = lab.run_with(&["import", "--prefix", "a"], text, &[]);
    assert_eq!(refused.refused(), (65, "bad-import".into()));
    for part in ["line 2: that is not NAME=VALUE", "line 3: Q: a quote is opened", "line 7: F: "] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    assert!(refused.stderr.contains("--except Q,F"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--only OK,spring.datasource.password"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("hunter2"));
    assert!(lab.run(&["list"]).ok().text().is_empty());
    // What nobody wants is not judged.
    let only = ["import", "--prefix", "a", "--only", "OK,spring.datasource.password"];
    lab.run_with(&only, text, &[]).ok();
    assert_eq!(lab.value("a/spring.datasource.password").unwrap(), b"pw");
    let refused = lab.run_with(&["import", "--except", "Q,F"], text, &[]);
    assert!(refused.stderr.contains("line 2: that is not NAME=VALUE (not shown"));
    let json = br#"{"hosts":["a"],"opt":null,"in":{"list":[1],"pw":"valuevalue1234"}}"#;
    let refused = lab.run_with(&["import", "--format", "json"], json, &[]);
    for part in ["hosts: a list is no value", "opt: null is no value", "in/list: a list"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    lab.run_with(&["import", "--format", "json", "--except", "hosts,opt,in/list"], json, &[]).ok();
    assert_eq!(lab.value("in/pw").unwrap(), b"valuevalue1234");
}

#[test]
fn empty_variables_are_skipped_and_said() {
    let lab = Lab::new();
    let text = b"A=value a\nB=\nC=''\nD=\"\" # none\n";
    for dry in [&["--dry-run"][..], &[]] {
        let args = [&["import"], dry].concat();
        let done = lab.run_with(&args, text, &[]).ok();
        assert!(done.stderr.contains("B, C, D are empty: skipped"), "{}", done.stderr);
    }
    let quiet = lab.run_with(&["import", "--skip-empty"], text, &[]).ok();
    assert!(!quiet.stderr.contains("empty"), "{}", quiet.stderr);
    assert_eq!(lab.run(&["list", "--json"]).ok().text().lines().count(), 1);
}

/// Stored it is all the same: only its owner knows what it is.
#[test]
fn what_is_no_value_of_its_own_is_remarked() {
    let lab = Lab::new();
    let text = b"PW=ENC[AES256_GCM,data:8Yw0aa==,iv:abcd,tag:efgh,type:str]\n\
                 DX=\"encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt\"\n\
                 OP=op://Private/db/password\n\
                 URL=postgres://u:p@${HOST}/x\nB=one-value-123\nB=two-value-456\n";
    for dry in [&["--dry-run"][..], &[]] {
        let args = [&["import", "--prefix", "c"], dry].concat();
        let done = lab.run_with(&args, text, &[]).ok();
        for part in [
            "c/PW looks encrypted (sops)",
            "c/DX looks encrypted (dotenvx)",
            "c/OP is a reference to another store (1Password)",
            "c/URL holds ${..}",
            "c/B stands on lines 5 and 6",
        ] {
            assert!(done.stderr.contains(part), "{part}: {}", done.stderr);
        }
        assert!(!done.stderr.contains("8Yw0aa") && !done.stderr.contains("one-value"));
    }
    assert_eq!(lab.value("c/B").unwrap(), b"two-value-456");
}

#[test]
fn names_that_no_secret_has_are_mapped_and_shown() {
    let lab = Lab::new();
    let json = br#"{"auths":{"https://index.docker.io/v1":{"auth":"token-1234"}},
                    "me@example.com":"mail-1234","caf\u00e9":"cafe-1234"}"#;
    let done = lab.run_with(&["import", "--format", "json", "--prefix", "d"], json, &[]);
    assert_eq!(done.refused(), (65, "bad-import".into()));
    assert!(done.stderr.contains("--rename auths/https://index.docker.io/v1/auth=NEW"));
    let rename = [
        "import",
        "--format",
        "json",
        "--prefix",
        "d",
        "--class",
        "high",
        "--rename",
        "auths/https://index.docker.io/v1/auth=docker",
    ];
    let done = lab.run_with(&rename, json, &[]).ok();
    assert!(done.stderr.contains("me@example.com becomes d/me_example.com"), "{}", done.stderr);
    assert!(done.stderr.contains("3 imported, class high"), "{}", done.stderr);
    assert_eq!(lab.value("d/docker").unwrap(), b"token-1234");
    assert_eq!(lab.value("d/caf_").unwrap(), b"cafe-1234");
    let unknown = lab.run_with(&["import", "--rename", "AB=x"], b"A=1\n", &[]);
    assert_eq!(unknown.refused(), (64, "key-unknown".into()));
    assert_eq!(
        lab.run_with(&["import", "--format", "json"], br#"{"a b":"x","a@b":"y"}"#, &[]).refused(),
        (65, "bad-import".into())
    );
}

#[test]
fn other_formats_and_encodings_are_named() {
    let lab = Lab::new();
    let wide: Vec<u8> = "A=1\nB=2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (text, said) in [
        (&b"db:\n  url: postgres://x\n"[..], "looks like YAML"),
        (b"name,password\nx,y\n", "looks like CSV"),
        (b"machine h login u password p\n", "looks like netrc"),
        (b"{\"a\":[1]}", "looks like JSON"),
        (&wide, "this is UTF-16"),
    ] {
        let refused = lab.run_with(&["import"], text, &[]);
        assert_eq!(refused.refused(), (65, "bad-import".into()), "{said}");
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
        assert!(refused.stderr.contains("import reads .env files, JSON objects"), "{said}");
    }
    let list = lab.run_with(&["import", "--format", "json"], b"[{\"a\":1}]", &[]);
    assert!(list.stderr.contains("looks like a list of JSON"), "{}", list.stderr);
    std::fs::write(lab.dir.path().join("x.yaml"), "a: b\n").unwrap();
    let refused = lab.run(&["import", "--from", "x.yaml"]);
    assert!(refused.stderr.contains("looks like YAML"), "{}", refused.stderr);
}

#[test]
fn all_conflicts_are_told_and_the_file_in_the_clear_too() {
    let lab = Lab::new();
    lab.set("A", b"before a");
    lab.set("B", b"before b");
    std::fs::write(lab.dir.path().join(".env"), "A=value a\nB=value b\nC=value c\n").unwrap();
    let refused = lab.run(&["import", "--from", ".env"]);
    assert_eq!(refused.refused(), (73, "exists".into()));
    assert!(refused.stderr.contains("A, B are there with another value"), "{}", refused.stderr);
    let done = lab.run(&["import", "--from", ".env", "--on-conflict", "skip"]).ok();
    assert!(done.stderr.contains("1 imported, class medium"), "{}", done.stderr);
    assert!(done.stderr.contains(".env still holds the values in the clear: rm .env"));
    assert!(done.stderr.contains("hasp-redact scan --history"));
    let set = lab.run(&["set", "D", "--from", ".env"]).ok();
    assert!(set.stderr.contains(".env still holds the value in the clear"), "{}", set.stderr);
}
