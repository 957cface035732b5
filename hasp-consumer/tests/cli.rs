//! The binary as a person types it: the registry, its record and its refusals.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use assert_cmd::Command;
use hasp_core::output::write_all;
use serde_json::Value;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn tool(&self, name: &str, args: &[&str]) -> (i32, String, String) {
        let program = assert_cmd::cargo::cargo_bin(name);
        let output = Command::new(program)
            .args(args)
            .env("HASP_HOME", self.home())
            .env_remove("HASP_VAULT")
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.tool("hasp-consumer", args)
    }

    /// A home with a vault, if its tool is built beside this one.
    fn with_vault() -> Option<Place> {
        if !assert_cmd::cargo::cargo_bin("hasp-vault").exists() {
            let _ = write_all(rustix::stdio::stderr(), b"skipped: hasp-vault is not built\n");
            return None;
        }
        let place = Place::new();
        let (status, _, stderr) = place.tool("hasp-vault", &["init", "--no-passphrase"]);
        assert_eq!(status, 0, "{stderr}");
        Some(place)
    }

    fn record(&self) -> String {
        let logs = fs::read_dir(self.home().join("audit")).unwrap().map(|e| e.unwrap().path());
        let files = logs.flat_map(|dir| fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()));
        files
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
            .map(|f| fs::read_to_string(f).unwrap())
            .collect()
    }
}

#[test]
fn whoami_says_it_in_words_and_as_json() {
    let place = Place::new();
    let (status, stdout, _) = place.run(&["whoami"]);
    assert_eq!(status, 0);
    assert!(
        stdout.starts_with("a grant ") && stdout.contains("who asks, from here upwards:"),
        "{stdout}"
    );
    let json: Value = serde_json::from_str(&place.run(&["whoami", "--json"]).1).unwrap();
    assert_eq!(json["v"], 1);
    assert_eq!(json["chain"][0]["pid"], std::process::id());
    assert!(json["once"]["kind"].is_string());
}

#[test]
fn names_are_kept_privately_and_on_record() {
    let Some(place) = Place::with_vault() else { return };
    let (status, _, stderr) = place.run(&["add", "shell", "--exe", "/bin/sh"]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("warning: ") && stderr.contains("runs any code"));
    let real = fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(place.run(&["list"]).1, format!("shell  {}\n", real.display()));
    let json: Value = serde_json::from_str(&place.run(&["list", "--json"]).1).unwrap();
    assert_eq!((json["name"].as_str(), json["exe"].as_str()), (Some("shell"), real.to_str()));
    assert!(place.run(&["show", "shell"]).1.contains("name   shell"));
    let file = place.home().join("consumers.toml");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (status, _, stderr) = place.run(&["add", "shell", "--exe", "/bin/cat"]);
    assert!(status == 73 && stderr.contains("[exists]"));
    assert_eq!(place.run(&["add", "shell", "--exe", "/bin/sh"]).0, 0);
    let (status, _, stderr) = place.run(&["remove", "shel"]);
    assert!(status == 66 && stderr.contains("did you mean 'shell'?"), "{stderr}");
    assert_eq!(place.run(&["remove", "shell"]).0, 0);
    assert_eq!(place.run(&["list"]).1, "");
    let record = place.record();
    assert_eq!(record.matches("\"consumer.add\"").count(), 1);
    assert_eq!(record.matches("\"consumer.remove\"").count(), 1);
}

#[test]
fn nothing_changes_without_a_record() {
    let place = Place::new();
    let (status, _, stderr) = place.run(&["add", "x", "--exe", "/bin/cat"]);
    assert_eq!(status, 66);
    assert!(stderr.contains("hasp-vault init"), "{stderr}");
    let Some(place) = Place::with_vault() else { return };
    fs::rename(place.home().join("audit"), place.home().join("gone")).unwrap();
    let (status, _, _) = place.run(&["add", "x", "--exe", "/bin/cat"]);
    assert_ne!(status, 0);
    assert!(!place.home().join("consumers.toml").exists());
}

#[test]
fn bad_names_paths_and_files_are_refused() {
    let place = Place::new();
    for (args, status, code) in [
        (&["add", "session", "--exe", "/bin/sh"][..], 64, "[bad-consumer]"),
        (&["add", "pid:1", "--exe", "/bin/sh"], 64, "[bad-consumer]"),
        (&["add", "a/b", "--exe", "/bin/sh"], 64, "[bad-consumer]"),
        (&["add", "x", "--exe", "sh"], 64, "[bad-consumer]"),
        (&["add", "x", "--exe", "/no/such"], 66, "[no-program]"),
        (&["show", "x"], 66, "[consumer-unknown]"),
        (&["add", "x"], 64, "[usage]"),
        (&[], 64, "[usage]"),
    ] {
        let (found, _, stderr) = place.run(args);
        assert_eq!(found, status, "{args:?} {stderr}");
        assert!(stderr.contains(code), "{args:?} {stderr}");
    }
    fs::create_dir(place.home()).unwrap();
    fs::set_permissions(place.home(), PermissionsExt::from_mode(0o700)).unwrap();
    let file = place.home().join("consumers.toml");
    fs::write(&file, "[consumer.x]\nexe = 'relative'\n").unwrap();
    assert!(place.run(&["list"]).2.contains("[open-mode]"));
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let (status, _, stderr) = place.run(&["list"]);
    assert!(status == 65 && stderr.contains("[bad-registry]"));
}

/// Others write into the home under locks of their own, so that only what is old has no writer.
#[test]
fn temporary_files_of_dead_writers_go_with_the_next_writer() {
    let Some(place) = Place::with_vault() else { return };
    place.run(&["add", "sh", "--exe", "/bin/sh"]);
    let (old, new) = (place.home().join(".hasp-old.tmp"), place.home().join(".hasp-new.tmp"));
    fs::write(&new, "half").unwrap();
    let file = fs::File::create(&old).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    file.set_modified(long_ago).unwrap();
    assert_eq!(place.run(&["add", "other", "--exe", "/bin/sh"]).0, 0);
    assert!(!old.exists() && new.exists());
}
