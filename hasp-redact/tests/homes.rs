//! A hook finds the home that it was installed with, whatever calls git, and nothing that it says
//! leads to a commit that is not checked.
#![allow(clippy::unwrap_used)]

mod place;

use std::process::{Command, Output};

use place::{Place, VALUE};

/// A repository with the hooks and a watched value; the home is no default of any program.
fn world() -> Place {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("git config user.name n; git config user.email n@example.org");
    place.install();
    place
}

/// As a program that hands on nothing starts git: an editor, a window, a service.
fn bare(place: &Place, line: &str) -> Output {
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command.current_dir(place.tree()).env_clear().env("PATH", path).args(["-ec", line]);
    command.output().unwrap()
}

fn said(out: &Output) -> String {
    [&out.stdout, &out.stderr].map(|s| String::from_utf8_lossy(s).into_owned()).concat()
}

fn refused(out: &Output, told: &[&str]) {
    let said = said(out);
    assert!(!out.status.success(), "{said}");
    assert!(told.iter().all(|t| said.contains(t)), "{told:?} in {said}");
    assert!(!said.contains("hasp-vault init") && !said.contains(VALUE), "{said}");
}

#[test]
fn the_home_of_the_installation_is_found_from_anywhere() {
    let place = world();
    for environment in ["", "HOME=/nonexistent", "XDG_DATA_HOME=/nonexistent", "HOME=$PWD/.."] {
        let line =
            format!("export LC_ALL=C {environment}; echo a >>a; git add a; git commit -qm a");
        let out = bare(&place, &line);
        assert!(out.status.success(), "{environment}: {}", said(&out));
        let line =
            format!("export LC_ALL=C {environment}; echo {VALUE} >k; git add k; git commit -qm k");
        refused(&bare(&place, &line), &["k:1:1: api/key", "HASP_SKIP_SCAN"]);
        place.sh("git reset -q --hard; git clean -qfd");
    }
    // A work tree, a hooks directory of many repositories.
    place.sh("git worktree add -q ../other");
    refused(
        &bare(&place, &format!("cd ../other; git commit -q --allow-empty -m {VALUE}")),
        &["the message"],
    );
    place.sh("git config core.hooksPath ../shared");
    place.install();
    refused(&bare(&place, &format!("git commit -q --allow-empty -m {VALUE}")), &["the message"]);
}

#[test]
fn a_home_that_is_gone_or_empty_blocks_and_says_where_to_go_on() {
    let place = world();
    let commit = "git commit -q --allow-empty -m x";
    place.sh("mv ../home ../moved");
    let out = bare(&place, commit);
    refused(&out, &["[no-home]", "HASP_HOME=/its/path git commit", "hooks install"]);
    let status = bare(&place, &format!("{} hooks status", env!("CARGO_BIN_EXE_hasp-redact")));
    assert!(said(&status).contains("is gone"), "{}", said(&status));
    // Where it is now can be said, once and for good.
    let out = bare(&place, &format!("HASP_HOME=$PWD/../moved {commit}"));
    assert!(out.status.success() && said(&out).contains("hooks install"), "{}", said(&out));
    refused(
        &bare(&place, &format!("HASP_HOME=$PWD/../moved git commit -q --allow-empty -m {VALUE}")),
        &["the message"],
    );
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    let out = bare(&place, &format!("HASP_HOME=$PWD/../moved {hasp} hooks install && {commit}"));
    assert!(out.status.success(), "{}", said(&out));
    // A new home in the place of the old one has nothing to look for.
    place.sh("rm ../moved/watch/fingerprints; : >../moved/watch/fingerprints");
    place.sh("chmod 600 ../moved/watch/fingerprints");
    refused(&bare(&place, commit), &["[empty-watch]", "HASP_HOME=/its/path git commit"]);
    let empty = Place::new();
    let out = bare(&place, &format!("HASP_HOME={} {commit}", empty.home().display()));
    refused(&out, &["[empty-watch]"]);
    place.sh("rm -r ../moved");
    let out = bare(&place, &format!("HASP_HOME={} {commit}", empty.home().display()));
    refused(&out, &["[empty-watch]"]);
}

#[test]
fn another_home_that_is_named_counts_besides() {
    let place = world();
    let other = Place::new();
    let value = "glpat-Zx81Q7artzFj0rdKq9wPm3";
    other.store("other/key", value.as_bytes());
    let named = format!("HASP_HOME={} git commit -q --allow-empty -m", other.home().display());
    refused(&bare(&place, &format!("{named} {value}")), &["other/key"]);
    refused(&bare(&place, &format!("{named} {VALUE}")), &["api/key"]);
    assert!(bare(&place, &format!("{named} x")).status.success());
}

#[test]
fn husky_and_the_framework_have_it_in_the_settings() {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("git config user.name n; git config user.email n@example.org");
    place.sh("mkdir -p .husky/_; git config core.hooksPath .husky/_");
    place.install();
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    let text = place.sh("cat .husky/commit-msg .husky/pre-commit .husky/pre-push");
    assert!(!text.contains(place.home().to_str().unwrap()), "{text}");
    let call = format!("echo {VALUE} >k; git add k; {hasp} hooks run pre-commit");
    refused(&bare(&place, &call), &["k:1:1"]);
    place.sh(&format!("{hasp} hooks remove -q; ! git config hasp.home"));
}

#[test]
fn a_hook_of_another_version_or_without_hasp_says_so() {
    let place = world();
    let hook = place.tree().join(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&hook).unwrap();
    // An older hasp knows no such option.
    std::fs::write(&hook, text.replace("\"--home=$home\"", "--unknown")).unwrap();
    let out = bare(&place, "git commit -q --allow-empty -m x");
    refused(&out, &["[usage]", "hooks install"]);
    // One that is gone.
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    std::fs::write(&hook, text.replace(hasp, "/nonexistent/hasp-redact")).unwrap();
    place.sh("mkdir ../bin; ln -s $(command -v git) $(command -v sh) $(command -v cat) ../bin");
    let line = "PATH=$PWD/../bin; git commit -q --allow-empty -m x";
    refused(&bare(&place, line), &["[no-hasp]", "rm '.git/hooks/pre-commit'"]);
}

#[test]
fn what_is_not_watched_is_named_by_the_hook_and_the_status() {
    let place = world();
    place.store("db/pw", b"hunter2");
    place.store("wifi", b"correct horse battery staple");
    let out = bare(&place, "echo pw=hunter2 >f; git add f; git commit -qm x");
    let told = "not watched, so not looked for: db/pw, wifi";
    assert!(out.status.success() && said(&out).contains(told), "{}", said(&out));
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    let told = "not watched, so not found: db/pw, wifi";
    for verb in ["status", "install"] {
        let out =
            bare(&place, &format!("HASP_HOME={} {hasp} hooks {verb}", place.home().display()));
        assert!(said(&out).contains(told), "{verb}: {}", said(&out));
    }
}

/// What a writer that was killed has left goes with the next one.
#[test]
fn temporary_files_of_dead_writers_do_not_stay() {
    let place = world();
    let left = place.home().join("watch/.hasp-abc.tmp");
    std::fs::write(&left, "half").unwrap();
    std::fs::write(place.home().join("watch/.hasp-mine"), "x").unwrap();
    place.store("another", b"ghp_j8XfEkUIU4R8k0j3ESkR1mXe3qWW");
    assert!(!left.exists() && place.home().join("watch/.hasp-mine").exists());
}
