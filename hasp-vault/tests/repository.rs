//! A vault outside the home, as in a git repository: owner and mode say nothing there, signatures
//! everything; and nothing in it belongs to one machine.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;

use common::Lab;

/// What becomes of the bytes of a file.
type Turn<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

#[test]
fn a_vault_elsewhere_is_read_whatever_its_modes() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo/secrets");
    let env = [("HASP_VAULT", dir.to_str().unwrap())];
    lab.run_with(&["init", "--no-passphrase"], b"", &env).ok();
    lab.run_with(&["set", "db/url"], b"the value", &env).ok();
    assert!(!lab.vault().exists());
    for path in
        ["", "vault.toml", "items", "items/db", "items/db/url/meta.toml", "items/db/url/1.age"]
    {
        let path = dir.join(path);
        let mode = if path.is_dir() { 0o777 } else { 0o664 };
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }
    assert!(lab.run_with(&["reveal", "db/url", "--force"], b"", &env).ok().stdout == b"the value");
    lab.run_with(&["set", "db/url"], b"another value", &env).ok();
    assert!(
        lab.run_with(&["reveal", "db/url", "--force"], b"", &env).ok().stdout == b"another value"
    );
    let relative = lab.run_with(&["list"], b"", &[("HASP_VAULT", "repo/secrets")]).ok();
    assert!(relative.text().contains("db/url"));
}

