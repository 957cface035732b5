//! Which vault a project uses has one answer for every tool and every verb: the bound one, whatever
//! `hasp.toml` says, and none where the binding cannot be read.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use hasp_tests::{API_KEY, DB_URL, Outcome, World, is_root, say};

/// Where the bound project keeps its vault, seen from the project.
const BOUND: &str = "../team";

/// A home with a vault of its own, and a project that is bound to another one, with a secret in
/// each.
fn bound() -> World {
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("HASP_VAULT=$PWD/../team hasp-vault init -q").ok();
    world.feed("HASP_VAULT=$PWD/../team hasp-vault set db/url", API_KEY).ok();
    world.write("hasp.toml", "");
    world.sh(&format!("hasp-bind -q --vault {BOUND} add db/url")).ok();
    world
}

fn binding(world: &World) -> PathBuf {
    fs::read_dir(world.home().join("bindings")).unwrap().map(|e| e.unwrap().path()).next().unwrap()
}

/// Every file below a directory with its content.
fn tree(dir: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).into_iter().flatten().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            tree(&entry, found);
        } else {
            found.insert(entry.clone(), fs::read(&entry).unwrap_or_default());
        }
    }
}

/// Both vaults and both records.
fn state(world: &World) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for dir in [world.home().join("vault"), world.home().join("audit"), world.beside("team")] {
        tree(&dir, &mut found);
    }
    // What holds no content: a lock that was taken.
    found.retain(|path, _| path.file_name().is_some_and(|n| n != "lock"));
    found
}

fn names(world: &World, vault: &str) -> String {
    world
        .sh(&format!("HASP_VAULT={vault} hasp-vault list --json | grep -o '\"name\":\"[^\"]*\"'"))
        .stdout
}

/// What every tool says where it must not choose a vault: what it is given on stdin must reach
/// none.
const ASKING: [&str; 30] = [
    "hasp-vault set new/one",
    "hasp-vault generate new/two --kind hex",
    "hasp-vault rotate db/url",
    "hasp-vault deposit new/three",
    "hasp-vault inbox",
    "hasp-vault accept --all",
    "hasp-vault reject 00000000",
    "hasp-vault import --format env",
    "hasp-vault list",
    "hasp-vault show db/url",
    "hasp-vault history db/url",
    "hasp-vault check db/url",
    "hasp-vault get db/url",
    "hasp-vault reveal --force db/url",
    "hasp-vault revoke db/url --reason x",
    "hasp-vault destroy db/url --yes",
    "hasp-vault export --force db/url",
    "hasp-vault backup",
    "hasp-vault restore --merge",
    "hasp-vault restore",
    "hasp-vault recipients",
    "hasp-vault status",
    "hasp-vault fsck",
    "hasp-bind list",
    "hasp-bind drop",
    "hasp-grant -q --consumer user -e K=db/url -o ../token -- true",
    "hasp-audit verify",
    "hasp-audit append",
    "hasp-consumer add shell --exe /bin/sh",
    "hasp-exec -- true",
];

#[test]
fn a_typo_in_the_manifest_sends_nothing_into_another_vault() {
    let world = bound();
    let own = names(&world, "../home/vault");
    for (n, manifest) in
        ["x = ", "[project]\nname = 7\n", "[[[", "\u{0}\u{1}", "[ref]\n"].into_iter().enumerate()
    {
        world.write("hasp.toml", manifest);
        fs::create_dir_all(world.project().join("below")).unwrap();
        world.feed(&format!("cd below; hasp-vault set set/{n}"), API_KEY).ok();
        world.sh(&format!("hasp-vault generate made/{n} --kind hex")).ok();
        world.feed(&format!("hasp-vault deposit left/{n}"), API_KEY).ok();
        assert_eq!(world.sh("hasp-vault inbox").ok().lines().count(), 1);
        world.sh("hasp-vault accept --all").ok();
        world.feed("hasp-vault import --format env --prefix in", format!("V{n}=value-of-{n}")).ok();
        let there = names(&world, BOUND);
        for name in
            [format!("set/{n}"), format!("made/{n}"), format!("left/{n}"), format!("in/V{n}")]
        {
            assert!(there.contains(&name), "{name} is not in the bound vault");
        }
        assert_eq!(names(&world, "../home/vault"), own, "{manifest}");
        assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), API_KEY);
        let shown = world.sh("hasp-vault status --json").objects();
        assert!(shown[0]["dir"].as_str().unwrap().ends_with("/team"));
    }
}

#[test]
fn the_record_of_a_bound_project_is_the_one_of_its_vault() {
    let world = bound();
    world.write("hasp.toml", "x = ");
    let log = |vault: &str| {
        let status = world.sh(&format!("HASP_VAULT={vault} hasp-vault status --json")).objects();
        world.home().join("audit").join(status[0]["log"].as_str().unwrap()).join("00000001.jsonl")
    };
    let (own, theirs) = (log("../home/vault"), log(BOUND));
    let before = fs::read(&own).unwrap();
    world.feed("hasp-audit append", "{\"event\":\"scan.test\",\"note\":\"mark-1\"}").ok();
    world.sh("hasp-consumer add shell --exe /bin/sh").ok();
    let text = fs::read_to_string(theirs).unwrap();
    assert!(text.contains("mark-1") && text.contains("consumer.add"));
    assert!(fs::read(own).unwrap() == before);
}

