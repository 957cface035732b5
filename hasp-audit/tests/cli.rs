//! The tool as it is typed, beside a stand-in for hasp-vault that keeps to the same contract: keys
//! over a descriptor.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/tool.rs"]
mod tool;

use std::process::{Command, Stdio};

use common::{Fixture, at, named};
use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey};
use hasp_audit::{Event, EventKind, Head};
use hasp_core::Kind;
use serde_json::{Value, json};
use tool::{Bench, FP, VAULT, refusal};

/// A log that tells of two secrets, one run that ended, one that never ran, one without an end, and
/// a denial.
fn bench() -> Bench {
    let f = Fixture::new();
    let secrets = |names: &[(&str, u64)]| -> Vec<Value> {
        names.iter().map(|(n, v)| json!({"name": n, "version": v})).collect()
    };
    let exec = |grant: &str| {
        named("exec.start").field("grant", grant).os("project", "/p").argv(&["make", "a\x1b[2Jb"])
    };
    let asker = |exe: &str| -> Vec<Value> {
        let chain = [(71, "/usr/bin/hasp-exec"), (70, exe), (9, "/bin/sh")];
        chain.iter().map(|(pid, exe)| json!({"pid": pid, "exe": exe})).collect()
    };
    let events = [
        named("vault.set").field("secret", "db/url").field("version", 1).field("fp", FP),
        named("grant.mint")
            .field("grant", "g1")
            .field("secrets", secrets(&[("db/url", 1)]))
            .field("consumer", "session:7"),
        exec("g1")
            .field("consumer", "session:7")
            .field("asker", asker("/opt/agent"))
            .field("secrets", secrets(&[("db/url", 1)])),
        named("exec.end").field("start", 3).field("grant", "g1").field("status", 0),
        exec("g1")
            .field("consumer", "user:0")
            .field("asker", asker("/usr/bin/make"))
            .field("secrets", secrets(&[("web/key", 2)])),
        exec("g1").field("consumer", "user:0").field("secrets", secrets(&[("bad/key", 9)])),
        named("exec.end").field("start", 6).field("grant", "g1").field("failed", "not-executable"),
        named("exec.deny").field("code", "spent").field("grant", "g9").os("project", "/p"),
        named("vault.reveal").field("secret", "shown/one").field("version", 4),
    ];
    for (n, event) in events.into_iter().enumerate() {
        f.log.append(at(n as i64 * 60), &[event]).unwrap();
    }
    Bench::of(f)
}

#[test]
fn the_log_answers_questions() {
    let b = bench();
    let numbers = |args: &[&str]| -> Vec<u64> {
        let text = b.ok(&[&["--json"], args].concat());
        text.lines()
            .map(|l| serde_json::from_str::<Value>(l).unwrap()["n"].as_u64().unwrap())
            .collect()
    };
    let all: Vec<u64> = (0..10).collect();
    let project = ["--project", "/p"];
    let table: [(&[&str], &[u64]); 17] = [
        (&[], &all),
        (&["log"], &all),
        (&["--secret", "db/url"], &[1, 2, 3]),
        (&["--secret", "db/url@1"], &[1, 2, 3]),
        (&["--secret", "db/url@2"], &[]),
        (&["log", "--consumer", "session"], &[2, 3]),
        (&["--consumer", "user:0"], &[5, 6]),
        (&["--grant", "g1"], &[2, 3, 4, 5, 6, 7]),
        (&["--asker", "agent"], &[3]),
        (&["--asker", "exe:/usr/bin/make"], &[5]),
        (&["--asker", "pid:70"], &[3, 5]),
        (&["--asker", "nobody"], &[]),
        (&["--event", "exec"], &[3, 4, 5, 6, 7, 8]),
        (&["--event", "exec.end"], &[4, 7]),
        (&["--denied"], &[8]),
        (&["--event", "exec", "-n", "2"], &[7, 8]),
        (&project, &[3, 5, 6, 8]),
    ];
    for (args, expected) in table {
        assert_eq!(numbers(args), expected, "{args:?}");
        assert_eq!(numbers(&[args, &["--verify"]].concat()), expected, "{args:?} --verify");
    }
    let since = at(60 * 3).to_string();
    assert_eq!(numbers(&["--since", &since, "--until", &at(60 * 5).to_string()]), [4, 5, 6]);
    let text = b.ok(&[]);
    assert_eq!(text.lines().count(), 10);
    assert!(!text.contains('\x1b') && text.contains("a\\x1b[2Jb"), "{text}");
    let endless: Vec<&str> = text.lines().filter(|l| l.contains("no end")).collect();
    assert!(endless.len() == 1 && endless[0].contains("web/key@2"), "{text}");
}

