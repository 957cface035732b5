//! A project is what a person bound, and whose files nobody else can change: no word in a manifest,
//! and no file of another user, stands in for that.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod strangers;

use hasp_tests::{DB_URL, Outcome, World, is_root, peer, say};

fn manifest(name: &str) -> String {
    format!(
        "{name}[refs]\n\"prod/key\" = {{}}\n[target.deploy]\nrun = ['/bin/sh', '-c', 'echo \"got \
         $K\"']\nenv = {{ K = 'prod/key' }}\n\
         [target.test]\nrun = ['/bin/true']\nenv = {{ K = 'prod/key' }}\n"
    )
}

const NAMED: &str = "[project]\nname = 'api'\n";

/// A secret for `api:deploy` alone, and nothing bound yet.
fn scoped(scope: &str) -> World {
    let world = World::new();
    world.feed(&format!("hasp-vault set prod/key --allow '{scope}' -q"), DB_URL).ok();
    world
}

/// A directory beside the project with a manifest.
fn root(world: &World, name: &str, text: &str) {
    world.sh(&format!("mkdir -p ../{name}")).ok();
    std::fs::write(world.beside(name).join("hasp.toml"), text).unwrap();
}

fn at(world: &World, name: &str, line: &str) -> Outcome {
    world.sh(&format!("cd ../{name} && {line}"))
}

const DEPLOY: &str = "hasp-grant -q -x --consumer user -t deploy";

#[test]
fn a_second_directory_that_calls_itself_so_gets_nothing() {
    let world = scoped("api:deploy");
    root(&world, "real", &manifest(NAMED));
    root(&world, "fake", &manifest(NAMED));
    let first = at(&world, "real", "hasp-bind --yes");
    first.ok();
    assert!(
        first
            .stderr
            .contains("prod/key may go to the project called api: from now on that is this"),
        "{}",
        first.stderr
    );
    assert_eq!(at(&world, "real", DEPLOY).ok(), "got [hasp:prod/key]\n");
    at(&world, "real", "hasp-grant -q -x --consumer user -t test").refused(125, "not-allowed");
    let real = world.beside("real").canonicalize().unwrap();
    for line in [
        "hasp-bind --yes",
        "hasp-bind add prod/key",
        "hasp-bind -y add other",
        "hasp-grant -t deploy",
    ] {
        let refused = at(&world, "fake", line);
        refused.refused_with_hint(77, "project-name-taken");
        assert!(
            refused.stderr.contains(real.to_str().unwrap())
                && refused.stderr.contains("hasp-bind --also"),
            "{}",
            refused.stderr
        );
    }
    at(&world, "fake", DEPLOY).refused(125, "project-name-taken");
    // A name that is changed to a taken one is no way around it.
    root(&world, "fake", &manifest("[project]\nname = 'web'\n"));
    at(&world, "fake", "hasp-bind --yes").ok();
    at(&world, "fake", DEPLOY).refused(125, "not-allowed");
    root(&world, "fake", &manifest(NAMED));
    at(&world, "fake", "hasp-bind --yes").refused(77, "project-name-taken");
    at(&world, "fake", DEPLOY).refused(125, "not-allowed");
    world.verify_record();
}

#[test]
fn a_directory_that_merely_has_the_name_is_bound_without_it() {
    let world = scoped("api:deploy");
    root(&world, "a/api", &manifest(""));
    root(&world, "b/api", &manifest(""));
    at(&world, "a/api", "hasp-bind --yes").ok();
    let second = at(&world, "b/api", "hasp-bind --yes");
    second.ok();
    assert!(
        second.stderr.contains("a/api is called api already: what may go there does not go here"),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("hint: if this is another copy"), "{}", second.stderr);
    at(&world, "b/api", DEPLOY).refused(125, "project-name-taken");
    // The name does not pass on in silence when the first is gone.
    at(&world, "a/api", "hasp-bind drop").ok();
    at(&world, "b/api", DEPLOY).refused_with_hint(125, "project-name-taken");
    at(&world, "b/api", "hasp-bind --yes").ok();
    at(&world, "b/api", DEPLOY).refused(125, "project-name-taken");
    at(&world, "b/api", "hasp-bind --yes --also").ok();
    assert_eq!(at(&world, "b/api", DEPLOY).ok(), "got [hasp:prod/key]\n");
}

