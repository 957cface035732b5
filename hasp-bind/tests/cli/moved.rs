//! Copies, links and moved projects.

use std::fs;
use std::path::Path;

use hasp_bind::Binding;

use crate::place::{MANIFEST, Place};

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
    assert_eq!(
        Binding::load(&place.vault(), &place.path("copy")).unwrap_err().code().as_str(),
        "tampered"
    );
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
    assert_eq!(old.check_name(&place.vault()).unwrap_err().code().as_str(), "project-name-taken");
    assert_eq!(Binding { holds_name: Some(true), ..old }.check_name(&place.vault()), Ok(()));
}
