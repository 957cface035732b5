//! A forgotten passphrase, a lost identity, a lost machine: what the hints and the manual say is
//! typed as it stands, and leads to a home that works without a variable.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use hasp_tests::{DB_URL, Outcome, PASSPHRASE, World};

/// The passphrase that is chosen afterwards, in the file `../new`.
const LATER: &str = "another horse and another staple";
const NEW: &str = "--yes --new ../new";

/// A locked home with a secret, whose recovery key is in `../paper`.
fn with_paper() -> World {
    let world = World::bare();
    fs::write(world.beside("passphrase"), PASSPHRASE).unwrap();
    fs::write(world.beside("new"), LATER).unwrap();
    let paper = bare_key(&world, "paper");
    world
        .sh(&format!("HASP_PASSPHRASE=fd:3 hasp-vault init -q --recipient {paper} 3<../passphrase"))
        .ok();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set db/url 3<../passphrase", DB_URL).ok();
    world
}

/// As [`with_paper`], without a passphrase, which is slow on purpose.
fn plain_with_paper() -> World {
    let world = World::bare();
    fs::write(world.beside("new"), LATER).unwrap();
    let paper = bare_key(&world, "paper");
    world.sh(&format!("hasp-vault init -q --no-passphrase --recipient {paper}")).ok();
    world.store("db/url", DB_URL);
    world
}

/// A bare key in a file, as somebody types it from paper; gives its recipient.
fn bare_key(world: &World, name: &str) -> String {
    let made = world
        .sh(&format!("HASP_HOME=$PWD/../of-{name} hasp-vault identity new -q --no-passphrase"));
    let text = fs::read_to_string(world.beside(&format!("of-{name}")).join("identity")).unwrap();
    let key = text.lines().find(|l| l.starts_with("AGE-SECRET-KEY-")).unwrap();
    fs::write(world.beside(name), format!("{key}\n")).unwrap();
    made.ok().trim().to_owned()
}

fn with(passphrase: &str, line: &str) -> String {
    format!("HASP_PASSPHRASE=fd:3 {line} 3<../{passphrase}")
}

#[track_caller]
fn opens(world: &World, passphrase: &str) {
    assert_eq!(world.sh(&with(passphrase, "hasp-vault reveal --force db/url")).ok(), DB_URL);
}

/// The literal blocks of the manual's section on lost keys, line by line.
fn manual() -> Vec<Vec<String>> {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../man/hasp-vault.1"))
            .unwrap();
    let section =
        page.split(".Ss When a key is lost").nth(1).unwrap().split("\n.Ss ").next().unwrap();
    let blocks = section.split(".Bd -literal -offset indent\n").skip(1);
    blocks.map(|b| b.split(".Ed").next().unwrap().lines().map(str::to_owned).collect()).collect()
}

fn has(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "no '{word}' in: {}", outcome.stderr);
    }
}

fn private(path: &PathBuf) {
    assert_eq!(
        fs::metadata(path).unwrap().permissions().mode() & 0o777,
        0o600,
        "{}",
        path.display()
    );
}

#[test]
fn a_forgotten_passphrase_is_replaced_as_the_manual_says() {
    let world = with_paper();
    fs::write(world.beside("wrong"), "not this one").unwrap();
    let wrong = world.sh(&with("wrong", "hasp-vault reveal --force db/url"));
    wrong.refused_with_hint(77, "wrong-passphrase");
    has(&wrong, &["HASP_IDENTITY=FILE hasp-vault passphrase", "When a key is lost"]);
    let before = fs::read(world.home().join("identity.age")).unwrap();
    let steps = &manual()[0];
    // It asks before it makes anything.
    let first = steps[0].replace("FILE", "../paper");
    world.sh(&first).refused_with_hint(69, "no-terminal");
    assert!(fs::read(world.home().join("identity.age")).unwrap() == before);
    let renewed = world.sh(&format!("{first} {NEW}"));
    renewed.ok();
    opens(&world, "new");
    let listed = world.sh(&steps[1]).ok().to_owned();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let remove = renewed
        .stderr
        .lines()
        .find_map(|l| Some(&l[l.find("hasp-vault recipients remove ")?..]))
        .unwrap();
    assert!(
        steps[2].starts_with("hasp-vault recipients remove ")
            && listed.contains(remove.split(' ').next_back().unwrap())
    );
    world.sh(&with("new", &format!("{remove} --yes"))).ok();
    opens(&world, "new");
    world.sh("HASP_IDENTITY=../paper hasp-vault reveal --force db/url").ok();
    // What it replaced is kept, and opens nothing any more.
    let kept = fs::read_dir(world.home()).unwrap().map(|e| e.unwrap().path());
    let kept: Vec<PathBuf> =
        kept.filter(|p| p.to_string_lossy().contains("identity.age.old-")).collect();
    assert!(kept.len() == 1 && fs::read(&kept[0]).unwrap() == before);
    private(&kept[0]);
    private(&world.home().join("identity.age"));
    world.sh(&with("new", "hasp-audit verify")).ok();
}

