//! Consent as a person gives and withdraws it, over the real binary and a real vault.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::cargo::cargo_bin;
use hasp_bind::{Binding, Project};
use hasp_core::{Home, Kind};
use hasp_vault::Vault;
use serde_json::Value;

const MANIFEST: &str = "\
[project]
name = 'api'
[refs]
\"db/url\" = { about = 'Postgres', class = 'high' }
\"openai/key\" = {}
[target.test]
about = 'integration tests'
run = ['pytest', '...']
env = { DATABASE_URL = 'db/url' }
";

/// A home with a vault, and a project.
struct Place(tempfile::TempDir);

/// Status, stdout and stderr.
type Answer = (i32, String, String);

impl Place {
    /// `None`, said on stderr, where hasp-vault is not built beside this tool.
    fn new(manifest: &str) -> Option<Place> {
        if !cargo_bin("hasp-vault").exists() {
            let _ = hasp_core::output::write_all(
                std::io::stderr(),
                b"skipped: hasp-vault is not built\n",
            );
            return None;
        }
        let place = Place(tempfile::tempdir().unwrap());
        let (status, _, stderr) =
            place.tool(Path::new("/"), "hasp-vault", &["init", "--no-passphrase"], &[]);
        assert_eq!(status, 0, "{stderr}");
        fs::create_dir(place.project()).unwrap();
        fs::write(place.project().join("hasp.toml"), manifest).unwrap();
        Some(place)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    fn project(&self) -> PathBuf {
        self.path("api")
    }

    fn home(&self) -> Home {
        Home::at(self.path("home"))
    }

    fn binding_file(&self, project: &Path) -> PathBuf {
        self.home().join("bindings").join(format!("{}.toml", Binding::id(project)))
    }

    fn tool(&self, dir: &Path, tool: &str, args: &[&str], env: &[(&str, &str)]) -> Answer {
        let mut command = std::process::Command::new("setsid");
        command.arg("-w").arg(cargo_bin(tool)).args(args).current_dir(dir).stdin(Stdio::null());
        command
            .env("HASP_HOME", self.path("home"))
            .env_remove("HASP_VAULT")
            .envs(env.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn run_in(&self, dir: &Path, args: &[&str]) -> Answer {
        self.tool(dir, "hasp-bind", args, &[])
    }

    fn run(&self, args: &[&str]) -> Answer {
        self.run_in(&self.project(), args)
    }

    fn ok(&self, args: &[&str]) -> String {
        let (status, _, stderr) = self.run(args);
        assert_eq!(status, 0, "{args:?} {stderr}");
        stderr
    }

    fn list(&self) -> Vec<Value> {
        self.run(&["list", "--json"]).1.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    fn record(&self) -> String {
        let logs = fs::read_dir(self.home().join("audit")).unwrap().map(|e| e.unwrap().path());
        let files = logs.flat_map(|dir| fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()));
        files
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
            .map(|f| fs::read_to_string(f).unwrap())
            .collect()
    }

    fn vault(&self) -> Vault {
        Vault::open(&self.home(), &self.home().join("vault")).unwrap()
    }

    fn load(&self) -> hasp_core::Result<Option<Binding>> {
        Binding::load(&self.vault(), &self.project())
    }
}

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
    let project = Project::find(&place.home(), &place.project()).unwrap();
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
        let line = format!(
            "(sleep 1; echo {answer}; sleep 1) | script -qec '{}' /dev/null",
            cargo_bin("hasp-bind").display()
        );
        let mut command = std::process::Command::new("sh");
        command
            .args(["-c", &line])
            .current_dir(place.project())
            .env("HASP_HOME", place.path("home"));
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
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
    let project = Project::find(&place.home(), &place.project()).unwrap();
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
    assert_eq!(binding.check_target(&target).unwrap_err().code(), "target-unconsented");
    assert_eq!(binding.secret_for(&"db/url".parse().unwrap()).unwrap().as_str(), "db/url");
    assert_eq!(binding.secret_for(&"db/other".parse().unwrap()).unwrap_err().code(), "unbound");
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

#[test]
fn a_binding_written_by_hand_or_put_back_is_refused() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    let file = place.binding_file(&place.project());
    let first = fs::read_to_string(&file).unwrap();
    let code = |text: &str| {
        fs::write(&file, text).unwrap();
        place.load().unwrap_err().code()
    };
    assert_eq!(
        code(&first.replace("\"db/url\" = \"db/url\"", "\"db/url\" = \"prod/db\"")),
        "tampered"
    );
    assert_eq!(code(&first.replacen("signature", "signaturf", 1)), "tampered");
    assert_eq!(code(""), "tampered");
    for at in (0..first.len()).step_by(17) {
        let mut flipped = first.clone().into_bytes();
        flipped[at] ^= 1;
        fs::write(&file, flipped).unwrap();
        assert!(
            ["tampered", "other-vault"].contains(&place.load().unwrap_err().code().as_str()),
            "byte {at}"
        );
    }
    fs::write(&file, &first).unwrap();
    place.ok(&["add", "x/y"]);
    assert_eq!(code(&first), "rolled-back");
    assert!(place.run(&["list"]).2.contains("[rolled-back]"));
}

#[test]
fn drop_needs_no_unlock_and_the_old_file_does_not_come_back() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    let file = place.binding_file(&place.project());
    let old = fs::read(&file).unwrap();
    fs::rename(place.path("home/identity"), place.path("home/identity.away")).unwrap();
    place.ok(&["drop"]);
    assert!(!file.exists());
    assert_eq!(place.run(&["drop"]).0, 66);
    assert!(place.record().contains("\"bind.drop\""));
    fs::write(&file, old).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.load().unwrap_err().code(), "rolled-back");
    fs::remove_file(&file).unwrap();
    fs::rename(place.path("home/identity.away"), place.path("home/identity")).unwrap();
    place.ok(&["-y"]);
    assert_eq!(place.load().unwrap().unwrap().serial, 3);
}

