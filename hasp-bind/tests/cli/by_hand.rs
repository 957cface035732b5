//! What is bound without a manifest, lists, named vaults, and what hasp-target says of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use assert_cmd::cargo::cargo_bin;
use hasp_bind::Binding;
use hasp_vault::Vault;

use crate::place::{MANIFEST, Place};

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
    assert_eq!(place.found(&place.project().join("sub")).root, place.project());
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
    assert_eq!(place.load().unwrap_err().code().as_str(), "other-vault");
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
                "test: nobody has consented to it yet: hasp-bind, or say yes to the next \
                 hasp-grant\ntest: db/url is not bound"
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