#[test]
fn a_lost_identity_is_replaced_too() {
    for lost in ["rm ../home/identity.age", "rm ../home/identity.age; rm -r ../home/audit"] {
        let world = with_paper();
        world.sh(lost).ok();
        let refused = world.sh("hasp-vault reveal --force db/url");
        refused.refused_with_hint(69, "no-identity");
        has(&refused, &["HASP_IDENTITY=FILE hasp-vault passphrase", "When a key is lost"]);
        if lost.contains("audit") {
            world.sh("HASP_IDENTITY=../paper hasp-audit accept-loss --yes").ok();
        }
        world.sh(&format!("HASP_IDENTITY=../paper hasp-vault passphrase {NEW}")).ok();
        opens(&world, "new");
    }
    // In the clear, where it was in the clear.
    let world = with_paper();
    world
        .sh("rm ../home/identity.age; HASP_IDENTITY=../paper hasp-vault passphrase --remove --yes")
        .ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
}

#[test]
fn a_new_identity_is_made_only_by_whoever_opens_the_vault() {
    let world = with_paper();
    bare_key(&world, "stranger");
    let before = fs::read(world.home().join("identity.age")).unwrap();
    let refused = world.sh(&format!("HASP_IDENTITY=../stranger hasp-vault passphrase {NEW}"));
    refused.refused_with_hint(77, "not-a-recipient");
    has(&refused, &["hasp-vault recipients", "When a key is lost"]);
    assert!(fs::read(world.home().join("identity.age")).unwrap() == before);
    assert_eq!(world.sh("hasp-vault recipients").ok().lines().count(), 2);
    // The home's own file under its own name is no other identity: its passphrase changes, and
    // nothing else.
    world
        .sh(&with(
            "passphrase",
            "HASP_IDENTITY=../home/identity.age hasp-vault passphrase --new ../new",
        ))
        .ok();
    assert_eq!(world.sh("hasp-vault recipients").ok().lines().count(), 2);
    opens(&world, "new");
}

#[test]
fn a_member_makes_another_identity_and_is_added_again() {
    let world = plain_with_paper();
    let steps = &manual()[1];
    let own = world.sh(&format!("{} --no-passphrase", steps[0])).ok().trim().to_owned();
    let add = steps[1].replace("AGE1..", &own);
    world.sh(&format!("HASP_IDENTITY=../paper {add}")).ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
    assert!(
        fs::read_dir(world.home()).unwrap().any(|e| e
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains(".old-"))
    );
    // Without the word nothing is replaced.
    world.sh("hasp-vault identity new --no-passphrase").refused_with_hint(73, "exists");
}

#[test]
fn a_recovery_key_is_made_on_a_terminal_only_and_names_the_other_way() {
    let world = plain_with_paper();
    let add = manual()[2][0].clone();
    let refused = world.sh(&add);
    refused.refused_with_hint(69, "no-terminal");
    has(&refused, &["age-keygen", "hasp-vault recipients add AGE1.."]);
    assert_eq!(world.sh("hasp-vault recipients").ok().lines().count(), 2);
    world.sh("hasp-vault recipients add").refused(64, "usage");
    world.sh("hasp-vault recipients add --recovery age1x").refused(64, "usage");
}

#[test]
fn what_a_backup_cannot_bring_back_is_said_where_it_is_made() {
    let world = World::bare();
    let init = world.sh("hasp-vault init --no-passphrase");
    let backup = world.sh("hasp-vault backup >../backup");
    for said in [&init, &backup] {
        said.ok();
        has(
            said,
            &[
                "neither your identity nor its passphrase nor the record",
                "hasp-vault recipients add --recovery",
            ],
        );
    }
}

/// A new machine: nothing but a backup, and a key in a file.
fn new_machine(world: &World) {
    world.sh(&with("passphrase", "hasp-vault backup >../backup")).ok();
    world.sh("mv ../home ../old-home").ok();
}

