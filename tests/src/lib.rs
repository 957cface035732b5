//! A world of its own for each end-to-end test: a home, a runtime directory in memory and a project, driven by shell lines as a
//! person types them, without a controlling terminal.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// A passphrase for tests that need one.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// A home, a runtime directory and a project.
pub struct World {
    base: TempDir,
    runtime: TempDir,
}

/// What a shell line did.
#[derive(Debug)]
pub struct Outcome {
    /// The exit status as a shell sees it: 128 + n for signal n.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl World {
    /// An empty home and an empty project with a `.git`, so that it is a project.
    pub fn bare() -> World {
        let base = TempDir::new().expect("a temporary directory");
        let runtime = TempDir::new_in("/dev/shm").expect("a directory in memory");
        let world = World { base, runtime };
        std::fs::create_dir_all(world.project().join(".git")).expect("a project");
        world
    }

    /// A vault with a plain identity.
    pub fn new() -> World {
        let world = World::bare();
        world.sh("hasp-vault init --no-passphrase").ok();
        world
    }

    /// As [`World::new`] with the secrets `db/url` and `api/key`, and a bound project with a target `test` that runs `./show`.
    pub fn with_project() -> World {
        let world = World::new();
        world.store("db/url", DB_URL);
        world.store("api/key", API_KEY);
        world.write("hasp.toml", MANIFEST);
        world.script("show", "#!/bin/sh\nprintf 'url=%s key=%s\\n' \"$DATABASE_URL\" \"$API_KEY\"\n");
        world.sh("hasp-bind --yes").ok();
        world
    }

    /// The home.
    pub fn home(&self) -> PathBuf {
        self.base.path().join("home")
    }

    /// The runtime directory.
    pub fn runtime(&self) -> PathBuf {
        self.runtime.path().join("run")
    }

    /// The project's root.
    pub fn project(&self) -> PathBuf {
        self.base.path().canonicalize().expect("a real path").join("project")
    }

    /// A path beside home and project.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.base.path().join(name)
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.project().join(name);
        std::fs::write(&path, content).expect("a writable project");
        path
    }

    /// Writes an executable file of the project.
    pub fn script(&self, name: &str, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, content);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("chmod");
        path
    }

    /// Stores a secret from standard input.
    pub fn store(&self, name: &str, value: &str) {
        let mut command = self.command("bash");
        command.args(["-c", "hasp-vault set --keep-newline \"$1\"", "bash", name]).stdin(Stdio::piped());
        let mut child = command.spawn().expect("bash");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), value.as_bytes()).expect("a write");
        let output = child.wait_with_output().expect("an end");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a line of bash in the project, in a session of its own without a terminal.
    pub fn sh(&self, line: &str) -> Outcome {
        let output = self.shell(line).stdin(Stdio::null()).output().expect("bash");
        Outcome::of(output)
    }

    /// The command that [`World::sh`] runs, to be started or given input otherwise.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("setsid");
        command.args(["--wait", "bash", "-c", line]);
        command
    }

    /// A command in the project with this world's environment and the tools first on PATH.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command.env_clear().current_dir(self.project());
        command.env("PATH", format!("{}:{path}", tools().display()));
        command.env("HOME", self.base.path()).env("LANG", "C.UTF-8").env("TZ", "UTC");
        command.env("HASP_HOME", self.home()).env("HASP_RUNTIME", self.runtime());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl Outcome {
    /// From what a process left.
    pub fn of(output: Output) -> Outcome {
        use std::os::unix::process::ExitStatusExt;
        let status = output.status.code().or(output.status.signal().map(|s| 128 + s)).unwrap_or(-1);
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Outcome { status, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Its standard output, if it succeeded.
    ///
    /// # Panics
    /// If it did not, with what it said.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        &self.stdout
    }

    /// Checks that it was refused with this status, this code and a hint.
    ///
    /// # Panics
    /// If it was not, with what it said.
    #[track_caller]
    pub fn refused(&self, status: i32, code: &str) -> &Outcome {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(self.stderr.contains(&format!("[{code}]")), "no [{code}] in: {}", self.stderr);
        self
    }

    /// As [`Outcome::refused`], and it says what to type next.
    #[track_caller]
    pub fn refused_with_hint(&self, status: i32, code: &str) -> &Outcome {
        self.refused(status, code);
        assert!(self.stderr.contains("hint: "), "no hint in: {}", self.stderr);
        self
    }
}

/// A value that looks like what it is.
pub const DB_URL: &str = "postgres://app:Zx81-Quartz-Fjord@db.internal:5432/app";
/// Another.
pub const API_KEY: &str = "key_live_8Jq2vWnT5rLmXc0dPzYbHs3K";

/// The manifest of [`World::with_project`].
pub const MANIFEST: &str = r#"[project]
name = "api"

[refs]
"db/url" = { about = "the database" }
"api/key" = { about = "the API" }

[target.test]
about = "shows both values"
run = ["./show", "..."]
env = { DATABASE_URL = "db/url", API_KEY = "api/key" }
"#;

/// The directory of the tools, built once a test binary.
pub fn tools() -> &'static Path {
    static TOOLS: OnceLock<PathBuf> = OnceLock::new();
    TOOLS.get_or_init(|| {
        let own = std::env::current_exe().expect("this test's own path");
        let profile = own.parent().and_then(Path::parent).expect("target/PROFILE/deps").to_owned();
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut build = Command::new(cargo);
        build
            .args(["build", "--quiet", "--workspace", "--bins", "--target-dir"])
            .arg(profile.parent().expect("target"));
        build.args(profile.ends_with("release").then_some("--release"));
        let built = build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status().expect("cargo");
        assert!(built.success(), "the tools could not be built");
        profile
    })
}

/// Whether a peer program is there. Its absence fails in CI and skips, saying so, elsewhere.
pub fn peer(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|s| s.success());
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing: .ci/run installs it");
    if !found {
        say(&format!("skipped: {program} is not installed"));
    }
    found
}

fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
