//! A vault in a git repository, with real git: different secrets merge by themselves, the same
//! secret is settled, and what a hostile pull request brings is refused by the pin.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Lab, Ran, has};
use hasp_core::Secret;
use hasp_vault::Keys;
use hasp_vault::Label;
use hasp_vault::Settings;
use hasp_vault::age_file;

/// One person: a home, and a clone of the repository.
struct Member {
    lab: Lab,
    clone: PathBuf,
}

impl Member {
    fn new() -> Member {
        let lab = Lab { dir: tempfile::tempdir_in("/dev/shm").unwrap() };
        let clone = lab.dir.path().join("repo");
        Member { lab, clone }
    }

    fn vault(&self) -> PathBuf {
        self.clone.join("vault")
    }

    fn run(&self, args: &[&str], stdin: &[u8]) -> Ran {
        self.lab.run_with(
            args,
            stdin,
            &[
                ("HASP_VAULT", self.vault().to_str().unwrap()),
                ("HOME", self.lab.dir.path().to_str().unwrap()),
            ],
        )
    }

    fn git(&self, args: &[&str]) -> Ran {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@y",
            "-c",
            "init.defaultBranch=main",
            "-c",
            "commit.gpgsign=false",
        ]);
        command.args(args).current_dir(if self.clone.exists() {
            &self.clone
        } else {
            self.lab.dir.path()
        });
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.lab.dir.path());
        common::feed(command, b"")
    }

    fn commit(&self, what: &str) {
        self.git(&["add", "-A"]).ok();
        self.git(&["commit", "-q", "-m", what]).ok();
    }

    fn pull(&self, from: &Path) -> Ran {
        self.git(&["pull", "-q", "--no-rebase", "--no-edit", from.to_str().unwrap(), "main"])
    }

    fn value(&self, name: &str) -> Option<Vec<u8>> {
        let ran = self.run(&["reveal", name, "--force"], b"");
        (ran.status == 0).then_some(ran.stdout)
    }

    fn set(&self, name: &str, value: &[u8]) {
        self.run(&["set", name], value).ok();
        self.commit(name);
    }
}

