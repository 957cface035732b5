//! `import` and `export`: all or nothing, with one unlock, and back again through the programs that
//! will read the result.
#![allow(clippy::unwrap_used)]

mod told;

#[path = "../common/mod.rs"]
mod common;

use std::process::{Command, Stdio};

use common::{Lab, has};

const ENV: &str = "\u{feff}# settings\r\nexport DATABASE_URL=\"postgres://u:p$w@h/db\" # \
                   comment\r\nMULTI='one\ntwo'\nPORT=3000\n";

#[test]
fn a_dotenv_file_becomes_secrets_and_says_what_to_type_next() {
    let lab = Lab::new();
    std::fs::write(lab.dir.path().join(".env"), ENV).unwrap();
    let preview =
        lab.run(&["import", "--from", ".env", "--prefix", "api", "--dry-run"]).ok().text();
    assert_eq!(preview, "api/DATABASE_URL  21 bytes\napi/MULTI  7 bytes\napi/PORT  4 bytes\n");
    let done = lab
        .run(&[
            "import", "--from", ".env", "--prefix", "api", "--except", "PORT", "--class", "high",
        ])
        .ok();
    assert!(done.stderr.contains("hasp-target add TARGET --from-env .env --prefix api -- COMMAND"));
    assert!(
        lab.value("api/DATABASE_URL").unwrap() == b"postgres://u:p$w@h/db"
            && lab.value("api/MULTI").unwrap() == b"one\ntwo"
    );
    assert_eq!(lab.run(&["check", "api/PORT"]).status, 1);
    assert_eq!(lab.run(&["show", "api/MULTI", "--json"]).ok().json()["class"], "high");
    assert_eq!(lab.record().matches("\"event\":\"vault.import\"").count(), 2);
    // The same once more stores nothing.
    lab.run(&["import", "--from", ".env", "--prefix", "api", "--only", "MULTI"]).ok();
    assert_eq!(lab.run(&["show", "api/MULTI", "--json"]).ok().json()["version"], 1);
}

/// A version, an account number and a rate: none of them survives as a float.
#[test]
fn json_numbers_are_imported_as_they_are_written() {
    let lab = Lab::new();
    let values = [
        ("ver", "1.10"),
        ("big", "123456789012345678901234567890"),
        ("e", "1E5"),
        ("z", "-0"),
        ("on", "true"),
    ];
    let members: Vec<String> =
        values.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
    let members = members.join(",\n  ");
    let text = format!("{{{members},\n \"in\": {{\"side\": {{{members}}}}}}}");
    lab.run_with(&["import", "--format", "json", "--prefix", "n"], text.as_bytes(), &[]).ok();
    for (name, value) in values {
        for path in [format!("n/{name}"), format!("n/in/side/{name}")] {
            assert_eq!(lab.value(&path).as_deref(), Some(value.as_bytes()), "{path}");
        }
    }
}

#[test]
fn conflicts_are_settled_as_told() {
    let lab = Lab::new();
    lab.set("B", b"before");
    let import =
        |rule: &[&str]| lab.run_with(&[&["import"], rule].concat(), b"A=value a\nB=value b\n", &[]);
    assert_eq!(import(&[]).refused(), (73, "exists".into()));
    assert_eq!(lab.run(&["check", "A"]).status, 1);
    import(&["--on-conflict", "skip"]).ok();
    assert!(lab.value("A").unwrap() == b"value a" && lab.value("B").unwrap() == b"before");
    import(&["--on-conflict", "overwrite"]).ok();
    assert!(lab.value("B").unwrap() == b"value b");
}

#[test]
fn one_bad_line_imports_nothing_and_is_not_echoed() {
    let lab = Lab::new();
    for (input, code) in [
        (&b"A=good value\nhunter2\n"[..], "bad-import"),
        (b"EMPTY=\n", "nothing-to-import"),
        (b"", "nothing-to-import"),
        (b"{\"a\":{\"b\":\"x\"},\"a/b\":\"hunter2\"}", "bad-import"),
    ] {
        let format = if input.starts_with(b"{") { "json" } else { "env" };
        let refused = lab.run_with(&["import", "--format", format], input, &[]);
        assert_eq!(refused.refused(), (65, code.into()));
        assert!(!refused.stderr.contains("hunter2"));
    }
    assert_eq!(
        lab.run_with(&["import", "--only", "NONE"], b"A=1", &[]).refused(),
        (64, "key-unknown".into())
    );
    assert!(lab.run(&["list"]).ok().text().is_empty());
}

