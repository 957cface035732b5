//! Joining a vault in a repository, walked by what each message says to type: no step makes a
//! second vault, asks in vain, or costs an identity.
#![allow(clippy::unwrap_used)]

use std::fs;

use hasp_tests::{DB_URL, Outcome, PASSPHRASE, World};

/// What Alice does, in the same directory tree with a home of her own.
const ALICE: &str = "HASP_HOME=$PWD/../alice HASP_VAULT=$PWD/../repo/vault";
const MANIFEST: &str = "[refs]\n\"db/url\" = { about = \"the database\" }\n[target.show]\nrun = \
                        [\"printenv\", \"DB\"]\nenv = { DB = \"db/url\" }\n";

/// Alice's repository with a vault at this place, and a clone of it, which is the project here. Bob
/// has nothing yet.
fn cloned(place: &str) -> World {
    let world = World::bare();
    world.write("hasp.toml", MANIFEST);
    let alice = ALICE.replace("repo/vault", &format!("repo/{place}"));
    world.sh(&format!("{alice} hasp-vault init -q --no-passphrase")).ok();
    world.feed(&format!("{alice} hasp-vault set db/url"), DB_URL).ok();
    pull(&world, place);
    world
}

/// What `git pull` does for a file that changed.
fn pull(world: &World, place: &str) {
    world.sh(&format!("rm -rf {place}; mkdir -p {place}; cp -r ../repo/{place}/. {place}")).ok();
}