/// Alice made the vault, Bob has cloned and joined it.
fn team() -> Option<(Member, Member)> {
    if !has("git") {
        common::skipped("git");
        return None;
    }
    let (alice, bob) = (Member::new(), Member::new());
    let own = bob.lab.run(&["identity", "new", "--no-passphrase"]).ok().text();
    std::fs::create_dir(&alice.clone).unwrap();
    alice.git(&["init", "-q"]).ok();
    alice.run(&["init", "--no-passphrase", "--recipient", own.trim()], b"").ok();
    alice.set("db/url", b"the value");
    bob.git(&["clone", "-q", alice.clone.to_str().unwrap(), bob.clone.to_str().unwrap()]).ok();
    let key = alice.run(&["status", "--json"], b"").ok().json()["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    bob.lab.run(&["join", bob.vault().to_str().unwrap(), "--key", &key]).ok();
    Some((alice, bob))
}

#[test]
fn different_secrets_merge_by_themselves() {
    let Some((alice, bob)) = team() else { return };
    alice.set("from/alice", b"value of alice");
    bob.set("from/bob", b"value of bob");
    bob.set("db", b"a secret above another");
    alice.pull(&bob.clone).ok();
    bob.pull(&alice.clone).ok();
    for member in [&alice, &bob] {
        assert!(
            member.value("from/alice").unwrap() == b"value of alice"
                && member.value("from/bob").unwrap() == b"value of bob"
        );
        assert!(
            member.value("db").unwrap() == b"a secret above another"
                && member.value("db/url").unwrap() == b"the value"
        );
        assert!(member.run(&["fsck"], b"").ok().text().is_empty());
        assert!(member.run(&["list", "--verify"], b"").ok().text().lines().count() >= 4);
    }
}

#[test]
fn the_same_secret_is_settled_for_one_side() {
    for (side, expected) in [("--ours", &b"of alice"[..]), ("--theirs", b"of bob")] {
        let Some((alice, bob)) = team() else { return };
        alice.set("db/url", b"of alice");
        bob.set("db/url", b"of bob, the first");
        bob.set("db/url", b"of bob");
        bob.set("other", b"another value");
        assert_eq!(
            alice.run(&["resolve", "db/url", side], b"").refused(),
            (66, "no-conflict".into())
        );
        assert!(alice.pull(&bob.clone).status != 0, "git cannot merge it");
        let listed = alice.run(&["get", "db/url"], b"");
        assert_eq!(listed.refused(), (65, "merge-conflict".into()));
        assert!(listed.stderr.contains("hasp-vault resolve db/url --ours"), "{}", listed.stderr);
        assert_eq!(alice.run(&["resolve", "db/url"], b"").refused(), (64, "usage".into()));
        let done = alice.run(&["resolve", "db/url", side], b"").ok();
        // What it says to type next, typed.
        let next: Vec<&str> =
            done.stderr.lines().filter(|l| l.trim_start().starts_with("git -C ")).collect();
        assert_eq!(next.len(), 2, "{}", done.stderr);
        let words: Vec<&str> = next[0].split_whitespace().skip(1).collect();
        alice.git(&words).ok();
        alice.git(&["commit", "-q", "--no-edit"]).ok();
        assert!(alice.git(&["status", "--porcelain"]).ok().text().is_empty());
        bob.pull(&alice.clone).ok();
        for member in [&alice, &bob] {
            assert!(member.value("db/url").unwrap() == expected, "{side}");
            assert!(
                member.value("db/url@1").unwrap() == b"the value"
                    && member.value("other").unwrap() == b"another value"
            );
            assert!(member.run(&["fsck"], b"").ok().text().is_empty(), "{side}");
        }
        bob.set("db/url", b"and on it goes");
        alice.pull(&bob.clone).ok();
        assert!(alice.value("db/url").unwrap() == b"and on it goes");
    }
}

#[test]
fn a_side_that_this_vault_did_not_sign_is_not_taken() {
    let Some((alice, bob)) = team() else { return };
    alice.set("db/url", b"of alice");
    let meta = bob.vault().join("items/db/url/meta.toml");
    let forged = std::fs::read_to_string(&meta).unwrap().replace("medium", "low");
    std::fs::write(&meta, forged).unwrap();
    bob.commit("forged");
    assert!(alice.pull(&bob.clone).status != 0);
    let refused = alice.run(&["resolve", "db/url", "--theirs"], b"");
    assert_eq!(refused.refused(), (65, "tampered".into()));
    alice.run(&["resolve", "db/url", "--ours"], b"").ok();
    assert!(alice.value("db/url").unwrap() == b"of alice");
}

#[test]
fn a_side_that_has_removed_the_secret_is_not_taken() {
    for (removed, kept) in [("--theirs", "--ours"), ("--ours", "--theirs")] {
        let Some((alice, bob)) = team() else { return };
        alice.set("db/url", b"of alice");
        bob.run(&["destroy", "db/url", "--forget", "--yes"], b"").ok();
        bob.commit("removed");
        let (member, other) = if kept == "--ours" { (&alice, &bob) } else { (&bob, &alice) };
        assert!(member.pull(&other.clone).status != 0, "git cannot merge it");
        let refused = member.run(&["resolve", "db/url", removed], b"");
        assert_eq!(refused.refused(), (66, "side-missing".into()));
        assert!(
            refused.stderr.contains(&format!("hasp-vault resolve db/url {kept}")),
            "{}",
            refused.stderr
        );
        // git itself has removed the first version, which only one side touched.
        member.run(&["resolve", "db/url", kept], b"").ok();
        assert!(member.value("db/url").unwrap() == b"of alice");
        assert!(member.value("db/url@1").unwrap() == b"the value");
        assert!(member.run(&["fsck"], b"").ok().text().is_empty());
    }
}

/// Each case is a commit that somebody without a place in the vault, or with more than his due,
/// would like to see merged.
#[test]
fn a_hostile_pull_request_is_refused_by_the_pin() {
    let Some((alice, bob)) = team() else { return };
    alice.set("second", b"second value");
    bob.pull(&alice.clone).ok();
    let attacker = Lab::in_memory();
    let start = bob.git(&["rev-parse", "HEAD"]).ok().text().trim().to_owned();
    let vault = bob.vault();
    let settings = || std::fs::read_to_string(vault.join("vault.toml")).unwrap();
    let new_key = || {
        // A whole vault under the attacker's root, with our id and our recipients.
        let theirs = Keys::derive(&[7; 32]);
        let ours = hasp_vault::Vault::open(&hasp_core::Home::at(bob.lab.home()), &vault).unwrap();
        let forged = Settings {
            record_key: theirs.record_key(),
            token_key: theirs.token_key(),
            serial: 9,
            ..ours.settings().clone()
        };
        let label = Label { vault: *ours.id(), kind: "vault", name: "" };
        std::fs::write(
            vault.join("vault.toml"),
            label.sign(9, &forged.render().unwrap(), |m| theirs.sign_record(m)),
        )
        .unwrap();
        let keys =
            age_file::encrypt(&Secret::copy_of(&[7; 32]).unwrap(), &forged.recipients).unwrap();
        std::fs::write(vault.join("keys.age"), keys).unwrap();
    };
    let new_recipient = || {
        let more = settings().replace(
            "recipients = [",
            &format!("recipients = [\"{}\", ", attacker.recipients()[0]),
        );
        std::fs::write(vault.join("vault.toml"), more).unwrap();
    };
    let swapped = || {
        let (one, two, away) =
            (vault.join("items/db/url"), vault.join("items/second"), vault.join("items/away"));
        std::fs::rename(&one, &away).unwrap();
        std::fs::rename(&two, &one).unwrap();
        std::fs::rename(&away, &two).unwrap();
    };
    let planted = || {
        let ours = hasp_vault::Vault::open(&hasp_core::Home::at(bob.lab.home()), &vault).unwrap();
        let value = Secret::copy_of(b"chosen by the attacker").unwrap();
        std::fs::write(
            vault.join("items/second/1.age"),
            age_file::encrypt(&value, &ours.settings().recipients).unwrap(),
        )
        .unwrap();
    };
    let other_vault = || {
        std::fs::remove_dir_all(&vault).unwrap();
        assert!(
            Command::new("cp")
                .arg("-a")
                .args([attacker.vault(), vault.clone()])
                .status()
                .unwrap()
                .success()
        );
    };
    let link = || {
        std::fs::remove_dir_all(vault.join("items/second")).unwrap();
        std::os::unix::fs::symlink("/etc", vault.join("items/second")).unwrap();
    };
    let cases: [(&str, &dyn Fn(), &str); 6] = [
        ("a new key", &new_key, "key-changed"),
        ("a new recipient", &new_recipient, "tampered"),
        ("swapped items", &swapped, "tampered"),
        ("a planted value", &planted, "tampered"),
        ("another vault", &other_vault, "unknown-vault"),
        ("a link out of the vault", &link, "tampered"),
    ];
    let before = alice.git(&["rev-parse", "HEAD"]).ok().text().trim().to_owned();
    for (what, make, code) in cases {
        make();
        bob.commit(what);
        alice.pull(&bob.clone).ok();
        for args in [
            &["get", "second"][..],
            &["reveal", "second", "--force"],
            &["show", "second", "--verify"],
        ] {
            // Metadata does not name a value file's content: only opening it finds that one.
            if what == "a planted value" && args[0] == "show" {
                continue;
            }
            let refused = alice.run(args, b"");
            assert_eq!(refused.refused().1, code, "{what} {args:?}: {}", refused.stderr);
            assert!(refused.stdout.is_empty());
        }
        // Nothing is encrypted to whoever was put among the recipients.
        if ["key-changed", "unknown-vault"].contains(&code) || what == "a new recipient" {
            assert_eq!(alice.run(&["set", "third"], b"third value").refused().1, code, "{what}");
        }
        bob.git(&["reset", "-q", "--hard", &start]).ok();
        alice.git(&["reset", "-q", "--hard", &before]).ok();
    }
    assert!(alice.value("second").unwrap() == b"second value");
    // A rollback merged as a new commit: what was seen is newer.
    alice.set("second", b"newer value");
    bob.pull(&alice.clone).ok();
    bob.git(&["checkout", "-q", &start, "--", "vault/items/second"]).ok();
    bob.commit("an old record put back");
    alice.pull(&bob.clone).ok();
    assert_eq!(alice.run(&["get", "second"], b"").refused(), (65, "rolled-back".into()));
}

#[test]
fn the_example_runs_as_documented() {
    if !has("git") {
        return common::skipped("git");
    }
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let bin = Path::new(common::binary()).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/team/run")).env_clear();
    command
        .env("PATH", path)
        .env("HOME", dir.path())
        .env("TMPDIR", dir.path())
        .current_dir(dir.path());
    let ran = common::feed(command, b"").ok();
    assert!(ran.text().contains("Alice and Bob have the same three values"), "{}", ran.text());
}