#[test]
fn a_backup_and_a_copy_of_the_identity_make_a_home_that_works() {
    let world = with_paper();
    new_machine(&world);
    let restore = manual()[3][0].replace("BACKUP", "../backup");
    let restored =
        world.sh(&with("passphrase", &restore.replace("FILE", "../old-home/identity.age")));
    restored.ok();
    has(&restored, &["does not hold the record"]);
    opens(&world, "passphrase");
    private(&world.home().join("identity.age"));
    world.sh(&with("passphrase", "hasp-audit verify")).ok();
    let first = &world.record()[0];
    assert!(first["previous"].as_str().unwrap().starts_with("hasp-audit/"));
}

#[test]
fn a_plain_identity_made_for_the_vault_is_taken_over_as_it_is() {
    let world = World::new();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-vault backup >../backup; cp ../home/identity ../id; mv ../home ../old-home")
        .ok();
    let restored = world.sh("HASP_IDENTITY=../id hasp-vault restore <../backup");
    restored.ok();
    has(&restored, &["no passphrase"]);
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
    private(&world.home().join("identity"));
}

#[test]
fn a_recovery_key_stays_on_paper_and_the_next_command_is_named() {
    let world = plain_with_paper();
    world.sh("hasp-vault backup >../backup; mv ../home ../old-home").ok();
    let key =
        world.sh("HASP_HOME=$PWD/../old-home hasp-vault status --json").objects()[0]["public_key"]
            .clone();
    let line = format!(
        "HASP_IDENTITY=../paper hasp-vault restore --key {} <../backup",
        key.as_str().unwrap()
    );
    let restored = world.sh(&line);
    restored.ok();
    let secret = fs::read_to_string(world.beside("paper")).unwrap();
    assert!(world.sh(&format!("grep -rF {} ../home", secret.trim())).stdout.is_empty());
    let next = restored.stderr.lines().find_map(|l| Some(&l[l.find("HASP_IDENTITY=")?..])).unwrap();
    // From any directory.
    world.sh(&format!("cd /; {next} --yes --remove")).ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
}

#[test]
fn a_merge_into_a_home_without_an_identity_leaves_one_that_works() {
    let world = plain_with_paper();
    world.sh("hasp-vault backup >../backup; mv ../home/identity ../id").ok();
    world.sh("HASP_IDENTITY=../id hasp-vault restore --merge <../backup").ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
}

#[test]
fn a_vault_from_git_on_a_new_machine_is_joined_with_the_identity_at_hand() {
    let world = with_paper();
    world.sh("cp -r ../home/vault vault; mv ../home ../old-home").ok();
    let key =
        world.sh("HASP_HOME=$PWD/../old-home hasp-vault status --json").objects()[0]["public_key"]
            .clone();
    let join = format!(
        "HASP_IDENTITY=../old-home/identity.age hasp-vault join vault --key {}",
        key.as_str().unwrap()
    );
    world.sh(&with("passphrase", &join)).ok();
    opens(&world, "passphrase");
}

/// Whatever is missing from a copy of a home, what is said leads to one that works.
#[test]
fn a_home_copied_in_part_says_what_is_missing() {
    let world = plain_with_paper();
    world.sh("hasp-vault backup >../backup; cp -a ../home ../whole").ok();
    let key = world.sh("hasp-vault status --json").objects()[0]["public_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let join = format!("hasp-vault join ../home/vault --key {key}");
    for (missing, code, hint, mend) in [
        ("audit", "log-missing", "accept-loss", "hasp-audit accept-loss --yes"),
        ("vault", "no-vault", "hasp-vault restore < FILE", "hasp-vault restore <../backup"),
        ("known_vaults", "unknown-vault", "hasp-vault join ", &join),
        (
            "identity",
            "no-identity",
            "hasp-vault passphrase",
            "HASP_IDENTITY=../paper hasp-vault passphrase --remove --yes",
        ),
        ("seen", "", "", ""),
        ("locks", "", "", ""),
    ] {
        world.sh(&format!("rm -rf ../home; cp -a ../whole ../home; rm -r ../home/{missing}")).ok();
        let said = world.sh("hasp-vault generate later --kind hex");
        if !code.is_empty() {
            assert!(
                said.status != 0 && said.stderr.contains(&format!("[{code}]")),
                "{missing}: {said:?}"
            );
            has(&said, &[hint]);
            assert!(!said.stderr.contains("hasp-vault init"), "{missing}: {}", said.stderr);
            world.sh(mend).ok();
        }
        assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL, "{missing}");
    }
    // Vault and identity gone both: only a backup is left, and only a key opens it.
    world.sh("rm -rf ../home/vault ../home/identity").ok();
    has(&world.sh("hasp-vault list"), &["HASP_IDENTITY=FILE hasp-vault restore < BACKUP"]);
}