#[test]
fn nested_json_becomes_names_with_parts() {
    let lab = Lab::new();
    let input = br#"{"db":{"url":"the url","pool":5},"flag":true}"#;
    lab.run_with(&["import", "--format", "json", "--prefix", "app/"], input, &[]).ok();
    assert!(
        lab.value("app/db/url").unwrap() == b"the url" && lab.value("app/db/pool").unwrap() == b"5"
    );
    let exported =
        lab.run(&["export", "app/db/url", "app/flag", "--format", "json", "--force"]).ok().json();
    assert!(exported["app/db/url"] == "the url" && exported["app/flag"] == "true");
}

#[test]
fn an_export_is_forced_recorded_and_read_alike_by_shells_and_dotenv() {
    let lab = Lab::new();
    let hard = "sp ace \"dq\" #h $HOME `id` \\ \\n !x\nline two";
    let values = [
        ("HARD", hard),
        ("QUOTE", "it's \"both\" \\"),
        ("BACK", "\\\\server\\share"),
        ("PLAIN", "plain"),
    ];
    for (name, value) in values {
        lab.set(&format!("x/{name}"), value.as_bytes());
    }
    let names: Vec<String> = values.iter().map(|(n, _)| format!("x/{n}")).collect();
    let mut args = vec!["export"];
    args.extend(names.iter().map(String::as_str));
    assert_eq!(lab.run(&args).refused(), (77, "not-forced".into()));
    args.push("--force");
    let exported = lab.run(&args).ok();
    assert_eq!(lab.record().matches("\"event\":\"vault.export\"").count(), 4);
    let file = lab.dir.path().join("out.env");
    std::fs::write(&file, &exported.stdout).unwrap();
    for shell in ["bash", "dash"].into_iter().filter(|s| has(s)) {
        for (name, value) in values {
            let mut command = Command::new(shell);
            command.args(["-c", &format!(". {}; printf %s \"${name}\"", file.display())]);
            assert!(common::feed(command, b"").ok().stdout == value.as_bytes(), "{shell} {name}");
        }
    }
    let probe = "import sys; from dotenv import dotenv_values; \
                 sys.stdout.write(dotenv_values(sys.argv[1])[sys.argv[2]])";
    let there =
        Command::new("python3").args(["-c", "import dotenv"]).stderr(Stdio::null()).status();
    if !there.is_ok_and(|s| s.success()) {
        return common::skipped("python-dotenv");
    }
    let warned = |name: &str| exported.stderr.contains(&format!("x/{name} has a form"));
    assert!(warned("BACK") && exported.stderr.matches("python-dotenv").count() == 2);
    for (name, value) in values.into_iter().filter(|(name, _)| !warned(name)) {
        let mut command = Command::new("python3");
        command.args(["-c", probe]).arg(&file).arg(name);
        assert!(common::feed(command, b"").ok().stdout == value.as_bytes(), "dotenv {name}");
    }
}

#[test]
fn a_thousand_secrets_come_in_one_step() {
    let lab = Lab::new();
    let input: String = (0..1000).map(|n| format!("KEY_{n}=value number {n}\n")).collect();
    let start = std::time::Instant::now();
    lab.run_with(&["import", "--prefix", "many", "-q"], input.as_bytes(), &[]).ok();
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
    assert!(
        lab.value("many/KEY_0").unwrap() == b"value number 0"
            && lab.value("many/KEY_999").unwrap() == b"value number 999"
    );
    assert!(lab.run(&["list", "--verify"]).ok().text().lines().count() == 1000);
}