#[test]
fn verify_tells_its_outcomes_apart() {
    let b = bench();
    assert!(b.ok(&["verify"]).starts_with("whole: 10 records"));
    let json: Value = serde_json::from_str(&b.ok(&["verify", "--json"])).unwrap();
    assert_eq!(
        (json["outcome"].as_str(), json["records"].as_u64(), &json["first_bad"]),
        (Some("whole"), Some(10), &Value::Null)
    );
    let saved = b.f.save();
    let lines = b.f.lines();
    b.f.put(&[&lines[..9], &[b"{\"torn".to_vec()]].concat());
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[tail-missing]", "record 9"]));
    b.f.put(&[&lines[..3], &lines[4..]].concat());
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[tampered]", "record 3"]));
    assert!(refusal(b.refused(&["log", "--verify"], ""), 1, &["[tampered]"]));
    b.f.put(&[&lines[..], &[b"{\"torn".to_vec()]].concat());
    assert!(refusal(b.refused(&["verify"], ""), 0, &["cut short by a crash"]));
    b.f.restore(&saved);
    std::fs::remove_file(b.f.path("key")).unwrap();
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[key-state]", "hasp-audit recover"]));
    assert_eq!(b.refused(&["recover"], "").0, 0);
    assert!(b.ok(&["verify"]).starts_with("whole: 11 records"));
    // Without the key there is no answer: neither yes nor no.
    let locked = fails(Kind::Locked, "bad-passphrase", "the passphrase is wrong");
    b.vault(&locked);
    let (status, said) = b.refused(&["verify"], "");
    assert_eq!(status, 69);
    // What hasp-vault said stands there once, as this tool's own, with its hint.
    let error = "hasp-audit: error: the passphrase is wrong [bad-passphrase]\n";
    assert_eq!(said, format!("{error}hasp-audit: hint: type it: hasp-vault status\n"));
    std::fs::remove_dir_all(b.f.home.join("vault")).unwrap();
    std::fs::remove_dir_all(b.f.log.path()).unwrap();
    assert_eq!(b.refused(&["verify"], "").0, 66);
    b.install();
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[log-missing]"]));
}

/// How a stand-in fails: with a word on stderr, as every tool does.
fn fails(kind: Kind, code: &str, message: &str) -> String {
    let (kind, status) = (kind.as_str(), kind.status());
    let hints = ["type it: hasp-vault status"];
    let error = json!({"kind": kind, "code": code, "message": message, "hints": hints});
    format!("echo '{}' >&2; exit {status}", json!({ "error": error }))
}

#[test]
fn a_head_kept_elsewhere_finds_a_rollback() {
    let b = bench();
    let old = b.f.save();
    b.f.fill(3);
    b.sign(&b.f.log.head().unwrap().text());
    let head = b.ok(&["head"]);
    assert_eq!(head.lines().count(), 1);
    assert!(head.starts_with(&format!("hasp-audit/{} 13 ", b.f.id)) && head.contains('\u{2014}'));
    assert_eq!(b.ok(&["head", "--note"]).lines().count(), 5);
    assert!(b.ok(&["verify", "--expect", head.trim()]).starts_with("whole"));
    let kept = b.bin.path().join("heads.txt");
    std::fs::write(&kept, format!("older lines\n{head}")).unwrap();
    assert!(b.ok(&["verify", "--expect", kept.to_str().unwrap()]).starts_with("whole"));
    b.f.restore(&old);
    assert!(b.ok(&["verify"]).starts_with("whole"));
    assert!(refusal(b.refused(&["verify", "--expect", head.trim()], ""), 1, &["[tail-missing]"]));
    assert_eq!(b.refused(&["verify", "--expect", "nonsense"], "").0, 65);
    let forged = head.replace(" 13 ", " 12 ");
    assert!(refusal(b.refused(&["verify", "--expect", forged.trim()], ""), 65, &["[head-forged]"]));
}