#[test]
fn nothing_in_the_vault_belongs_to_a_machine() {
    let lab = Lab::new();
    lab.set("db/url", b"the value");
    lab.set("db", b"the value");
    let mut found = Vec::new();
    let mut left = vec![lab.vault()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else {
            found.push(path.strip_prefix(lab.vault()).unwrap().to_str().unwrap().to_owned());
        }
    }
    found.sort();
    let expected = [
        "items/db/1.age",
        "items/db/meta.toml",
        "items/db/url/1.age",
        "items/db/url/meta.toml",
        "keys.age",
        "vault.toml",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_planted_link_leads_nowhere() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo");
    let env = [("HASP_VAULT", dir.to_str().unwrap())];
    lab.run_with(&["init", "--no-passphrase"], b"", &env).ok();
    let outside = lab.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, dir.join("items/db")).unwrap();
    for name in ["db", "db/url"] {
        let refused = lab.run_with(&["set", name], b"value", &env);
        assert_eq!(refused.refused(), (65, "tampered".into()));
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_second_vault_shares_the_identity() {
    let lab = Lab::new();
    lab.set("mine", b"the value");
    let env = [("HASP_VAULT", "repo/vault")];
    lab.run_with(&["init"], b"", &env).ok();
    lab.run_with(&["set", "ours"], b"a shared value", &env).ok();
    assert!(
        lab.run_with(&["reveal", "ours", "--force"], b"", &env).ok().stdout == b"a shared value"
    );
    assert!(lab.value("mine").unwrap() == b"the value");
    assert_eq!(lab.run(&["show", "ours"]).refused().1, "secret-unknown");
}

#[test]
fn an_unknown_vault_is_not_trusted_by_itself() {
    let (lab, other) = (Lab::new(), Lab::new());
    other.set("n", b"the value");
    let theirs = other.vault();
    let refused = lab.run_with(&["list"], b"", &[("HASP_VAULT", theirs.to_str().unwrap())]);
    assert_eq!(refused.refused(), (77, "unknown-vault".into()));
    assert!(refused.stderr.contains("hasp-vault join "));
}

/// git may have turned line ends before anybody knew that it must not.
#[test]
fn a_checkout_that_turned_line_ends_is_read() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo/vault");
    let env = [("HASP_VAULT", dir.to_str().unwrap())];
    lab.run_with(&["init", "--no-passphrase"], b"", &env).ok();
    lab.run_with(&["set", "db/url", "--note", "a note"], b"the value", &env).ok();
    let attributes = std::fs::read_to_string(dir.join(".gitattributes")).unwrap();
    assert!(attributes.contains("/items/** -text"), "{attributes}");
    let crlf = |bytes: &[u8]| {
        bytes.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect()
    };
    let longer = |bytes: &[u8]| [bytes, b"\n"].concat();
    let turns: [(Turn<'_>, bool); 2] = [(&crlf, true), (&longer, false)];
    let files = ["vault.toml", "items/db/url/meta.toml", "items/db/url/1.age", "keys.age"];
    for (turn, all) in turns {
        let before: Vec<Vec<u8>> =
            files.iter().map(|f| std::fs::read(dir.join(f)).unwrap()).collect();
        for (file, content) in files.iter().zip(&before).filter(|(f, _)| all || f.ends_with("toml"))
        {
            std::fs::write(dir.join(file), turn(content)).unwrap();
        }
        let revealed = lab.run_with(&["reveal", "db/url", "--force"], b"", &env).ok();
        assert_eq!(revealed.stdout, b"the value");
        lab.run_with(&["list", "--verify"], b"", &env).ok();
        assert!(lab.run_with(&["fsck"], b"", &env).ok().text().is_empty());
        for (file, content) in files.iter().zip(&before) {
            std::fs::write(dir.join(file), content).unwrap();
        }
    }
    // What is there is not touched, and a vault in the home needs none.
    std::fs::write(dir.join(".gitattributes"), "* text\n").unwrap();
    let joined = Lab::empty();
    std::fs::create_dir_all(joined.home()).unwrap();
    std::fs::set_permissions(joined.home(), PermissionsExt::from_mode(0o700)).unwrap();
    let identity = lab.home().join("identity");
    let join = ["join", dir.to_str().unwrap(), "--key"];
    let key = lab.run_with(&["status", "--json"], b"", &env).ok().json()["public_key"].clone();
    let args = [&join[..], &[key.as_str().unwrap()]].concat();
    let as_owner = [("HASP_IDENTITY", identity.to_str().unwrap())];
    joined.run_with(&args, b"", &as_owner).ok();
    assert_eq!(std::fs::read_to_string(dir.join(".gitattributes")).unwrap(), "* text\n");
    std::fs::remove_file(dir.join(".gitattributes")).unwrap();
    let other = Lab::empty();
    let done = other.run_with(&args, b"", &as_owner).ok();
    assert!(done.stderr.contains("commit it") && dir.join(".gitattributes").exists());
    assert!(!Lab::new().vault().join(".gitattributes").exists());
}

/// What git leaves in the settings of a vault is no damage either.
#[test]
fn settings_in_conflict_are_named_as_such() {
    let lab = Lab::empty();
    let dir = lab.dir.path().join("repo/vault");
    let env = [("HASP_VAULT", dir.to_str().unwrap())];
    lab.run_with(&["init", "--no-passphrase"], b"", &env).ok();
    let path = dir.join("vault.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let both = format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> theirs\n");
    std::fs::write(&path, both).unwrap();
    for verb in ["list", "fsck", "status"] {
        let refused = lab.run_with(&[verb], b"", &env);
        assert_eq!(refused.refused(), (65, "merge-conflict".into()), "{verb}");
        assert!(refused.stderr.contains("git checkout --ours "), "{}", refused.stderr);
    }
    std::fs::write(&path, text).unwrap();
    lab.run_with(&["set", "db/url"], b"the value", &env).ok();
    let meta = dir.join("items/db/url/meta.toml");
    let text = std::fs::read_to_string(&meta).unwrap();
    std::fs::write(&meta, format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> theirs\n")).unwrap();
    let listed = lab.run_with(&["list"], b"", &env);
    assert_eq!(listed.refused(), (65, "merge-conflict".into()));
    for shown in [listed.stderr, lab.run_with(&["fsck"], b"", &env).text()] {
        assert!(shown.contains("hasp-vault resolve db/url --ours (or --theirs)"), "{shown}");
    }
}

/// Other members have copies and grants of their own, and no command here reaches them.
#[test]
fn what_a_change_in_a_shared_vault_does_not_reach_is_said() {
    let (lab, other) = (Lab::empty(), Lab::new());
    let recipient = other.recipients()[0].clone();
    let dir = lab.dir.path().join("repo/vault");
    let runtime = lab.dir.path().join("run");
    let env = [
        ("HASP_VAULT", dir.to_str().unwrap()),
        ("HASP_RUNTIME", runtime.to_str().unwrap()),
        ("XDG_RUNTIME_DIR", runtime.to_str().unwrap()),
    ];
    lab.run_with(&["init", "--no-passphrase", "--recipient", &recipient], b"", &env).ok();
    lab.run_with(&["set", "n"], b"the value", &env).ok();
    let said = lab.run_with(&["revoke", "n", "--reason", "leaked"], b"", &env).stderr;
    assert!(said.contains("commit and push it; the record is this machine's"), "{said}");
    let removed = lab.run_with(&["recipients", "remove", &recipient, "--yes"], b"", &env).stderr;
    assert!(removed.contains("his copy and the grants on his machine"), "{removed}");
}
