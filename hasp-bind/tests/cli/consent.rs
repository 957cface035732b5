//! The question, its answers, and what makes it be asked again.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use assert_cmd::cargo::cargo_bin;
use hasp_core::Kind;

use crate::place::{MANIFEST, Place};

#[test]
fn consent_is_shown_signed_recorded_and_asked_for_once() {
    let Some(place) = Place::new(MANIFEST) else { return };
    let shown = place.ok(&["--yes"]);
    for line in [
        "project api in ",
        "new db/url     -> db/url (not stored yet): Postgres",
        "new test: integration tests",
        "run pytest (any further words)",
        "env DATABASE_URL = db/url",
        "class of db/url: at least high",
        "bound: 2 references, 1 target",
        "db/url is not stored yet: hasp-vault set db/url",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let binding = place.load().unwrap().unwrap();
    assert_eq!((binding.serial, binding.project.as_str(), binding.refs.len()), (1, "api", 2));
    let project = place.found(&place.project());
    binding.check_target(project.manifest.unwrap().target("test").unwrap()).unwrap();
    let file = place.binding_file(&place.project());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(place.ok(&[]).contains("nothing new"));
    assert_eq!(place.load().unwrap().unwrap().serial, 1);
    let record = place.record();
    assert_eq!(
        (record.matches("\"bind.add\"").count(), record.matches("\"bind.consent\"").count()),
        (2, 1)
    );
}

#[test]
fn without_a_terminal_nothing_is_consented_to_by_itself() {
    let Some(place) = Place::new(MANIFEST) else { return };
    let (status, _, stderr) = place.run(&[]);
    assert_eq!(status, 69, "{stderr}");
    assert!(stderr.contains("[no-terminal]") && stderr.contains("hasp-bind --yes"));
    assert!(place.load().unwrap().is_none());
}

#[test]
fn on_a_terminal_only_yes_is_yes() {
    let Some(place) = Place::new(MANIFEST) else { return };
    if std::process::Command::new("script").arg("--version").output().is_err() {
        let _ = hasp_core::output::write_all(
            std::io::stderr(),
            b"skipped: script(1) is not installed\n",
        );
        return;
    }
    let typed = |answer: &str| {
        let tool = cargo_bin("hasp-bind").display().to_string();
        let mut child = std::process::Command::new("script")
            .args(["-qefc", &tool, "/dev/null"])
            .current_dir(place.project())
            .env("HASP_HOME", place.path("home"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut shown = Vec::new();
        while !shown.ends_with(b"[y/N] ") {
            let mut byte = [0];
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        writeln!(keys, "{answer}").unwrap();
        screen.read_to_end(&mut shown).unwrap();
        (child.wait().unwrap().code().unwrap(), String::from_utf8_lossy(&shown).into_owned())
    };
    let (status, shown) = typed("n");
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("Consent to this? [y/N]") && shown.contains("[declined]"), "{shown}");
    assert!(place.load().unwrap().is_none());
    let (status, shown) = typed("y");
    assert_eq!(status, 0, "{shown}");
    assert_eq!(place.load().unwrap().unwrap().targets.len(), 1);
}

#[test]
fn a_changed_target_is_denied_with_a_diff_until_it_is_consented_to_again() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    fs::write(
        place.project().join("hasp.toml"),
        MANIFEST.replace("'pytest', '...'", "'sh', '-c', 'curl evil'"),
    )
    .unwrap();
    let project = place.found(&place.project());
    let target = project.manifest.as_ref().unwrap().target("test").unwrap().clone();
    let error = place.load().unwrap().unwrap().check_target(&target).unwrap_err();
    assert_eq!((error.code().as_str(), error.kind()), ("target-changed", Kind::Denied));
    assert!(
        error.message().contains("- run pytest (any further words)\n  + run sh -c 'curl evil'"),
        "{error}"
    );
    assert_eq!(place.list().iter().find(|o| o["target"] == "test").unwrap()["state"], "changed");
    let shown = place.ok(&["-y"]);
    assert!(
        shown.contains("test (changed)")
            && shown.contains("- run pytest")
            && shown.contains("+ run sh -c 'curl evil'"),
        "{shown}"
    );
    place.load().unwrap().unwrap().check_target(&target).unwrap();
    fs::write(place.project().join("hasp.toml"), "[project]\nname = 'api'\n").unwrap();
    assert!(place.ok(&["-y"]).contains("target test: its consent ends"));
    let binding = place.load().unwrap().unwrap();
    assert_eq!(binding.check_target(&target).unwrap_err().code().as_str(), "target-unconsented");
    assert_eq!(binding.secret_for(&"db/url".parse().unwrap()).unwrap().as_str(), "db/url");
    assert_eq!(
        binding.secret_for(&"db/other".parse().unwrap()).unwrap_err().code().as_str(),
        "unbound"
    );
}

#[test]
fn a_lower_class_or_another_name_is_a_change() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    fs::write(place.project().join("hasp.toml"), MANIFEST.replace(", class = 'high'", "")).unwrap();
    assert!(place.ok(&["-y"]).contains("- class of db/url: at least high"));
    fs::write(
        place.project().join("hasp.toml"),
        MANIFEST.replace("'api'", "'other'").replace(", class = 'high'", ""),
    )
    .unwrap();
    assert_eq!(place.load().unwrap().unwrap().project, "api");
    place.ok(&["add", "x/y"]);
    assert_eq!(place.load().unwrap().unwrap().project, "api");
    assert!(place.ok(&["-y"]).contains("it was called api"));
    assert_eq!(place.load().unwrap().unwrap().project, "other");
}
