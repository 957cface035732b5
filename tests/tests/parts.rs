//! Promise: a part of a value that is secret by itself is treated as the value is: redacted in the
//! output of a command, stopped by the hooks, known to the record.
#![allow(clippy::unwrap_used)]

use hasp_tests::World;

const PW: &str = "Zx8-Secret-Pw-77";
const URL: &str = "postgres://app:Zx8-Secret-Pw-77@db.example.com:5432/x";
const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC";
const DOCUMENT: &str = "{\"type\":\"service_account\",\"private_key\":\"-----BEGIN PRIVATE \
                        KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\n\
                         BKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\\n-----END PRIVATE KEY-----\\n\"}";

fn world() -> World {
    let world = World::new();
    world.store("u", URL);
    world.store("j", DOCUMENT);
    world
        .sh("git init -q -b main . && git config user.name n && git config user.email \
              n@example.org")
        .ok();
    world
}

#[test]
fn a_command_that_prints_a_part_is_redacted() {
    let world = world();
    world.write("key.py", "import json, os\nprint(json.loads(os.environ['J'])['private_key'])\n");
    world.sh("hasp-bind -q add u j").ok();
    let line = "hasp-grant -q -x --consumer user -e U=u -e J=j -- sh -c";
    let out =
        world.sh(&format!("{line} 'echo \"password=${{U#*app:}}\" | cut -d@ -f1; python3 key.py'"));
    assert!(
        out.ok().contains("password=[hasp:u]") && out.stdout.contains("[hasp:j]"),
        "{}",
        out.stdout
    );
    assert!(!out.stdout.contains(PW) && !out.stdout.contains("MIIEvQ"), "a part was printed");
    // Words of a start are on record redacted too.
    world.bind(
        "[refs]\nu = { about = \"a URL\" }\n[target.t]\nrun = [\"true\", \"...\"]\nenv = { \
                U = \"u\" }\n",
    );
    world.sh("hasp-grant -q -t t --for 1h --keep --consumer user").ok();
    world.sh(&format!("hasp-exec -t t -- {PW}")).ok();
    let argv = world.events("exec.start")[1]["argv"].clone();
    assert_eq!(argv.as_array().unwrap().last().unwrap(), "[hasp:u]");
}

#[test]
fn the_hooks_stop_a_part() {
    let world = world();
    world.sh("hasp-redact hooks install").ok();
    for (name, part, secret) in [("a", PW, "u"), ("b", BODY, "j")] {
        world.write(name, format!("secret {part}\n"));
        let out = world.sh(&format!("git add {name} && git commit -qm leak"));
        let said = format!("{}{}", out.stdout, out.stderr);
        assert_eq!(out.status, 1, "{said}");
        assert!(said.contains(&format!("{name}:1:8: {secret} version 1 (plain)")), "{said}");
        world.sh("git rm -qf --cached .; true").ok();
    }
}

#[test]
fn the_record_knows_whose_part_it_is() {
    let world = world();
    world.sh("hasp-vault reveal --force u").ok();
    let known = world.feed("hasp-audit who --from -", format!("{PW}\n"));
    assert!(
        known.ok().contains("vault.set") && known.stdout.contains("vault.reveal"),
        "{}",
        known.stdout
    );
    assert!(known.stderr.contains("this value is a part of u@1"), "{}", known.stderr);
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{BODY}\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE \
         KEY-----\n"
    );
    // From a pipe without its last newline, from a file with it.
    assert!(world.feed("hasp-audit who --from -", &pem).stderr.contains("a part of j@1"));
    world.write("key.pem", &pem);
    assert!(world.sh("hasp-audit who --from key.pem").stderr.contains("a part of j@1"));
    assert_eq!(world.feed("hasp-audit who --from -", "db.example.com").status, 1);
    let whole = world.feed("hasp-audit who --from -", URL);
    assert!(
        whole.ok().contains("vault.set") && whole.stderr.contains("this value was u@1"),
        "{}",
        whole.stderr
    );
}

#[test]
fn a_rebuilt_watch_puts_parts_on_record_that_were_stored_before() {
    let world = world();
    world.sh("hasp-vault watch rebuild").ok();
    let parts = world.events("vault.parts");
    let named: Vec<_> = parts
        .iter()
        .map(|e| (e["secret"].as_str().unwrap(), e["version"].as_u64().unwrap()))
        .collect();
    assert_eq!(named, [("j", 1), ("u", 1)]);
    assert!(parts.iter().all(|e| e["parts"].as_array().is_some_and(|p| !p.is_empty())));
}

#[test]
fn what_is_not_redacted_by_itself_is_said_where_it_is_stored() {
    let world = World::new();
    let short = world.feed("hasp-vault set s", "postgres://app:pw@db/x");
    assert!(
        short.stderr.contains(
            "s: the password in its URL is not redacted in output by itself: 2 bytes long"
        )
    );
    let noted = world.feed(&format!("hasp-vault set n --note 'the one with {PW}'"), URL);
    noted.refused(77, "value-in-note");
    let weak = world.feed("hasp-vault set w", "postgres://app:correct-horse@db.example.com/x");
    assert!(weak.stderr.contains(
        "w: the password in its URL is not watched for by itself: it has fewer than 16 bytes"
    ));
}
