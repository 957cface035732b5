//! The first minutes with hasp: what is typed in the natural place works, or the line that is shown
//! in its place does, as it stands.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use hasp_tests::{DB_URL, Outcome, World, tools};

/// A vault with a secret, and a directory beside the project that belongs to none.
fn plain() -> World {
    let world = World::new();
    world.store("db/url", DB_URL);
    world.sh("mkdir ../plain").ok();
    world
}

fn at(world: &World, line: &str) -> Outcome {
    world.sh(&format!("cd ../plain && {line}"))
}

/// What a hint or a note says to type, behind its last colon.
fn typed(said: &str, before: &str) -> String {
    let line = said.lines().find(|l| l.contains(before)).unwrap_or_else(|| panic!("{said}"));
    line.rsplit(": ").next().unwrap().trim().to_owned()
}

const RUN: &str = "hasp-grant -q -x --consumer user -e U=db/url -- sh -c 'test -n \"$U\"'";

#[test]
fn a_directory_without_a_project_is_bound_by_the_line_that_is_shown() {
    let world = plain();
    let refused = at(&world, RUN);
    refused.refused_with_hint(125, "no-project");
    let line = typed(&refused.stderr, "hint: bind this directory");
    assert_eq!(line, "hasp-bind add db/url");
    let bound = at(&world, &line);
    bound.ok();
    assert!(bound.stderr.contains("plain is a project now, with everything below it"));
    at(&world, RUN).ok();
}

#[test]
fn on_a_terminal_it_is_offered() {
    let world = plain();
    let run = format!("cd ../plain && {RUN}; echo rc=$?");
    let no = world.type_at(&run, &["see:Make this directory a project", "type:n\\n", "see:rc="]);
    no.has("everything below it").has("rc=125");
    at(&world, "hasp-bind list").refused(66, "no-project");
    let yes = world.type_at(&run, &["see:Make this directory a project", "type:y\\n", "see:rc="]);
    yes.has("rc=0");
    at(&world, RUN).ok();
}

#[test]
fn what_is_bound_and_who_else_writes_there_is_said() {
    let world = plain();
    world.sh("chmod 1777 ../plain").ok();
    let refused = at(&world, RUN);
    refused.refused_with_hint(125, "foreign-project");
    assert!(refused.stderr.contains("can be changed by other users (mode 1777)"));
    let line = typed(&refused.stderr, "hint: if it is meant");
    assert_eq!(line, "hasp-bind --shared add db/url");
    at(&world, &line).ok();
    at(&world, RUN).ok();
    let world = plain();
    let bound = at(&world, "HOME=$PWD hasp-bind add db/url");
    assert!(bound.stderr.contains("everything in this home directory"), "{}", bound.stderr);
}