/// SIGKILL at each flush, rename and removal: afterwards all of them are there or none.
#[test]
fn a_killed_import_is_whole_or_nothing() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::new();
    lab.set("B", b"before");
    for call in ["syncfs", "fsync", "rename", "renameat", "unlink", "fdatasync", "openat"] {
        let step = if call == "openat" { 7 } else { 1 };
        for when in (1..200).step_by(step) {
            let value = format!("value {call} {when}");
            let input = format!("A={value}\nB={value}\nC={value}\n");
            let mut command = Command::new("strace");
            command.args([
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &format!("trace={call}"),
                "-e",
                &format!("inject={call}:signal=KILL:when={when}"),
            ]);
            command
                .args([common::binary(), "import", "--on-conflict", "overwrite", "-q"])
                .env_clear();
            command.env("HASP_HOME", lab.home()).env("PATH", std::env::var_os("PATH").unwrap());
            let done = common::feed(command, input.as_bytes()).status == 0;
            lab.set("sweep", b"any next writer");
            let now: Vec<Option<Vec<u8>>> = ["A", "B", "C"].iter().map(|n| lab.value(n)).collect();
            let new = now[0].as_deref() == Some(value.as_bytes());
            assert!(now[0] == now[2] && (now[0] == now[1] || now[0].is_none()), "{call} {when}");
            assert!(new || !done, "{call} {when}: acknowledged and lost");
            for name in ["A", "B", "C"].iter().filter(|n| lab.item(n).exists()) {
                let versions = lab.run(&["history", name, "--json"]).ok().text().lines().count();
                assert_eq!(
                    std::fs::read_dir(lab.item(name)).unwrap().count(),
                    versions + 1,
                    "{call} {when} {name}"
                );
            }
            assert!(lab.run(&["fsck"]).ok().text().is_empty(), "{call} {when}");
            if done {
                break;
            }
        }
    }
}

