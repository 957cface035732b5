//! The file of a binding: forged, put back, dropped, written by many at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::place::{MANIFEST, Place};

#[test]
fn a_binding_written_by_hand_or_put_back_is_refused() {
    let Some(place) = Place::new(MANIFEST) else { return };
    place.ok(&["-y"]);
    let file = place.binding_file(&place.project());
    let first = fs::read_to_string(&file).unwrap();
    let code = |text: &str| {
        fs::write(&file, text).unwrap();
        place.load().unwrap_err().code().as_str()
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
    assert_eq!(place.load().unwrap_err().code().as_str(), "rolled-back");
    fs::remove_file(&file).unwrap();
    fs::rename(place.path("home/identity.away"), place.path("home/identity")).unwrap();
    place.ok(&["-y"]);
    assert_eq!(place.load().unwrap().unwrap().serial, 3);
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
