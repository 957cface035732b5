//! The binary as a person types it, in a project of its own.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Project {
        Project(tempfile::tempdir().unwrap())
    }

    fn with(manifest: &str) -> Project {
        let project = Project::new();
        fs::write(project.path("hasp.toml"), manifest).unwrap();
        project
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path("hasp.toml")).unwrap()
    }

    /// Status, stdout and stderr.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        run_in(self.0.path(), args)
    }
}

fn run_in(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("hasp-target")
        .unwrap()
        .args(args)
        .current_dir(dir)
        .env("HASP_HOME", dir.join("home"))
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn init_writes_once_and_as_open_as_the_directory() {
    let project = Project::new();
    fs::set_permissions(project.0.path(), PermissionsExt::from_mode(0o755)).unwrap();
    fs::write(project.path(".env"), "API_KEY=hunter2\nPORT=1\n").unwrap();
    assert_eq!(project.run(&["init"]).0, 0);
    let text = project.read();
    assert!(text.contains("API_KEY") && !text.contains("hunter2"));
    assert_eq!(
        fs::metadata(project.path("hasp.toml")).unwrap().permissions().mode() & 0o777,
        0o644
    );
    let (status, _, stderr) = project.run(&["init"]);
    assert_eq!(status, 73);
    assert!(stderr.contains("[exists]"));
    assert_eq!(project.read(), text);
    fs::remove_file(project.path("hasp.toml")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", project.path("hasp.toml")).unwrap();
    assert_eq!(project.run(&["init"]).0, 73);
}

#[test]
fn add_list_show_explain_and_examples_go_together() {
    let project = Project::new();
    project.run(&["init"]);
    let (status, _, stderr) = project.run(&[
        "add",
        "test",
        "-e",
        "DATABASE_URL=db/url",
        "--about",
        "tests",
        "--",
        "sh",
        "-c",
        "true",
        "...",
    ]);
    assert_eq!(status, 0, "{stderr}");
    assert!(stderr.contains("db/url") && stderr.contains("hasp-bind"));
    assert_eq!(project.run(&["list"]).1, "test  tests\n");
    let shown = project.run(&["show", "test"]).1;
    assert!(
        shown.contains("run sh -c true (any further words)\nenv DATABASE_URL = db/url\n"),
        "{shown}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&project.run(&["show", "test", "--json"]).1).unwrap();
    assert_eq!(
        (json["v"].as_u64(), json["deliveries"][0]["variable"].as_str()),
        (Some(1), Some("DATABASE_URL"))
    );
    assert!(
        project
            .run(&["explain", "test"])
            .1
            .contains("It gets db/url as the variable DATABASE_URL.")
    );
    assert!(project.run(&["examples", "test"]).1.contains("hasp-grant -x -t test -- WORDS"));
    assert_eq!(project.run(&["examples", "test", "--write"]).0, 0);
    let text = project.read();
    assert!(text.contains("# hasp-exec -t test"));
    project.run(&["examples", "test", "--write"]);
    assert_eq!(project.read(), text);
}

#[test]
fn verbs_work_below_the_root_and_by_dash_c() {
    let project = Project::with("[target.a]\nrun = ['true']\n");
    fs::create_dir_all(project.path("x/y")).unwrap();
    assert_eq!(run_in(&project.path("x/y"), &["list"]).1, "a  true\n");
    assert_eq!(
        run_in(Path::new("/"), &["-C", project.path("x").to_str().unwrap(), "list"]).1,
        "a  true\n"
    );
    let (status, _, stderr) = run_in(Path::new("/"), &["list"]);
    assert_eq!(status, 66);
    assert!(stderr.contains("[no-manifest]") && stderr.contains("hasp-target init"));
}

#[test]
fn a_refused_add_changes_nothing() {
    let text = "# mine\n[refs]\n\"a/b\" = {}\n[target.t]\nrun = ['true']\nenv = { A = 'a/b' }\n";
    let project = Project::with(text);
    fs::set_permissions(project.path("hasp.toml"), PermissionsExt::from_mode(0o664)).unwrap();
    for (args, status, code) in [
        (&["add", "t", "--", "other"][..], 73, "[exists]"),
        (&["add", "t", "-e", "A=c/d"], 73, "[exists]"),
        (&["add", "u", "-e", "LD_PRELOAD=a/b"], 64, "[bad-variable]"),
        (&["add", "u", "-e", "A=a/b", "--fd", "A=a/b"], 64, "[duplicate-variable]"),
        (&["add", "u", "--stdin", "a/b", "--stdin", "c/d"], 64, "[two-stdins]"),
        (&["add", "u", "-e", "A=hunter2 two"], 64, "[bad-reference]"),
        (&["add", "u", "-e", "hunter2"], 64, "[bad-delivery]"),
        (&["add", "u/v", "-e", "A=a/b"], 64, "[bad-name]"),
        (&["add", "u", "--", "...", "x"], 78, "[manifest-bad-run]"),
        (&["add", "u", "--dir", "../x", "--", "x"], 78, "[manifest-bad-dir]"),
        (&["add", "u", "--", "x", "--password=hunter2"], 78, "[manifest-secret]"),
    ] {
        let (found, _, stderr) = project.run(args);
        assert_eq!(found, status, "{args:?} {stderr}");
        assert!(stderr.contains(code) && !stderr.contains("hunter2"), "{args:?}");
        assert_eq!(project.read(), text);
    }
    assert_eq!(project.run(&["add", "t", "--file", "B=a/b"]).0, 0);
    assert_eq!(
        fs::metadata(project.path("hasp.toml")).unwrap().permissions().mode() & 0o777,
        0o664
    );
    assert_eq!(fs::read_dir(project.0.path()).unwrap().count(), 1);
}

#[test]
fn from_env_takes_names_and_leaves_values() {
    let project = Project::new();
    project.run(&["init"]);
    fs::write(
        project.path(".env"),
        "PORT=3000\nAPI_KEY='hunter2 # \
         x'\nDATABASE_URL=postgres://u:hunter2@h/d\nNPM_CONFIG__AUTH_TOKEN=hunter2\n",
    )
    .unwrap();
    let (status, _, stderr) =
        project.run(&["add", "dev", "--from-env", ".env", "--prefix", "api", "--", "npm", "start"]);
    assert_eq!(status, 0, "{stderr}");
    let text = project.read();
    assert!(
        text.ends_with(
            "\n[target.dev.env]\nAPI_KEY = \"api/API_KEY\"\nDATABASE_URL = \
             \"api/DATABASE_URL\"\n"
        ),
        "{text}"
    );
    assert!(stderr.contains("left out as plain settings: PORT\n"));
    assert!(
        stderr
            .contains("left out as names that no value is delivered in: NPM_CONFIG__AUTH_TOKEN\n")
    );
    assert!(!text.contains("hunter2") && !stderr.contains("hunter2"));
}

#[test]
fn check_names_what_is_missing_in_the_project() {
    let project = Project::with(
        "[target.a]\nrun = ['no-such-program']\n[target.b]\nrun = ['./x']\ndir = \
         'sub'\n[target.c]\nrun = ['sh']\n",
    );
    let (status, stdout, _) = project.run(&["check"]);
    assert_eq!(status, 1);
    assert!(stdout.contains("a: the program no-such-program is not found"), "{stdout}");
    assert!(stdout.contains("b: the directory of target 'b' does not exist"));
    assert!(!stdout.contains("c: the program"));
    assert_eq!(project.run(&["check", "zzz"]).0, 66);
    let objects = project.run(&["check", "a", "--json"]).1;
    let first: serde_json::Value = serde_json::from_str(objects.lines().next().unwrap()).unwrap();
    assert_eq!((first["target"].as_str(), first["optional"].as_bool()), (Some("a"), Some(false)));
}

#[test]
fn a_bad_manifest_is_78_with_the_line() {
    let project = Project::with("[target.t]\nrun = 'x'\n");
    let (status, stdout, stderr) = project.run(&["list"]);
    assert_eq!((status, stdout.as_str()), (78, ""));
    assert!(
        stderr.contains("hasp.toml:2:7: ")
            && stderr.contains("2 | run = ...\n  |       ^^^ [manifest-type]"),
        "{stderr}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&project.run(&["list", "--json"]).2).unwrap();
    assert_eq!(
        (json["error"]["kind"].as_str(), json["error"]["code"].as_str()),
        (Some("config"), Some("manifest-type"))
    );
}

#[test]
fn completions_and_usage() {
    let project = Project::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(project.run(&["completions", shell]).1.contains("hasp-target"));
    }
    assert_eq!(project.run(&["no-such-verb"]).0, 64);
    assert_eq!(project.run(&[]).0, 64);
    assert_eq!(project.run(&["--version"]).0, 0);
}
