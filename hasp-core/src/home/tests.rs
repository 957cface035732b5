//! What a home and a runtime directory may be, and what is refused.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn environ(vars: &[(&str, &str)]) -> Environ {
    vars.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()
}

#[test]
fn the_home_is_found_as_documented() {
    let home = |vars| Home::locate(&environ(vars)).map(|h| h.root);
    assert_eq!(home(&[("HASP_HOME", "/h"), ("HOME", "/u")]).unwrap(), Path::new("/h"));
    assert_eq!(home(&[("XDG_DATA_HOME", "/d"), ("HOME", "/u")]).unwrap(), Path::new("/d/hasp"));
    assert_eq!(
        home(&[("XDG_DATA_HOME", "rel"), ("HOME", "/u")]).unwrap(),
        Path::new("/u/.local/share/hasp")
    );
    assert_eq!(home(&[("HASP_HOME", "rel")]).unwrap_err().code(), code::HOME_RELATIVE);
    assert_eq!(home(&[]).unwrap_err().code(), code::HOME_UNSET);
}

#[test]
fn a_home_below_an_open_directory_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let open = base.path().join("open");
    std::fs::create_dir(&open).unwrap();
    let home = Home::at(open.join("home"));
    assert_eq!(home.check().unwrap_err().code(), code::NO_HOME);
    home.create().unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    assert_eq!(home.check().unwrap_err().code(), code::OPEN_PARENT);
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o1777)).unwrap();
    home.check().unwrap();
}

#[test]
fn a_named_runtime_on_disk_is_marked() {
    let base = tempfile::tempdir_in("/var/tmp").unwrap();
    let path = base.path().join("run");
    let runtime = Runtime::locate(&environ(&[("HASP_RUNTIME", path.to_str().unwrap())])).unwrap();
    assert!(runtime.on_disk());
    let memory = platform::memory_place().unwrap();
    assert!(!Runtime::at(memory.join("x")).on_disk());
}

#[test]
fn a_runtime_directory_that_others_can_move_away_is_refused() {
    let base = tempfile::tempdir().unwrap();
    let open = base.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    let env = environ(&[("HASP_RUNTIME", open.join("run").to_str().unwrap())]);
    let error = Runtime::locate(&env).unwrap_err();
    assert_eq!(error.code(), code::OPEN_PARENT);
    assert!(error.hints()[0].contains("HASP_RUNTIME"), "{error:?}");
    assert!(!open.join("run").exists());
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).unwrap();
    Runtime::locate(&env).unwrap();
}

#[test]
fn what_is_in_the_place_of_the_runtime_directory_stays_there() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("run");
    let env = environ(&[("HASP_RUNTIME", path.to_str().unwrap())]);
    let refused = |code| {
        let error = Runtime::locate(&env).unwrap_err();
        let hints = error.hints().join("\n");
        assert_eq!(error.code(), code);
        assert!(hints.contains("export HASP_RUNTIME=") && !hints.contains("chown"), "{hints}");
    };
    std::fs::write(&path, "").unwrap();
    refused(code::NOT_A_DIRECTORY);
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/shm", &path).unwrap();
    refused(code::SYMLINK);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(61_234), None).unwrap();
        refused(code::FOREIGN_OWNER);
    }
}

#[test]
fn neither_lies_inside_a_project_that_git_would_take_it_from() {
    let base = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(base.path().join("p/.git")).unwrap();
    let home = Home::at(base.path().join("p/below/home"));
    let error = home.create().unwrap_err();
    assert_eq!(error.code(), code::IN_PROJECT);
    assert!(error.hints()[1].contains("echo '*' >"), "{error:?}");
    assert!(!base.path().join("p/below").exists());
    let path = base.path().join("p/run");
    let env = environ(&[("HASP_RUNTIME", path.to_str().unwrap())]);
    assert_eq!(Runtime::locate(&env).unwrap_err().code(), code::IN_PROJECT);
    // Where git is kept off it, as for a repository of all that is in HOME.
    std::fs::create_dir_all(home.root()).unwrap();
    std::fs::set_permissions(home.root(), PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::write(home.join(".gitignore"), "*\n").unwrap();
    home.create().unwrap();
}

#[test]
fn only_what_is_not_there_is_missing() {
    let base = tempfile::tempdir().unwrap();
    std::fs::write(base.path().join("file"), "").unwrap();
    std::os::unix::fs::symlink("round", base.path().join("round")).unwrap();
    let long = "x".repeat(300);
    for (name, text) in [
        ("file/home", "not a directory"),
        ("round/home", "too many levels"),
        (long.as_str(), "too long"),
    ] {
        let error = Home::at(base.path().join(name)).check().unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Io, code::IO));
        assert!(error.message().contains(text), "{error}");
    }
    let error = Home::at(base.path().join("none")).check().unwrap_err();
    assert_eq!(error.code(), code::NO_HOME);
}
