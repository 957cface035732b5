//! A home, a runtime directory in memory and a project, driven by shell lines without a controlling
//! terminal.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use hasp_redact::{Filter, Pattern, Patterns};
use tempfile::TempDir;

use crate::Outcome;

/// A passphrase for tests that need one.
pub const PASSPHRASE: &str = "correct horse battery staple";
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

/// A home, a runtime directory and a project. When it goes, its record is searched for every value
/// that was stored, in every form that the filter knows.
pub struct World {
    base: TempDir,
    runtime: TempDir,
    values: Mutex<Vec<Vec<u8>>>,
}

impl World {
    /// An empty home and an empty project with a `.git`, so that it is a project.
    pub fn bare() -> World {
        World::at(TempDir::new().expect("a temporary directory"))
    }

    /// As [`World::bare`], in memory, where flushing to disk costs nothing.
    pub fn bare_in_memory() -> World {
        World::at(TempDir::new_in("/dev/shm").expect("a directory in memory"))
    }

    /// As [`World::new`], in memory: for tests that run a tool hundreds of times.
    pub fn in_memory() -> World {
        let world = World::bare_in_memory();
        world.sh("hasp-vault init --no-passphrase").ok();
        world
    }

    fn at(base: TempDir) -> World {
        let runtime = TempDir::new_in("/dev/shm").expect("a directory in memory");
        let values =
            Mutex::new([DB_URL, API_KEY, PASSPHRASE].map(|v| v.as_bytes().to_vec()).to_vec());
        let world = World { base, runtime, values };
        std::fs::create_dir_all(world.project().join(".git")).expect("a project");
        world
    }

    /// A vault with a plain identity.
    pub fn new() -> World {
        let world = World::bare();
        world.sh("hasp-vault init --no-passphrase").ok();
        world
    }

    /// A vault whose identity has [`PASSPHRASE`], which is in the file `../passphrase`.
    pub fn locked() -> World {
        let world = World::new();
        std::fs::write(world.beside("passphrase"), PASSPHRASE).expect("a file");
        world.lock();
        world
    }

    /// Puts the identity under [`PASSPHRASE`], with a work factor that costs a millisecond: what a
    /// real one costs, a second of every unlock, is no part of what these tests say.
    fn lock(&self) {
        let plain = self.home().join("identity");
        let mut recipient = age::scrypt::Recipient::new(PASSPHRASE.to_owned().into());
        recipient.set_work_factor(10);
        let sealed = age::encrypt(&recipient, &std::fs::read(&plain).expect("an identity"))
            .expect("it can be encrypted");
        let locked = self.home().join("identity.age");
        std::fs::write(&locked, sealed).expect("a writable home");
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(locked, private).expect("our own file");
        std::fs::remove_file(plain).expect("our own file");
    }

    /// As [`World::new`] with the secrets `db/url` and `api/key`, and a bound project with a target
    /// `test` that runs `./show`, which writes a line to the file `ran` and prints both values.
    pub fn with_project() -> World {
        let world = World::new();
        world.store("db/url", DB_URL);
        world.store("api/key", API_KEY);
        world.script(
            "show",
            "#!/bin/sh\necho ran >>ran\nprintf 'url=%s key=%s\\n' \"$DATABASE_URL\" \"$API_KEY\"\n",
        );
        world.bind(MANIFEST);
        world
    }