fn key(world: &World) -> String {
    world.sh(&format!("{ALICE} hasp-vault status --json")).objects()[0]["public_key"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The command after the last colon of the hint that has this word, without what else may follow.
fn typed(outcome: &Outcome, word: &str) -> String {
    let hint = outcome.stderr.lines().filter(|l| l.contains("hint: ")).find(|l| l.contains(word));
    let line = hint.unwrap_or_else(|| panic!("no hint with '{word}' in: {}", outcome.stderr));
    line[line
        .find("hasp-vault ")
        .map(|at| line[at..].rfind(": ").map_or(at, |c| at + c + 2))
        .unwrap()..]
        .to_owned()
}

fn never_makes_a_second_one(outcome: &Outcome) {
    for word in ["hasp-vault init", "move the identity", "away"] {
        assert!(!outcome.stderr.contains(word), "'{word}' in: {}", outcome.stderr);
    }
}

#[test]
fn the_story_from_the_clone_to_the_list() {
    let world = cloned("vault");
    for line in ["hasp-grant -x -t show", "hasp-vault list", "hasp-exec -t show"] {
        let lost = world.sh(line);
        assert!(lost.status != 0 && lost.stderr.contains("[no-home]"), "{lost:?}");
        never_makes_a_second_one(&lost);
        assert_eq!(typed(&lost, "in this repository"), "hasp-vault join vault");
    }
    // Nothing is asked of whoever has no identity, and nothing is made.
    let first = world.sh("hasp-vault join vault");
    first.refused_with_hint(69, "no-identity");
    assert!(!world.home().exists());
    let own = world
        .sh(&format!("{} --no-passphrase", typed(&first, "identity new")))
        .ok()
        .trim()
        .to_owned();
    let lost = world.sh("hasp-grant -x -t show");
    lost.refused_with_hint(125, "no-vault");
    never_makes_a_second_one(&lost);
    let second = world.sh(&typed(&lost, "in this repository"));
    second.refused_with_hint(77, "not-a-recipient");
    never_makes_a_second_one(&second);
    let add = typed(&second, "recipients add");
    assert!(add.ends_with(&own));
    world.sh(&format!("{ALICE} {add}")).ok();
    pull(&world, "vault");
    let again = typed(&second, "again");
    let joined = world.sh(&format!("{again} --key {}", key(&world)));
    joined.ok();
    for line in joined.stderr.lines().filter_map(|l| l.strip_prefix("  ")) {
        world.sh(&line.replace("hasp-bind ", "hasp-bind --yes ")).ok();
    }
    assert!(world.sh("hasp-vault list").ok().contains("db/url"));
    assert_eq!(world.sh("cd vault; hasp-vault reveal --force db/url").ok(), DB_URL);
    world.sh("hasp-grant -q -x -t show --consumer user").ok();
    // The same once more changes nothing, and another key is still refused.
    assert!(world.sh("hasp-vault join vault").ok().is_empty());
    world.sh("hasp-vault join vault --key AAAA").refused_with_hint(77, "other-key");
}

#[test]
fn a_vault_is_found_wherever_it_lies_in_the_repository() {
    for place in ["vault", "ops/secrets/vault", ".hasp"] {
        let world = cloned(place);
        let lost = world.sh("mkdir -p src/deep; cd src/deep; hasp-vault list");
        never_makes_a_second_one(&lost);
        assert!(
            typed(&lost, "in this repository").ends_with(&format!("/{place}")),
            "{}",
            lost.stderr
        );
    }
}

#[test]
fn one_passphrase_is_enough() {
    let world = cloned("vault");
    fs::write(world.beside("passphrase"), PASSPHRASE).unwrap();
    let own = world
        .sh("HASP_PASSPHRASE=fd:3 hasp-vault identity new 3<../passphrase")
        .ok()
        .trim()
        .to_owned();
    world.sh(&format!("{ALICE} hasp-vault recipients add {own}")).ok();
    pull(&world, "vault");
    let key = key(&world);
    // Without a way to ask it ends before anything is pinned.
    world.sh(&format!("hasp-vault join vault --key {key}")).refused_with_hint(69, "locked");
    world
        .sh(&format!("HASP_PASSPHRASE=fd:3 hasp-vault join vault --key {key} 3<../passphrase"))
        .ok();
    assert!(world.sh("hasp-vault list").ok().contains("db/url"));
}

/// A member elsewhere: in a project that has a vault, in one named by `HASP_VAULT`, and in no
/// project at all.
#[test]
fn joining_takes_no_project_away_from_its_vault() {
    let world = cloned("vault");
    world.sh("hasp-vault init -q --no-passphrase").ok();
    let own = world.sh("hasp-vault identity show").ok().trim().to_owned();
    world.sh(&format!("{ALICE} hasp-vault recipients add {own}")).ok();
    pull(&world, "vault");
    world.store("mine", "a value of my own");
    world.sh("mkdir -p ../other/.git; cd ../other; hasp-bind -q add mine").ok();
    let join = format!("hasp-vault join $PWD/../project/vault --key {}", key(&world));
    let joined = world.sh(&format!("cd ../other; {join}"));
    joined.ok();
    assert!(world.sh("cd ../other; hasp-vault list").ok().contains("mine"));
    let next = joined.stderr.lines().find_map(|l| l.strip_prefix("  hasp-bind --vault ")).unwrap();
    let named = world.sh(&format!("HASP_VAULT=$PWD/../home/vault {join}; hasp-vault list"));
    assert!(named.ok().contains("mine"));
    let nowhere = world.sh(&format!("mkdir ../plain; cd ../plain; {join}"));
    assert!(nowhere.stderr.contains("HASP_VAULT=") && nowhere.status == 0, "{nowhere:?}");
    // What it says leads there, also where there is no manifest.
    world
        .sh(&format!(
            "cd ../other; hasp-bind --yes --vault {next}; hasp-vault reveal --force db/url"
        ))
        .ok();
    // In a project that is bound to none it is remembered.
    world.sh(&join).ok();
    assert_eq!(world.sh("hasp-vault reveal --force db/url").ok(), DB_URL);
}

#[test]
fn an_identity_is_never_told_to_go() {
    let world = cloned("vault");
    world.sh("hasp-vault identity new --no-passphrase").ok();
    for line in [
        "hasp-vault init",
        "hasp-vault list",
        "cd /; hasp-vault init",
        "cd /; hasp-vault list",
        "hasp-exec --doctor",
    ] {
        let said = world.sh(line);
        assert!(said.status != 0, "{line}");
        let text = format!("{}{}", said.stdout, said.stderr);
        assert!(
            !text.contains("away") && !text.contains("make one with: hasp-vault init"),
            "{line}: {text}"
        );
    }
    // Where nothing is left of any vault, making one is what is said.
    world.sh("rm -r ../home").ok();
    assert_eq!(typed(&world.sh("cd /; hasp-vault list"), "make one"), "hasp-vault init");
}