#[test]
fn a_copy_is_another_project_and_a_link_is_the_same() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    std::process::Command::new("cp")
        .args(["-a"])
        .arg(place.project())
        .arg(place.path("copy"))
        .status()
        .unwrap();
    assert!(Binding::load(&place.vault(), &place.path("copy")).unwrap().is_none());
    fs::copy(place.binding_file(&place.project()), place.binding_file(&place.path("copy")))
        .unwrap();
    assert_eq!(Binding::load(&place.vault(), &place.path("copy")).unwrap_err().code(), "tampered");
    std::os::unix::fs::symlink(place.project(), place.path("link")).unwrap();
    assert!(place.run_in(&place.path("link"), &[]).2.contains("nothing new"));
    fs::create_dir(place.project().join("sub")).unwrap();
    assert!(place.run_in(&place.path("link/sub"), &[]).2.contains("nothing new"));
}

#[test]
fn consent_moves_with_a_project_but_not_to_a_copy() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    place.ok(&["add", "x/y=z"]);
    let (old, new) = (place.project(), place.path("new"));
    let from = old.to_str().unwrap();
    std::process::Command::new("cp").arg("-a").arg(&old).arg(&new).status().unwrap();
    let (status, _, stderr) = place.run_in(&new, &["--moved-from", from, "--yes"]);
    assert!(status == 64 && stderr.contains("[still-there]"), "{stderr}");
    fs::remove_dir_all(&old).unwrap();
    let (status, _, stderr) = place.run_in(&new, &["--moved-from", from, "--yes"]);
    assert_eq!(status, 0, "{stderr}");
    let moved = Binding::load(&place.vault(), &new).unwrap().unwrap();
    assert_eq!((moved.refs.len(), moved.targets.len()), (3, 1));
    assert!(Binding::load(&place.vault(), &old).unwrap().is_none());
    assert_eq!(place.run_in(&new, &["--moved-from", from, "--yes"]).0, 66);
    assert!(place.run_in(&new, &[]).2.contains("nothing new"));
}

/// As a binding was written before names were held: good to read, and for refusing.
fn without_holder(file: &Path) {
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("holds_name = true\n", "")).unwrap();
}