    /// Writes the manifest and consents to it.
    #[track_caller]
    pub fn bind(&self, manifest: &str) {
        self.write("hasp.toml", manifest);
        self.sh("hasp-bind --yes").ok();
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

    /// The directory that holds home and project.
    pub fn base(&self) -> &Path {
        self.base.path()
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

    /// How often the project's programs ran: each writes a line to the file `ran`.
    pub fn runs(&self) -> usize {
        std::fs::read_to_string(self.project().join("ran")).unwrap_or_default().lines().count()
    }

    /// Stores a secret from standard input, with its last newline.
    #[track_caller]
    pub fn store(&self, name: &str, value: impl AsRef<[u8]>) {
        self.feed(&format!("hasp-vault set --keep-newline {name}"), value).ok();
    }

    /// Mints a token that every process of this user may use, into a file beside the project.
    #[track_caller]
    pub fn mint(&self, options: &str) -> PathBuf {
        let path = self.beside(&format!("token-{:x}", next_number()));
        self.sh(&format!("hasp-grant -q --consumer user -o '{}' {options}", path.display())).ok();
        path
    }

    /// Runs a line of bash in the project, in a session of its own without a terminal.
    pub fn sh(&self, line: &str) -> Outcome {
        Outcome::of(self.shell(line).stdin(Stdio::null()).output().expect("bash"))
    }

    /// As [`World::sh`], with this standard input.
    pub fn feed(&self, line: &str, input: impl AsRef<[u8]>) -> Outcome {
        let mut child = self.shell(line).stdin(Stdio::piped()).spawn().expect("bash");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.as_ref().to_vec();
        if ["hasp-vault set", "hasp-vault deposit"].iter().any(|verb| line.contains(verb)) {
            self.watch(&input);
        }
        // Whoever is refused does not read on; that is for the outcome to tell.
        let writer =
            std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
        let output = child.wait_with_output().expect("an end");
        writer.join().expect("a writer");
        Outcome::of(output)
    }

    /// Starts a line of bash, its output caught.
    pub fn start(&self, line: &str) -> Child {
        self.shell(line).stdin(Stdio::null()).spawn().expect("bash")
    }

    /// The command that [`World::sh`] runs. It ends after two minutes whatever happens.
    pub fn shell(&self, line: &str) -> Command {
        let mut command = self.command("timeout");
        // Bash would exec a single command, which would then be the leader of its own session.
        command.args([
            "--kill-after=1",
            "120",
            "setsid",
            "--wait",
            "bash",
            "-c",
            &format!("{line}\nexit $?"),
        ]);
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

    /// The record, as it is on disk: one object a line, in order.
    pub fn record(&self) -> Vec<serde_json::Value> {
        let mut segments = self.files(&self.home().join("audit"));
        segments.retain(|p| p.extension().is_some_and(|e| e == "jsonl"));
        segments.sort();
        let texts = segments.iter().map(|p| std::fs::read_to_string(p).expect("a segment"));
        texts
            .flat_map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>())
            .map(|l| parse(&l))
            .collect()
    }

    /// The records of one event.
    pub fn events(&self, event: &str) -> Vec<serde_json::Value> {
        self.record().into_iter().filter(|r| r["event"] == event).collect()
    }

    /// Remembers a value that must never be in the record; short or plain ones could be there by
    /// chance.
    fn watch(&self, value: &[u8]) {
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        let unlikely =
            value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
        if (12..4096).contains(&value.len()) && unlikely {
            self.values.lock().expect("no panic holds it").push(value.to_vec());
        }
    }

    /// What of the record the filter takes for a value.
    fn values_on_record(&self) -> Vec<String> {
        let values = self.values.lock().map(|v| v.clone()).unwrap_or_default();
        let named = values.iter().map(|v| Pattern { name: "stored", value: v }).collect::<Vec<_>>();
        let patterns = Arc::new(Patterns::compile(&named));
        let hit = |line: &&[u8]| {
            let (mut filter, mut out) = (Filter::new(Arc::clone(&patterns)), Vec::new());
            filter.push(line, false, &mut out);
            filter.finish(&mut out);
            out != *line
        };
        let files = self.files(&self.home().join("audit"));
        let texts = files
            .iter()
            .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
            .filter_map(|f| std::fs::read(f).ok());
        let lines = texts.flat_map(|text| {
            text.split(|b| *b == b'\n').filter(hit).map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        // Which record it is can be told, what is in it cannot.
        lines
            .map(|line| String::from_utf8_lossy(&line[..line.len().min(80)]).into_owned())
            .collect()
    }

    /// Every file below a directory.
    pub fn files(&self, below: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(below).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => found.extend(self.files(&entry.path())),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
        found
    }

    /// Checks that the record is whole.
    #[track_caller]
    pub fn verify_record(&self) {
        self.sh("hasp-audit verify").ok();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let found = self.values_on_record();
            assert!(found.is_empty(), "a stored value is on record: {found:?}");
        }
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

fn parse(line: &str) -> serde_json::Value {
    serde_json::from_str(line).expect("a record is a JSON object")
}

/// A number that no other call in this process gives.
fn next_number() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

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
        let built =
            build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).status().expect("cargo");
        assert!(built.success(), "the tools could not be built");
        profile
    })
}