#[test]
fn typed_references_stay_in_the_hint_of_a_shared_directory() {
    let world = plain();
    world.sh("chmod 1777 ../plain").ok();
    let refused = at(&world, "hasp-bind add db/url other/one=x/y");
    refused.refused_with_hint(77, "foreign-project");
    assert!(
        refused.stderr.contains("hasp-bind --shared add db/url other/one=x/y"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_moved_project_is_known_again() {
    let world = World::with_project();
    world.sh("mv ../project ../moved").ok();
    let base = world.base().canonicalize().unwrap();
    let at = |line: &str| {
        let mut command = world.command("bash");
        command.args(["-c", line]).current_dir(base.join("moved"));
        Outcome::of(command.stdin(std::process::Stdio::null()).output().unwrap())
    };
    let refused = at("hasp-grant -q -t test -o -");
    refused.refused_with_hint(77, "target-unconsented");
    let line = typed(&refused.stderr, "--moved-from");
    assert!(line.starts_with("hasp-bind --moved-from "), "{}", refused.stderr);
    let shown = at("hasp-bind list");
    assert!(shown.stderr.contains(&line), "{}", shown.stderr);
    at(&format!("{line} --yes")).ok();
    at("hasp-grant -q -x --consumer user -t test").ok();
}

#[test]
fn a_link_in_the_old_place_is_no_copy() {
    let world = World::with_project();
    world.sh("mv ../project ../moved && ln -s moved ../project").ok();
    let refused = world.sh("hasp-grant -q -t test -o -");
    let line = typed(&refused.stderr, "--moved-from");
    world.sh(&format!("{line} --yes")).ok();
    world.sh("hasp-grant -q -x --consumer user -t test").ok();
}

#[test]
fn every_line_that_is_shown_as_next_runs_as_it_stands() {
    let world = World::new();
    world.write(".env", "API_KEY=Kq7-hunter2-Kq7\nPORT=80\n");
    let imported = world.sh("hasp-vault import --from .env --prefix app");
    imported.ok();
    let add = imported.stderr.lines().find(|l| l.trim().starts_with("hasp-target add")).unwrap();
    let added = world.sh(add.trim());
    added.ok();
    assert!(added.stderr.contains("wrote ") && world.project().join("hasp.toml").exists());
    let next = added.stderr.lines().find_map(|l| l.split_once("; next: ")).unwrap().1;
    let (bind, grant) = next.split_once(", then ").unwrap();
    let shown = world
        .type_at(&format!("{bind}; echo rc=$?"), &["see:Consent to this?", "type:y\\n", "see:rc="]);
    shown.has("rc=0");
    // COMMAND is a program that is not there: all before it was right.
    world.sh(grant).refused(127, "program-missing");
    let world = World::new();
    let made = world.sh("hasp-target init");
    let next = made.stderr.lines().find_map(|l| l.split_once("next: ")).unwrap().1;
    world.sh(next).ok();
}

#[test]
fn verbs_of_other_programs_name_ours() {
    let world = World::new();
    let words =
        ["rm", "delete", "edit", "cat", "mv", "rename", "search", "ls", "get", "add", "set"];
    for tool in ["hasp-vault", "hasp-target", "hasp-bind", "hasp-consumer", "hasp-grant"] {
        let help = world.sh(&format!("{tool} --help"));
        let has = |word: &str| help.stdout.lines().any(|l| l.trim_start().starts_with(word));
        for word in words.into_iter().filter(|w| !has(&format!("{w} "))) {
            let refused = world.sh(&format!("{tool} {word} hunter2-hunter2"));
            assert_eq!(refused.status & 0x3f, 64 & 0x3f, "{tool} {word}: {}", refused.stderr);
            let hint = refused.stderr.lines().find(|l| l.contains("hint: ")).unwrap_or_default();
            assert!(
                hint.contains("hint: hasp-") || hint.contains("hasp.toml"),
                "{tool} {word}: {}",
                refused.stderr
            );
            assert!(!refused.stderr.contains("hunter2"), "{tool} {word}: {}", refused.stderr);
        }
    }
    for (tool, verbs) in
        [("hasp-vault", "set"), ("hasp-target", "check"), ("hasp-consumer", "whoami")]
    {
        let none = world.sh(tool);
        assert!(none.stderr.contains("the verbs are ") && none.stderr.contains(verbs));
    }
}

#[test]
fn check_alone_calls_nothing_present_that_it_could_not_ask() {
    let world = World::with_project();
    world.sh("hasp-target check test").ok();
    let alone = world.beside("alone");
    std::fs::create_dir(&alone).unwrap();
    std::fs::copy(tools().join("hasp-target"), alone.join("hasp-target")).unwrap();
    let checked = world.sh("../alone/hasp-target check");
    assert_eq!(checked.status, 1, "{}", checked.stderr);
    assert!(checked.stdout.contains("hasp-bind is not installed beside this tool"));
    assert!(!checked.stderr.contains("nothing is missing"));
    std::fs::copy(tools().join("hasp-bind"), alone.join("hasp-bind")).unwrap();
    let checked = world.sh("../alone/hasp-target check");
    assert_eq!(checked.status, 1, "{}", checked.stderr);
    assert!(checked.stdout.contains("hasp-vault is not installed"), "{}", checked.stdout);
}

#[test]
fn check_tells_missing_consent_and_old_values_apart() {
    let world = World::with_project();
    let manifest = std::fs::read_to_string(world.project().join("hasp.toml")).unwrap();
    world.write("hasp.toml", manifest + "[target.more]\nrun = ['/bin/true']\n");
    let checked = world.sh("hasp-target check more --json");
    assert_eq!(checked.status, 1);
    let object: serde_json::Value = serde_json::from_str(checked.stdout.trim()).unwrap();
    assert_eq!(object["sort"], "consent");
    assert!(checked.stderr.contains("only consent is missing"), "{}", checked.stderr);
}

#[test]
fn lists_print_names_alone_and_headings_to_people_only() {
    let world = World::with_project();
    world.sh("hasp-consumer add shell --exe /bin/sh").ok();
    assert_eq!(world.sh("hasp-target list --names").ok(), "test\n");
    assert_eq!(world.sh("hasp-bind list --names").ok(), "api/key\ndb/url\n");
    assert_eq!(world.sh("hasp-consumer list --names").ok(), "shell\n");
    assert_eq!(world.sh("hasp-vault list --names").ok(), "api/key\ndb/url\n");
    let root = world.project();
    assert_eq!(world.sh("hasp-bind list --all --names").ok(), format!("{}\n", root.display()));
    let listed = world.sh("hasp-vault list");
    assert_eq!(listed.ok().lines().count(), 2, "{}", listed.stdout);
    world.type_at("hasp-vault list; echo rc=$?", &["see:rc="]).has("NAME");
    world.type_at("hasp-vault list -q; echo rc=$?", &["see:rc="]).has_not("NAME");
}

#[test]
fn explain_check_consent_and_grant_warn_in_the_same_words() {
    let world = World::new();
    world.feed("hasp-vault set db/url --class high -q", DB_URL).ok();
    let script = world.script("run.sh", "#!/bin/sh\n");
    world.sh("chmod 777 run.sh").ok();
    world.write(
        "hasp.toml",
        "[refs]\n\"db/url\" = {}\n[target.t]\nrun = ['./run.sh']\nenv = { U = 'db/url' }\n",
    );
    let consent = world.sh("hasp-bind --yes --shared");
    let explained = world.sh("hasp-target explain t");
    let checked = world.sh("hasp-target check t");
    let granted = world.sh("hasp-grant -t t --consumer parent -o -");
    for (who, said) in [
        ("consent", &consent.stderr),
        ("explain", &explained.stdout),
        ("check", &checked.stderr),
        ("grant", &granted.stderr),
    ] {
        for words in [
            "db/url (high) goes into the environment",
            "run.sh can be changed by whoever uses this grant",
            "run.sh can be changed by other users (mode 0777)",
        ] {
            assert!(said.contains(words), "{who}: no '{words}' in: {said}");
        }
    }
    let program = format!("Its program is {}.", script.display());
    assert!(explained.stdout.contains(&program), "{}", explained.stdout);
    checked.ok();
    granted.ok();
}