#[test]
fn a_binding_from_before_has_its_name_where_no_other_has() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["--yes"]);
    let old = Binding { holds_name: None, ..place.load().unwrap().unwrap() };
    old.check_name(&place.vault()).unwrap();
    let other = place.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("hasp.toml"), MANIFEST).unwrap();
    without_holder(&place.binding_file(&place.project()));
    let (status, _, stderr) = place.run_in(&other, &["--yes"]);
    assert!(status == 77 && stderr.contains("[project-name-taken]"), "{stderr}");
    assert_eq!(place.run_in(&other, &["--yes", "--also"]).0, 0);
    // Of two from before, neither is known to be the first.
    without_holder(&place.binding_file(&other));
    assert_eq!(old.check_name(&place.vault()).unwrap_err().code(), "project-name-taken");
    assert_eq!(Binding { holds_name: Some(true), ..old }.check_name(&place.vault()), Ok(()));
}

#[test]
fn references_are_bound_by_hand_with_and_without_a_manifest() {
    let Some(place) = Place::new(MANIFEST) else { return };
    fs::remove_file(place.project().join("hasp.toml")).unwrap();
    assert_eq!(place.run(&["--yes"]).0, 66);
    let said = place.ok(&["add", "db/url=staging/db", "token"]);
    assert!(
        said.contains("db/url means staging/db")
            && said.contains("token means token")
            && said.contains("hasp-vault set staging/db")
    );
    assert!(said.contains("is a project now"));
    fs::create_dir(place.project().join("sub")).unwrap();
    assert_eq!(
        Project::find(&place.home(), &place.project().join("sub")).unwrap().root,
        place.project()
    );
    assert!(place.ok(&["add", "token"]).contains("nothing new"));
    assert!(place.ok(&["add", "token=other"]).contains("token means other now, not token"));
    let list = place.list();
    assert_eq!(
        (list[0]["reference"].as_str(), list[0]["secret"].as_str()),
        (Some("db/url"), Some("staging/db"))
    );
    place.ok(&["remove", "token"]);
    assert_eq!(place.list().len(), 1);
    let (status, _, stderr) = place.run(&["remove", "token"]);
    assert!(status == 66 && stderr.contains("[unbound]"));
    for bad in ["a=hunter2 x", "hunter2 x", "=hunter2", "hunter2="] {
        let (status, _, stderr) = place.run(&["add", bad]);
        assert!(
            status == 64 && stderr.contains("[bad-reference]") && !stderr.contains("hunter2"),
            "{stderr}"
        );
    }
    assert_eq!(place.record().matches("\"bind.remove\"").count(), 1);
}

#[test]
fn every_binding_of_the_home_can_be_listed_without_unlocking() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    fs::create_dir(place.path("other")).unwrap();
    assert_eq!(place.run_in(&place.path("other"), &["add", "x/y"]).0, 0);
    fs::rename(place.path("home/identity"), place.path("home/identity.away")).unwrap();
    let (status, stdout, stderr) = place.run_in(Path::new("/"), &["list", "--all"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stdout.contains("(api)") && stdout.contains("x/y -> x/y"));
    let file = place.binding_file(&place.project());
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("\"openai/key\" = \"openai/key\"", "\"openai/key\" = \"prod/key\""),
    )
    .unwrap();
    let (status, stdout, stderr) = place.run_in(Path::new("/"), &["list", "--all"]);
    assert!(status == 65 && stderr.contains("[tampered]"), "{stderr}");
    assert!(stdout.contains("x/y -> x/y") && !stdout.contains("prod/key"));
    let forged = place.home().join("bindings").join(format!("{}.toml", "0".repeat(32)));
    fs::write(&forged, &text).unwrap();
    fs::set_permissions(&forged, PermissionsExt::from_mode(0o600)).unwrap();
    let (status, stdout, stderr) = place.run_in(Path::new("/"), &["list", "--all"]);
    assert!(
        status == 65
            && stderr.contains("2 bindings cannot be verified")
            && !stdout.contains("(api)"),
        "{stderr}"
    );
    let (status, _, stderr) = place.run(&["add", "new/one"]);
    assert!(status == 65 && stderr.contains("[tampered]"), "{stderr}");
}

