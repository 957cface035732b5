//! Two homes and one vault: what is trusted is a key that a person compared, and nothing else.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Lab, Screen, has};

struct Team {
    alice: Lab,
    bob: Lab,
    dir: String,
    key: String,
}

impl Team {
    /// Alice's vault in a repository, open for Bob too.
    fn new() -> Team {
        let (alice, bob) = (Lab::empty(), Lab::empty());
        let own = bob.run(&["identity", "new", "--no-passphrase"]).ok().text();
        let dir = alice.dir.path().join("repo/vault").to_str().unwrap().to_owned();
        let env = [("HASP_VAULT", dir.as_str())];
        alice.run_with(&["init", "--no-passphrase", "--recipient", own.trim()], b"", &env).ok();
        alice.run_with(&["set", "db/url"], b"the value", &env).ok();
        let key = alice.run_with(&["status", "--json"], b"", &env).ok().json()["public_key"]
            .as_str()
            .unwrap()
            .to_owned();
        Team { alice, bob, dir, key }
    }
}

#[test]
fn a_member_joins_by_key_and_both_read_and_write() {
    let Team { alice, bob, dir, key } = Team::new();
    let env = [("HASP_VAULT", dir.as_str())];
    assert_eq!(bob.run_with(&["get", "db/url"], b"", &env).refused(), (77, "unknown-vault".into()));
    let other = key.replace(|c: char| c.is_ascii_digit(), "A");
    assert_eq!(
        bob.run(&["join", &dir, "--key", &format!("{other}x")]).refused(),
        (77, "other-key".into())
    );
    bob.run(&["join", &dir, "--key", &key]).ok();
    assert!(bob.run_with(&["reveal", "db/url", "--force"], b"", &env).ok().stdout == b"the value");
    bob.run_with(&["set", "db/url"], b"from bob", &env).ok();
    assert!(alice.run_with(&["reveal", "db/url", "--force"], b"", &env).ok().stdout == b"from bob");
    assert!(bob.record().contains("\"event\":\"vault.join\""));
    assert!(bob.run(&["join", &dir, "--key", &key]).ok().stderr.contains("known already"));
    assert_eq!(bob.run_with(&["status", "--json"], b"", &env).ok().json()["how"], "join");
}

#[test]
fn who_is_no_recipient_learns_what_to_send() {
    let team = Team::new();
    let carol = Lab::empty();
    let nobody = carol.run(&["join", &team.dir, "--key", &team.key]);
    assert_eq!(nobody.refused(), (69, "no-identity".into()));
    assert!(nobody.stderr.contains("hasp-vault identity new"), "{}", nobody.stderr);
    let own = carol.run(&["identity", "new", "--no-passphrase"]).ok().text();
    assert_eq!(carol.run(&["identity", "show"]).ok().text(), own);
    assert_eq!(carol.run(&["identity", "new", "--no-passphrase"]).refused(), (73, "exists".into()));
    let refused = carol.run(&["join", &team.dir, "--key", &team.key]);
    assert_eq!(refused.refused(), (77, "not-a-recipient".into()));
    assert!(refused.stderr.contains(own.trim()));
    assert!(!carol.home().join("known_vaults").exists());
}

#[test]
fn a_hostile_vault_in_its_place_is_refused_and_its_keys_cannot_be_borrowed() {
    let Team { alice: _alice, bob, dir, key } = Team::new();
    bob.run(&["join", &dir, "--key", &key]).ok();
    // A pull request brings another vault, made for Bob by somebody else.
    let mallory = Lab::empty();
    let own = bob.run(&["identity", "show"]).ok().text();
    let hostile = mallory.dir.path().join("vault").to_str().unwrap().to_owned();
    let env = [("HASP_VAULT", hostile.as_str())];
    mallory.run_with(&["init", "--no-passphrase", "--recipient", own.trim()], b"", &env).ok();
    let path = |dir: &str, file: &str| std::path::Path::new(dir).join(file);
    let honest = std::fs::read(path(&dir, "vault.toml")).unwrap();
    std::fs::copy(path(&hostile, "vault.toml"), path(&dir, "vault.toml")).unwrap();
    std::fs::copy(path(&hostile, "keys.age"), path(&dir, "keys.age")).unwrap();
    let refused = bob.run_with(&["set", "n"], b"value", &[("HASP_VAULT", dir.as_str())]);
    assert_eq!(refused.refused(), (77, "unknown-vault".into()));
    // With the honest settings the foreign keys do not fit.
    std::fs::write(path(&dir, "vault.toml"), honest).unwrap();
    let refused = bob.run_with(&["set", "n"], b"value", &[("HASP_VAULT", dir.as_str())]);
    assert_eq!(refused.refused(), (65, "tampered".into()));
    let fresh = Lab::empty();
    std::fs::create_dir_all(fresh.home()).unwrap();
    std::fs::set_permissions(fresh.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700))
        .unwrap();
    std::fs::copy(bob.home().join("identity"), fresh.home().join("identity")).unwrap();
    assert_eq!(fresh.run(&["join", &dir, "--key", &key]).refused(), (65, "tampered".into()));
}

#[test]
fn the_key_is_shown_and_asked_for() {
    let Team { alice: _alice, bob, dir, key } = Team::new();
    let mut command = std::process::Command::new("setsid");
    command.arg("--wait").arg(common::binary()).args(["join", &dir]).env_clear();
    command.env("HASP_HOME", bob.home()).env("PATH", "/usr/bin:/bin");
    assert_eq!(common::feed(command, b"").refused(), (69, "no-terminal".into()));
    if !has("script") {
        return common::skipped("script");
    }
    for (answer, status) in [("n", 1), ("y", 0)] {
        let mut screen = Screen::start(&bob, &format!("$BIN join {dir}"));
        screen.wait_for("Trust this vault?");
        assert!(String::from_utf8_lossy(&screen.seen()).contains(&key));
        screen.type_line(answer);
        assert_eq!(screen.end().1, status);
    }
}