#[test]
fn copies_and_worktrees_have_the_name_where_that_is_typed() {
    if !peer("git") {
        return;
    }
    let world = scoped("api:deploy");
    root(&world, "api", &manifest(NAMED));
    let git = "git -c user.name=t -c user.email=t@t";
    at(
        &world,
        "api",
        &format!(
            "{git} init -q && git add . && {git} commit -qm one && git worktree add -q ../tree"
        ),
    )
    .ok();
    at(&world, "api", "hasp-bind --yes").ok();
    world.sh("cp -a ../api ../copy").ok();
    for copy in ["tree", "copy"] {
        at(&world, copy, "hasp-bind --yes").refused(77, "project-name-taken");
        let also = at(&world, copy, "hasp-bind --yes --also");
        also.ok();
        assert!(
            also.stderr.contains("is the project api too: what may go there may go here"),
            "{}",
            also.stderr
        );
        assert_eq!(at(&world, copy, DEPLOY).ok(), "got [hasp:prod/key]\n");
    }
    assert_eq!(at(&world, "api", DEPLOY).ok(), "got [hasp:prod/key]\n");
    assert_eq!(world.events("bind.name").len(), 3);
    // What was typed once holds when the manifest changes.
    world.sh("sed -i 's/got/have/' ../copy/hasp.toml").ok();
    at(&world, "copy", "hasp-bind --yes").ok();
    assert_eq!(at(&world, "copy", DEPLOY).ok(), "have [hasp:prod/key]\n");
}

#[test]
fn after_a_new_key_of_the_vault_each_root_is_what_it_was() {
    let world = scoped("api:deploy");
    for name in ["first", "copy", "fake"] {
        root(&world, name, &manifest(NAMED));
    }
    at(&world, "first", "hasp-bind --yes").ok();
    at(&world, "copy", "hasp-bind --yes --also").ok();
    let other = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
    world
        .sh(&format!(
            "hasp-vault recipients add {other} && hasp-vault recipients remove --yes {other}"
        ))
        .ok();
    for name in ["first", "copy"] {
        at(&world, name, DEPLOY).refused(125, "vault-rekeyed");
        at(&world, name, "hasp-bind --yes").ok();
        assert_eq!(at(&world, name, DEPLOY).ok(), "got [hasp:prod/key]\n");
    }
    at(&world, "fake", "hasp-bind --yes").refused(77, "project-name-taken");
}

#[test]
fn a_project_that_was_moved_takes_its_name_along() {
    let world = scoped("api:deploy");
    root(&world, "api", &manifest(NAMED));
    at(&world, "api", "hasp-bind --yes").ok();
    world.sh("mv ../api ../moved").ok();
    let refused = at(&world, "moved", "hasp-bind --yes");
    refused.refused(77, "project-name-taken");
    let hint = refused
        .stderr
        .lines()
        .find_map(|l| l.split_once("hint: if it was moved here: "))
        .unwrap()
        .1
        .to_owned();
    at(&world, "moved", &format!("{hint} --yes")).ok();
    assert_eq!(at(&world, "moved", DEPLOY).ok(), "got [hasp:prod/key]\n");
    root(&world, "api", &manifest(NAMED));
    at(&world, "api", "hasp-bind --yes").refused(77, "project-name-taken");
}

#[test]
fn a_scope_by_root_holds_the_root_and_a_word_like_any_admits_none() {
    let world = scoped("api:deploy");
    for word in ["any", "all", "*", "any:deploy"] {
        let line = format!("hasp-vault set prod/key --allow '{word}' -q");
        world.feed(&line, DB_URL).refused_with_hint(64, "bad-scope");
    }
    root(&world, "any", &manifest("[project]\nname = 'any'\n"));
    at(&world, "any", "hasp-bind --yes").ok();
    at(&world, "any", DEPLOY).refused_with_hint(125, "not-allowed");
    let path = world.beside("any").canonicalize().unwrap();
    world
        .feed(&format!("hasp-vault set prod/key --allow '{}:deploy' -q", path.display()), DB_URL)
        .ok();
    assert_eq!(at(&world, "any", DEPLOY).ok(), "got [hasp:prod/key]\n");
    root(&world, "other", &manifest("[project]\nname = 'any'\n"));
    at(&world, "other", "hasp-bind --yes --also").ok();
    at(&world, "other", DEPLOY).refused(125, "not-allowed");
}