#[test]
fn incidents_who_and_exposed() {
    let b = bench();
    let who = b.ok(&["who", "--from", "-", "--json"]);
    let numbers: Vec<u64> = who
        .lines()
        .map(|l| serde_json::from_str::<Value>(l).unwrap()["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(b.ok(&["exposed"]), "db/url@1\nshown/one@4\nweb/key@2\n");
    assert_eq!(b.ok(&["exposed", "--consumer", "session"]), "db/url@1\n");
    assert_eq!(b.ok(&["exposed", "--since", &at(60 * 4).to_string()]), "shown/one@4\nweb/key@2\n");
    assert_eq!(b.ok(&["exposed", "--until", &at(60 * 3).to_string()]), "db/url@1\n");
    // What came through the plumbing is no evidence that anything was released.
    let forged = r#"{"event":"exec.start","secrets":[{"name":"x","version":1}]}"#;
    assert!(b.run(&["append"], forged).status.success());
    assert_eq!(b.ok(&["exposed"]), "db/url@1\nshown/one@4\nweb/key@2\n");
    // A value that was never stored.
    b.vault(&format!("eval \"printf {} >&$6\"", "0".repeat(32)));
    assert!(refusal(b.refused(&["who", "--from", "-"], ""), 1, &["[value-unknown]"]));
}

#[test]
fn an_export_is_verified_with_the_public_key_alone() {
    let b = bench();
    let lines = b.f.lines().concat();
    let hash = <sha2::Sha256 as sha2::Digest>::digest(&lines);
    b.sign(&format!("hasp-audit/{}/export\n10\n{}\n", b.f.id, BASE64.encode(&hash)));
    let exported = b.ok(&["export"]);
    assert!(exported.as_bytes().starts_with(&lines));
    let message = std::fs::read_to_string(b.bin.path().join("message")).unwrap();
    assert!(message.starts_with(&format!("hasp-audit/{}/export\n10\n", b.f.id)));
    let file = b.bin.path().join("export.jsonl");
    let public = BASE64.encode(b.key.verifying_key().as_bytes());
    let check = |content: &str| {
        std::fs::write(&file, content).unwrap();
        b.refused(&["verify", "--export", file.to_str().unwrap(), "--public-key", &public], "")
    };
    assert_eq!(check(&exported).0, 0);
    assert!(refusal(check(&exported.replacen("db/url", "db/urk", 1)), 1, &["[export-forged]"]));
    let redacted = b.ok(&["export", "--redacted"]);
    for name in ["db/url", "web/key", "/p\"", "make", "session:7"] {
        assert!(!redacted.contains(name), "{name}");
    }
    assert_eq!(redacted.lines().count(), 11);
}

#[test]
fn losses_are_accepted_by_a_person() {
    let b = bench();
    assert!(refusal(b.refused(&["accept-loss", "--yes"], ""), 64, &["[nothing-lost]"]));
    b.f.put(&b.f.lines()[..6]);
    let append = r#"{"event":"scan.leak","count":1}"#;
    assert!(refusal(
        b.refused(&["append"], append),
        65,
        &["[tail-missing]", "hasp-audit accept-loss"]
    ));
    assert!(refusal(b.refused(&["accept-loss", "--yes"], ""), 0, &["6 to 9"]));
    assert_eq!(b.refused(&["append"], append).0, 0);
    assert!(refusal(b.refused(&["verify"], ""), 1, &["[loss-accepted]"]));
    assert!(b.ok(&["verify", "--allow-accepted"]).starts_with("whole"));
}

#[test]
fn while_the_recipients_change_the_vault_is_asked_once() {
    let b = bench();
    let append = r#"{"event":"scan.leak","count":1}"#;
    let asked = b.bin.path().join("asked");
    let change = b.f.home.join("locks").join(format!("{VAULT}.recipients"));
    std::fs::create_dir(b.f.home.join("locks")).unwrap();
    b.vault(&format!("echo \"$@\" >>{}; rm {}", asked.display(), change.display()));
    assert!(b.run(&["append"], append).status.success());
    assert!(!asked.exists());
    std::fs::write(&change, "").unwrap();
    for _ in 0..2 {
        assert!(b.run(&["append"], append).status.success());
    }
    assert_eq!(std::fs::read_to_string(asked).unwrap(), "--quiet status\n");
}

#[test]
fn plumbing_and_wrong_usage() {
    let b = bench();
    assert_eq!(
        b.run(&["append", "--json"], r#"{"event":"scan.leak","count":2}"#).stdout,
        b"{\"n\":10,\"v\":1}\n"
    );
    assert!(b.ok(&["--event", "scan"]).contains("via=append"));
    for (stdin, status, code) in [
        (r#"{"event":"audit.loss","first":0}"#, 77, "event-reserved"),
        ("", 65, "bad-event"),
        ("[1]", 65, "bad-event"),
        (r#"{"event":"x.y","mac":"0"}"#, 65, "bad-event"),
        (r#"{"event":"x.y","a b":"0"}"#, 65, "bad-event"),
    ] {
        let (got, said) = b.refused(&["append"], stdin);
        assert!(got == status && said.contains(code), "{stdin}: {got} {said}");
    }
    for args in [
        &["--since", "yesterday"][..],
        &["--secret", "../x"],
        &["--secret", "db/url", "verify"],
        &["--log", "x"],
        &["nonsense"],
        &["who"],
        &["-n", "x"],
        &["verify", "--export", "x"],
    ] {
        assert_eq!(b.refused(args, "").0, 64, "{args:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        assert!(b.ok(&["completions", shell]).contains("hasp-audit"));
    }
    assert!(b.ok(&["--help"]).contains("Examples:"));
}

#[test]
fn following_shows_what_comes_across_segments() {
    use std::io::{BufRead, BufReader};
    let b = bench();
    let mut command = Command::new(b.bin.path().join("hasp-audit"));
    command.args(["-f", "-n", "1", "--json", "--event", "test"]).env("HASP_HOME", b.f.dir.path());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    b.f.log.append(at(0), &[named("test.first")]).unwrap();
    assert!(lines.next().unwrap().unwrap().contains("test.first"));
    // Enough to close this segment: what follows is in the next one.
    let fat = (0..3).fold(named("other.fat"), |e, n| e.field(format!("pad{n}"), "x".repeat(500)));
    b.f.log.append(at(1), &vec![fat; 10_000]).unwrap();
    b.f.log.append(at(2), &[named("test.second")]).unwrap();
    assert!(lines.next().unwrap().unwrap().contains("test.second"));
    assert!(b.f.path("00000002.jsonl").exists());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let b = bench();
    b.f.log.append(at(0), &vec![named("other.pad").field("pad", "x".repeat(400)); 2000]).unwrap();
    let script = "\"$0\" --json | head -n 1 >/dev/null";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(b.bin.path().join("hasp-audit"))
        .env("HASP_HOME", b.f.dir.path())
        .output();
    assert_eq!(output.unwrap().stderr, b"");
}

#[test]
fn an_event_of_another_version_is_shown_and_counted() {
    let b = bench();
    let future = || named("exec.future").field("what", "ever");
    b.f.log.append(at(90), &[future(), future()]).unwrap();
    let (status, said) = b.refused(&["--event", "exec"], "");
    let note = "this version does not know the event exec.future: 2 of these";
    assert!(status == 0 && said.matches(note).count() == 1, "{said}");
    assert_eq!(b.ok(&["--event", "exec.future", "--json"]).matches("\"what\":\"ever\"").count(), 2);
    let forged = r#"{"event":"mine.own"}"#;
    assert!(b.run(&["append"], forged).status.success());
    assert!(!b.refused(&["--event", "mine"], "").1.contains("does not know"));
}

#[test]
fn the_caller_stands_in_the_log_and_can_be_asked_for() {
    let b = bench();
    let log = b.ok(&["--asker", "agent"]);
    assert!(log.contains("  asked by agent 70  ") && !log.contains("hasp-exec"), "{log}");
    assert_eq!(b.ok(&["exposed", "--asker", "agent"]), "db/url@1\n");
    assert_eq!(b.ok(&["exposed", "--asker", "exe:/usr/bin/make"]), "web/key@2\n");
    assert_eq!(b.ok(&["exposed", "--asker", "pid:70"]), "db/url@1\nweb/key@2\n");
    assert_eq!(b.ok(&["exposed", "--asker", "agent", "--consumer", "user"]), "");
    assert_eq!(b.ok(&["exposed", "--asker", "/usr/bin/make"]), "web/key@2\n");
    assert_eq!(b.ok(&["exposed", "--asker", "70"]), "db/url@1\nweb/key@2\n");
    for bad in ["usr/bin/make", "exe:make", "pid:x", ""] {
        assert!(refusal(b.refused(&["--asker", bad], ""), 64, &["[usage]", "exe:PATH"]), "{bad}");
    }
}

#[test]
fn versions_given_to_rotation_programs_are_exposed() {
    let b = bench();
    let program = Event::new(EventKind::VaultRotateProgram)
        .field("secret", "rotated/one")
        .field("version", 3)
        .field("step", "test")
        .field("program", "/opt/check");
    b.f.log.append(at(700), &[program]).unwrap();
    assert_eq!(b.ok(&["exposed", "--since", &at(650).to_string()]), "rotated/one@3\n");
    assert!(b.ok(&["--secret", "rotated/one"]).contains("program /opt/check"));
}

#[test]
fn a_once_grant_that_started_twice_is_named_with_both_numbers() {
    let b = bench();
    let mint = |id| named("grant.mint").field("grant", id).field("uses", 1);
    let start = |id| named("exec.start").field("grant", id);
    let events = [mint("once"), start("once"), start("once"), start("unknown")];
    b.f.log.append(at(600), &events).unwrap();
    let (status, said) = b.refused(&["verify"], "");
    assert_eq!(status, 1, "{said}");
    let error = "error: record 12 starts a grant of 1 use(s), made by record 10, that was spent by \
                 record 11 [start-ungranted]";
    assert!(said.contains(error) && said.contains("record 13 starts a grant that no"), "{said}");
    let told: Value = serde_json::from_slice(&b.run(&["verify", "--json"], "").stdout).unwrap();
    assert_eq!((&told["outcome"], &told["first_bad"]), (&json!("start-ungranted"), &json!(12)));
    // What is on record can still be asked for with a check.
    assert!(b.ok(&["log", "--verify"]).contains("once"));
}

#[test]
fn a_clock_that_was_set_back_is_flagged() {
    let b = bench();
    let five_days = 5 * 86_400;
    b.f.log.append(at(600 - five_days), &[named("test.past")]).unwrap();
    b.f.log.append(at(601 - five_days), &[named("test.past")]).unwrap();
    let (status, said) = b.refused(&["verify"], "");
    let note = format!("the clock was set back: record 10 is dated {}", at(600 - five_days));
    assert!(status == 0 && said.matches(&note).count() == 1, "{said}");
    let log = b.ok(&[]);
    let flagged = |l: &&str| l.ends_with("the clock was set back");
    assert_eq!(log.lines().filter(flagged).count(), 1, "{log}");
    assert_eq!(b.ok(&["--until", &at(-1).to_string(), "--event", "test"]).lines().count(), 2);
}

#[test]
fn times_say_their_zone_and_are_read_by_the_same_rule() {
    let b = bench();
    let zoned = |args: &[&str]| {
        let mut command = Command::new(b.bin.path().join("hasp-audit"));
        command.args(args).env("HASP_HOME", b.f.dir.path()).env("TZ", "JST-9");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let log = zoned(&["--event", "vault.reveal"]);
    // The last record, nine hours on, down to the second: at(480).
    let shown = log.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join("T");
    assert!(shown.ends_with("+09:00"), "{log}");
    let typed = shown.trim_end_matches("+09:00");
    assert_eq!(zoned(&["--since", typed]).lines().count(), 1, "{typed}");
    assert_eq!(b.ok(&["--since", typed]).lines().count(), 0, "in UTC that is nine hours later");
    assert!(b.ok(&["--event", "vault.reveal"]).split_whitespace().nth(2).unwrap().ends_with('Z'));
}

#[test]
fn a_mistyped_event_is_said() {
    let b = bench();
    let (status, said) = b.refused(&["--event", "exec.strat"], "");
    assert!(status == 0 && said.contains("did you mean 'exec.start'?"), "{said}");
    let (status, said) = b.refused(&["--secret", "db/ulr"], "");
    assert!(status == 0 && said.contains("names 'db/ulr': see hasp-vault list"), "{said}");
    assert_eq!(b.refused(&["--event", "consumer"], "").1, "");
}

#[test]
fn a_damaged_checkpoint_is_kept_and_said() {
    let b = bench();
    let sign = |message: &[u8]| b.key.sign(message).to_bytes();
    let public = b.key.verifying_key();
    b.f.log.checkpoint(&public, &sign).unwrap();
    let good = std::fs::read(b.f.path("checkpoint")).unwrap();
    b.f.log.checkpoint(&public, &sign).unwrap();
    assert!(b.refused(&["verify"], "").1.lines().all(|l| !l.contains("set aside")));
    // What a writer that was killed left goes with the next unlock.
    std::fs::write(b.f.path(".hasp-dead.tmp"), "x").unwrap();
    b.f.log.checkpoint(&public, &sign).unwrap();
    assert!(!b.f.path(".hasp-dead.tmp").exists());
    let of_another = b.f.log.head().unwrap();
    let ahead = Head { count: 99, ..of_another };
    let ahead = ahead.note(&public, &sign(ahead.text().as_bytes()));
    let mut flipped = good.clone();
    flipped[60] ^= 1;
    for odd in [b"no head".to_vec(), ahead.into_bytes(), flipped] {
        hasp_core::files::replace(&b.f.path("checkpoint"), &odd).unwrap();
        let count = b.f.log.head().unwrap().count;
        b.f.log.checkpoint(&public, &sign).unwrap();
        assert_eq!(std::fs::read(b.f.path(&format!("checkpoint-{count}"))).unwrap(), odd);
    }
    let (status, said) = b.refused(&["verify"], "");
    assert!(status == 0 && said.matches("a checkpoint was set aside").count() == 3, "{said}");
}

#[test]
fn an_earlier_log_is_verified_after_a_change_of_key() {
    let b = bench();
    let public = b.key.verifying_key();
    b.f.log.checkpoint(&public, &|message| b.key.sign(message).to_bytes()).unwrap();
    let today = SigningKey::from_bytes(&[8; 32]).verifying_key();
    let status = |log: &str| {
        b.know_as(log, &today);
    };
    status(&"0".repeat(32));
    let id = b.f.id.to_string();
    let (code, said) = b.refused(&["--log", &id, "verify"], "");
    assert!(code == 0 && said.contains("an earlier log of the vault"), "{said}");
    // Of the log that is written now it is a forgery.
    status(&id);
    assert!(refusal(b.refused(&["--log", &id, "verify"], ""), 1, &["[head-forged]"]));
}

#[test]
fn without_the_vaults_tool_and_with_a_wrong_passphrase() {
    let b = bench();
    let denied = fails(Kind::Denied, "wrong-passphrase", "the passphrase is wrong");
    b.vault(&denied);
    assert!(refusal(
        b.refused(&["verify"], ""),
        77,
        &["the passphrase is wrong [wrong-passphrase]"]
    ));
    std::fs::remove_file(b.bin.path().join("hasp-vault")).unwrap();
    assert!(refusal(b.refused(&["verify"], ""), 66, &["[no-sibling]", "make install"]));
}