/// Each way in which a binding cannot be read, and the code that says so.
fn spoil(path: &Path) -> Vec<(&'static str, &'static str)> {
    let mut ways = vec![
        ("mode 644", "open-mode"),
        ("a link", "symlink"),
        ("a directory", "not-a-file"),
        ("empty", "tampered"),
        ("cut", "tampered"),
        ("zeros", "tampered"),
        ("a flipped bit", "tampered"),
        ("the directory left out", "other-vault"),
    ];
    match is_root() && path.exists() {
        true => ways.push(("of another user", "foreign-owner")),
        false => say("skipped: a binding of another user needs root"),
    }
    ways
}

fn apply(way: &str, path: &Path, text: &str) {
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    }
    let _ = fs::remove_file(path);
    let write = |text: &[u8]| fs::write(path, text).unwrap();
    match way {
        "a link" => symlink("/etc/hostname", path).unwrap(),
        "a directory" => fs::create_dir(path).unwrap(),
        "empty" => write(b""),
        "cut" => write(&text.as_bytes()[..text.find("project =").unwrap()]),
        "zeros" => write(&vec![0; text.len()]),
        "a flipped bit" => write(text.replace("db/url", "db/urm").as_bytes()),
        "the directory left out" => {
            write(
                text.lines()
                    .filter(|l| !l.starts_with("dir"))
                    .fold(String::new(), |t, l| t + l + "\n")
                    .as_bytes(),
            );
        }
        _ => write(text.as_bytes()),
    }
    if !["a link", "a directory"].contains(&way) {
        let mode = if way == "mode 644" { 0o644 } else { 0o600 };
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    if way == "of another user" {
        std::os::unix::fs::chown(path, Some(65534), None).unwrap();
    }
}

fn refused(outcome: &Outcome, code: &str, what: &str) {
    assert!(
        outcome.status != 0 && outcome.stderr.contains(&format!("[{code}]")),
        "{what}: {outcome:?}"
    );
    assert!(outcome.stderr.contains("hint: "), "{what}: {outcome:?}");
    assert!(!outcome.stdout.contains(DB_URL) && !outcome.stdout.contains(API_KEY), "{what}");
}

#[test]
fn behind_a_binding_that_cannot_be_read_there_is_no_vault_at_all() {
    let world = bound();
    let path = binding(&world);
    let text = fs::read_to_string(&path).unwrap();
    let before = state(&world);
    for (way, code) in spoil(&path) {
        apply(way, &path, &text);
        // All of them once, and for each other way one of each sort.
        let some =
            |line: &&&str| way == "mode 644" || line.contains(" set ") || line.contains("deposit");
        for line in ASKING.iter().filter(some) {
            refused(&world.feed(line, "value-for-none-of-them"), code, &format!("{way}: {line}"));
        }
        assert!(state(&world) == before, "{way}: something was written");
        // Named outright, either vault is there as ever.
        world.sh(&format!("HASP_VAULT={BOUND} hasp-vault list")).ok();
    }
}

#[test]
fn a_leak_is_told_where_it_cannot_be_recorded() {
    let world = bound();
    world.write("leak.txt", API_KEY);
    let path = binding(&world);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let before = state(&world);
    let scan = world.sh("hasp-redact scan leak.txt");
    assert_eq!(scan.status, 1, "{scan:?}");
    assert!(
        scan.stderr.contains("could not be recorded") && scan.stderr.contains("open to"),
        "{}",
        scan.stderr
    );
    assert!(state(&world) == before);
}

#[test]
fn the_hints_of_a_spoilt_binding_lead_out() {
    let world = bound();
    let path = binding(&world);
    let text = fs::read_to_string(&path).unwrap();
    apply("cut", &path, &text);
    let said = world.sh("hasp-vault list").stderr;
    let line = said.lines().find_map(|l| l.split_once("consent again: ")).unwrap().1.to_owned();
    world.sh(&line.replace("DIR", BOUND).replace("hasp-bind", "hasp-bind -y")).ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), API_KEY);
    fs::set_permissions(binding(&world), PermissionsExt::from_mode(0o644)).unwrap();
    let said = world.sh("hasp-vault list").stderr;
    let line = said.lines().find_map(|l| Some(&l[l.find("chmod ")?..])).unwrap().to_owned();
    world.sh(&line).ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), API_KEY);
}

#[test]
fn without_a_binding_it_is_the_vault_of_the_home() {
    let world = bound();
    for place in ["..", "/"] {
        assert_eq!(world.sh(&format!("cd {place}; hasp-vault reveal --force db/url")).ok(), DB_URL);
    }
    // Consent that was withdrawn binds nothing.
    world.sh("hasp-bind -q drop").ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
}