#[test]
fn a_named_vault_is_remembered_for_the_project() {
    let Some(place) = Place::new(MANIFEST) else { return };
    let other = place.path("team-vault");
    let named = other.to_str().unwrap();
    let (status, _, stderr) = place.tool(
        Path::new("/"),
        "hasp-vault",
        &["init", "--no-passphrase"],
        &[("HASP_VAULT", named)],
    );
    if status != 0 {
        let said = format!("skipped: a second vault cannot be made here: {stderr}");
        let _ = hasp_core::output::write_all(std::io::stderr(), said.as_bytes());
        return;
    }
    place.ok(&["-y"]);
    place.ok(&["-y", "--vault", named]);
    assert!(place.ok(&[]).contains("nothing new"));
    let theirs = Vault::open(&place.home(), &other).unwrap();
    assert_eq!(
        Binding::load(&theirs, &place.project()).unwrap().unwrap().vault_dir.unwrap(),
        other
    );
    assert_eq!(place.load().unwrap_err().code(), "other-vault");
    let own = place.path("home/vault");
    let (status, _, stderr) = place.tool(
        &place.project(),
        "hasp-bind",
        &["list"],
        &[("HASP_VAULT", own.to_str().unwrap())],
    );
    assert!(status == 77 && stderr.contains("[other-vault]"), "{stderr}");
}

#[test]
fn twenty_at_once_lose_nothing() {
    let Some(place) = Place::new(MANIFEST) else { return };
    let place = &place;
    std::thread::scope(|scope| {
        for n in 0..20 {
            scope.spawn(move || place.ok(&["add", &format!("ref/{n}")]));
        }
    });
    let binding = place.load().unwrap().unwrap();
    assert_eq!((binding.refs.len(), binding.serial), (20, 20));
    let left = fs::read_dir(place.home().join("bindings")).unwrap().count();
    assert_eq!(left, 1);
}

#[test]
fn without_a_record_nothing_changes() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    let file = place.binding_file(&place.project());
    let before = fs::read(&file).unwrap();
    fs::rename(place.path("home/audit"), place.path("home/gone")).unwrap();
    assert_ne!(place.run(&["add", "x/y"]).0, 0);
    assert_ne!(place.run(&["drop"]).0, 0);
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn open_files_links_and_missing_vaults_are_refused() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    let file = place.binding_file(&place.project());
    fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(place.run(&["list"]).2.contains("chmod 600 "));
    fs::rename(&file, place.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(place.path("elsewhere"), &file).unwrap();
    assert!(place.run(&["list"]).2.contains("[symlink]"));
    let empty = place.path("empty");
    let (status, _, stderr) = place.tool(
        &place.project(),
        "hasp-bind",
        &["-y"],
        &[("HASP_HOME", empty.to_str().unwrap())],
    );
    assert!(status == 66 && stderr.contains("hasp-vault init"), "{stderr}");
    let (status, _, stderr) = place.run_in(Path::new("/"), &["-y"]);
    assert!(status == 66 && stderr.contains("[no-project]"), "{stderr}");
}

#[test]
fn check_of_hasp_target_speaks_of_binding_and_vault() {
    let Some(place) = Place::new(&MANIFEST.replace("'pytest'", "'sh'")) else { return };
    if !cargo_bin("hasp-target").exists() {
        let _ =
            hasp_core::output::write_all(std::io::stderr(), b"skipped: hasp-target is not built\n");
        return;
    }
    let check = || place.tool(&place.project(), "hasp-target", &["check"], &[]);
    let (status, stdout, _) = check();
    assert!(
        status == 1
            && stdout.contains(
                "test: nobody has consented to it yet: hasp-bind\ntest: db/url is not bound"
            ),
        "{stdout}"
    );
    place.ok(&["-y"]);
    let (status, stdout, _) = check();
    assert_eq!(
        (status, stdout.as_str()),
        (1, "test: db/url is not stored: hasp-vault set db/url\n")
    );
    fs::write(place.path("value"), "v").unwrap();
    let from = place.path("value");
    place.tool(
        Path::new("/"),
        "hasp-vault",
        &["set", "db/url", "--from", from.to_str().unwrap()],
        &[],
    );
    let (status, stdout, stderr) = check();
    assert_eq!((status, stdout.as_str()), (0, ""), "{stderr}");
}