/// A key for a throw-away gpg home and a tree of `pass` with these entries.
fn pass_tree(lab: &Lab, entries: &[(&str, &str)]) -> Vec<(&'static str, String)> {
    let at = |name: &str| lab.dir.path().join(name).to_str().unwrap().to_owned();
    let env =
        vec![("GNUPGHOME", at("gnupg")), ("HOME", lab.dir.path().to_str().unwrap().to_owned())];
    std::fs::create_dir(at("gnupg")).unwrap();
    std::fs::set_permissions(at("gnupg"), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    let run = |program: &str, args: &[&str], stdin: &str| {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs(env.clone());
        common::feed(command, stdin.as_bytes()).ok()
    };
    run(
        "gpg",
        &[
            "--batch",
            "-q",
            "--passphrase",
            "",
            "--quick-gen-key",
            "test@example.org",
            "future-default",
            "default",
            "never",
        ],
        "",
    );
    run("pass", &["init", "test@example.org"], "");
    for (name, value) in entries {
        run("pass", &["insert", "-m", name], value);
    }
    env
}

#[test]
fn a_tree_of_pass_comes_in_through_pass_itself() {
    if !has("gpg") || !has("pass") {
        return common::skipped("pass with gpg");
    }
    let lab = Lab::in_memory();
    let entries = [
        ("db/url", "postgres://x\n"),
        ("web/login", "hunter2 and more\nuser: me\nurl: x\n"),
        ("bad name", "v\n"),
        ("top", "no newline"),
    ];
    let env = pass_tree(&lab, &entries);
    let env: Vec<(&str, &str)> = env.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let import =
        |args: &[&str]| lab.run_with(&[&["import", "--format", "pass"], args].concat(), b"", &env);
    let shown = import(&["--dry-run"]).ok();
    assert!(
        shown.stderr.contains("bad name becomes bad_name") && !shown.stderr.contains("hunter2"),
        "{}",
        shown.stderr
    );
    assert!(lab.run(&["list"]).ok().text().is_empty());
    let done = import(&["--except", "bad name", "--prefix", "old"]).ok();
    assert!(
        done.stderr.contains("1 entries of") && done.stderr.contains("--first-line"),
        "{}",
        done.stderr
    );
    assert!(
        lab.value("old/db/url").unwrap() == b"postgres://x"
            && lab.value("old/top").unwrap() == b"no newline"
    );
    assert!(lab.value("old/web/login").unwrap() == b"hunter2 and more\nuser: me\nurl: x");
    import(&["--only", "web/login", "--first-line"]).ok();
    assert!(lab.value("web/login").unwrap() == b"hunter2 and more");
    assert_eq!(import(&["--only", "nothing"]).refused(), (64, "key-unknown".into()));
    // Entries that cannot be opened are told at once, and nothing is imported.
    for broken in ["zz", "web/broken", "a b"] {
        let path = lab.dir.path().join(format!(".password-store/{broken}.gpg"));
        std::fs::write(path, "no ciphertext").unwrap();
    }
    let refused = import(&["--except", "bad name", "--prefix", "again"]);
    assert_eq!(refused.refused(), (65, "bad-import".into()));
    for broken in ["zz", "web/broken", "a b"] {
        let told = format!("{broken}: pass could not open it");
        assert!(refused.stderr.contains(&told), "{}", refused.stderr);
    }
    assert!(!lab.run(&["list"]).ok().text().contains("again/"));
    // What the hint says to leave out is left out.
    let hint = "--except 'a b,web/broken,zz'";
    let alone = "--except 'a b',web/broken,zz";
    assert!(refused.stderr.contains(hint) || refused.stderr.contains(alone), "{}", refused.stderr);
    import(&["--except", "bad name,a b,web/broken,zz", "--prefix", "again"]).ok();
    assert!(lab.value("again/web/login").unwrap().starts_with(b"hunter2"));
    let mut kill = Command::new("gpgconf");
    kill.args(["--kill", "all"]).env("GNUPGHOME", lab.dir.path().join("gnupg"));
    let _ = kill.status();
}

/// Debian's `passage` is another program, so the tree is made as passage makes it: age files beside
/// its identities.
#[test]
fn a_tree_of_passage_comes_in_through_age() {
    if !has("age") {
        return common::skipped("age");
    }
    let lab = Lab::in_memory();
    let script = "mkdir -p .passage/store/db .passage/store/.git && age-keygen -o \
                  .passage/identities 2>/dev/null && to=$(age-keygen -y .passage/identities) \
                  && echo postgres://x | age -r $to -o .passage/store/db/url.age && printf \
                  'password\\nuser: me\\n' | age -r $to -o .passage/store/login.age && echo x \
                  >.passage/store/.git/config.age";
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(lab.dir.path());
    common::feed(command, b"").ok();
    let home = lab.dir.path().to_str().unwrap().to_owned();
    let store = format!("{home}/.passage/store");
    let preview =
        lab.run_with(&["import", "--format", "passage", "--dry-run"], b"", &[("HOME", &home)]).ok();
    assert_eq!(preview.text(), "db/url  12 bytes\nlogin  17 bytes\n");
    lab.run(&["import", "--format", "passage", "--from", &store, "--first-line"]).ok();
    assert!(
        lab.value("db/url").unwrap() == b"postgres://x"
            && lab.value("login").unwrap() == b"password"
    );
    assert_eq!(
        lab.run(&["import", "--format", "passage", "--from", "nowhere"]).refused(),
        (66, "no-tree".into())
    );
    let wrong = [("PASSAGE_IDENTITIES_FILE", "home/identity")];
    let refused = lab.run_with(
        &["import", "--format", "passage", "--from", &store, "--prefix", "p"],
        b"",
        &wrong,
    );
    // age has said its own part before.
    assert!(
        refused.status == 65 && refused.stderr.contains("db/url: passage could not open it"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("login: passage could not open it"), "{}", refused.stderr);
    assert!(refused.stderr.contains("[bad-import]"));
    // Where the program is missing there is one fault, and it is told once.
    let missing = [("PASSAGE_AGE", "/nonexistent/age")];
    let from = ["import", "--format", "passage", "--from", &store, "--prefix", "p"];
    let refused = lab.run_with(&from, b"", &missing);
    assert_eq!(refused.refused(), (65, "cannot-open-entry".into()));
    assert_eq!(refused.stderr.matches("db/url").count(), 1, "{}", refused.stderr);
}
