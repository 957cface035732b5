//! A home with a vault and a project, for one test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::cargo::cargo_bin;
use hasp_bind::{Binding, Project};
use hasp_core::{Environ, Here, Home};
use hasp_vault::Vault;
use serde_json::Value;

pub(crate) const MANIFEST: &str = "\
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
pub(crate) struct Place(tempfile::TempDir);

/// Status, stdout and stderr.
pub(crate) type Answer = (i32, String, String);

impl Place {
    /// `None`, said on stderr, where hasp-vault is not built beside this tool.
    pub(crate) fn new(manifest: &str) -> Option<Place> {
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

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(below)
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.path("api")
    }

    /// The project of this directory.
    pub(crate) fn found(&self, start: &Path) -> Project {
        Project::find(&Here::at(&self.home(), &Environ::default(), start)).unwrap()
    }

    pub(crate) fn home(&self) -> Home {
        Home::at(self.path("home"))
    }

    pub(crate) fn binding_file(&self, project: &Path) -> PathBuf {
        self.home().join("bindings").join(format!("{}.toml", Binding::id(project)))
    }

    pub(crate) fn tool(
        &self,
        dir: &Path,
        tool: &str,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Answer {
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

    pub(crate) fn run_in(&self, dir: &Path, args: &[&str]) -> Answer {
        self.tool(dir, "hasp-bind", args, &[])
    }

    pub(crate) fn run(&self, args: &[&str]) -> Answer {
        self.run_in(&self.project(), args)
    }

    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let (status, _, stderr) = self.run(args);
        assert_eq!(status, 0, "{args:?} {stderr}");
        stderr
    }

    pub(crate) fn list(&self) -> Vec<Value> {
        self.run(&["list", "--json"]).1.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    pub(crate) fn record(&self) -> String {
        let logs = fs::read_dir(self.home().join("audit")).unwrap().map(|e| e.unwrap().path());
        let files = logs.flat_map(|dir| fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()));
        files
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
            .map(|f| fs::read_to_string(f).unwrap())
            .collect()
    }

    pub(crate) fn vault(&self) -> Vault {
        Vault::open(&self.home(), &self.home().join("vault")).unwrap()
    }

    pub(crate) fn load(&self) -> hasp_core::Result<Option<Binding>> {
        Binding::load(&self.vault(), &self.project())
    }
}
