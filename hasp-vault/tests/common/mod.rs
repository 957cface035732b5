//! A throw-away home and the real binary, run without the environment of whoever runs the tests.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use hasp_core::{Home, Secret};
use hasp_vault::Identity;
use hasp_vault::{Unlocked, Vault};

pub struct Lab {
    pub dir: tempfile::TempDir,
}

/// What a run gave.
pub struct Ran {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    pub fn ok(self) -> Ran {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self
    }

    /// The status, and the code in brackets of the error line.
    pub fn refused(&self) -> (i32, String) {
        let code =
            self.stderr.lines().find(|l| l.contains(": error: ")).and_then(|l| l.rsplit_once('['));
        (self.status, code.map(|(_, c)| c.trim_end_matches(']').to_owned()).unwrap_or_default())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout).unwrap()
    }
}

impl From<Output> for Ran {
    fn from(out: Output) -> Ran {
        let status = out.status.code().unwrap_or(-1);
        Ran {
            status,
            stdout: out.stdout,
            stderr: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }
}

pub fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_hasp-vault")
}

impl Lab {
    /// A directory without a home in it.
    pub fn empty() -> Lab {
        Lab { dir: tempfile::tempdir().unwrap() }
    }

    /// A home with a vault and a plain identity, where flushing costs nothing.
    pub fn in_memory() -> Lab {
        let lab = Lab { dir: tempfile::tempdir_in("/dev/shm").unwrap() };
        lab.run(&["init", "--no-passphrase"]).ok();
        lab
    }

    /// A home with a vault and a plain identity.
    pub fn new() -> Lab {
        let lab = Lab::empty();
        lab.run(&["init", "--no-passphrase"]).ok();
        lab
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    pub fn vault(&self) -> PathBuf {
        self.home().join("vault")
    }

    pub fn item(&self, name: &str) -> PathBuf {
        self.vault().join("items").join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(args)
            .env_clear()
            .env("HASP_HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap());
        command.current_dir(self.dir.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"", &[])
    }

    pub fn run_with(&self, args: &[&str], stdin: &[u8], env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        feed(command, stdin)
    }

    /// Runs under strace with a fault injected into one system call, in-process checks to follow;
    /// whether it succeeded.
    pub fn injected(&self, args: &[&str], stdin: &[u8], inject: &str) -> Ran {
        let call = inject.split(['=', ':']).nth(1).unwrap();
        let mut command = Command::new("strace");
        command.args([
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            &format!("trace={call}"),
            "-e",
            inject,
            binary(),
        ]);
        command
            .args(args)
            .env_clear()
            .env("HASP_HOME", self.home())
            .env("PATH", std::env::var_os("PATH").unwrap());
        command.current_dir(self.dir.path());
        feed(command, stdin)
    }

    /// What fsck finds, in this process.
    pub fn findings(&self) -> Vec<String> {
        let findings = hasp_vault::fsck(&self.open().unwrap()).unwrap();
        findings.into_iter().map(|f| format!("{}: {}", f.code, f.message)).collect()
    }

    /// The recipients in the verified settings.
    pub fn recipients(&self) -> Vec<String> {
        self.open().unwrap().settings().recipients.iter().map(ToString::to_string).collect()
    }

    pub fn set(&self, name: &str, value: &[u8]) {
        self.run_with(&["set", name, "--keep-newline"], value, &[]).ok();
    }

    /// The value of a secret as `reveal --force` prints it; `None` if it is refused.
    pub fn value(&self, name: &str) -> Option<Vec<u8>> {
        let ran = self.run(&["reveal", name, "--force"]);
        (ran.status == 0).then_some(ran.stdout)
    }

    pub fn record(&self) -> String {
        let log =
            std::fs::read_dir(self.home().join("audit")).unwrap().next().unwrap().unwrap().path();
        std::fs::read_to_string(log.join("00000001.jsonl")).unwrap()
    }

    /// The vault through the library.
    pub fn open(&self) -> hasp_core::Result<Vault> {
        Vault::open(&Home::at(self.home()), &self.vault())
    }

    pub fn unlock(&self) -> Unlocked {
        self.open().unwrap().unlock_with(self.identity()).unwrap()
    }

    pub fn identity(&self) -> Identity {
        Identity::parse(
            Secret::copy_of(&std::fs::read(self.home().join("identity")).unwrap()).unwrap(),
        )
        .unwrap()
    }
}

/// The real hasp-vault, installed beside a hasp-grant that notes what it is asked to do.
pub struct Installed {
    pub lab: Lab,
    pub bin: PathBuf,
}

impl Installed {
    pub fn new() -> Installed {
        let installed = Installed::beside(Lab::new());
        installed.grant("echo \"$@\" >> ../asked");
        installed
    }

    /// In memory, where a flush costs nothing, beside a hasp-grant that does nothing.
    pub fn in_memory() -> Installed {
        let lab = Lab { dir: tempfile::TempDir::new_in("/dev/shm").unwrap() };
        lab.run(&["init", "--no-passphrase"]).ok();
        let installed = Installed::beside(lab);
        install("/bin/true".as_ref(), &installed.bin.join("hasp-grant"));
        installed
    }

    fn beside(lab: Lab) -> Installed {
        let bin = lab.dir.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        install(binary().as_ref(), &bin.join("hasp-vault"));
        Installed { lab, bin }
    }

    pub fn grant(&self, line: &str) {
        self.script(&self.bin.join("hasp-grant"), line);
    }

    /// A shell script that runs in its own directory.
    pub fn script(&self, path: &Path, line: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(path, format!("#!/bin/sh\ncd \"$(dirname \"$0\")\"\n{line}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join("hasp-vault"));
        command
            .args(args)
            .env_clear()
            .env("HASP_HOME", self.lab.home())
            .env("PATH", "/usr/bin:/bin");
        command.env("USER", "alice").current_dir(self.lab.dir.path());
        command
    }

    pub fn run(&self, args: &[&str], stdin: &[u8]) -> Ran {
        feed(self.command(args), stdin)
    }

    /// Without a terminal, and with nothing on stdin.
    pub fn detached(&self, args: &[&str]) -> Ran {
        let inner = self.command(args);
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(inner.get_program()).args(inner.get_args()).env_clear();
        command.env("HASP_HOME", self.lab.home()).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command.output().unwrap().into()
    }

    pub fn asked(&self) -> String {
        std::fs::read_to_string(self.lab.dir.path().join("asked")).unwrap_or_default()
    }
}

/// Runs a command with this on its stdin.
pub fn feed(mut command: Command, stdin: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // A child that refuses early closes its end: that is no failure of the test.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    out.into()
}

pub fn write_private(path: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

/// Stock age, from Debian; where it is missing, a test says so and ends, but not in CI.
pub fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{program} must be installed in CI");
    found
}

/// Says why a test ended early.
pub fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what} is not installed");
}

pub fn age(args: &[&str], stdin: &[u8]) -> Ran {
    let mut command = Command::new("age");
    command.args(args);
    feed(command, stdin)
}

/// A program on a terminal of its own, made by script(1).
pub struct Screen {
    child: Child,
    shown: Vec<u8>,
    incoming: Receiver<Vec<u8>>,
}

impl Screen {
    /// The shell command line sees the lab's home; whatever it writes to stdout or the terminal is
    /// collected.
    pub fn start(lab: &Lab, line: &str) -> Screen {
        let mut command = Command::new("script");
        command
            .args(["-qefc", line, "/dev/null"])
            .env_clear()
            .env("HASP_HOME", lab.home())
            .env("BIN", binary());
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TERM", "dumb")
            .current_dir(lab.dir.path());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut out = child.stdout.take().unwrap();
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut buffer) {
                let _ = sender.send(buffer[..read].to_vec());
            }
        });
        Screen { child, shown: Vec::new(), incoming }
    }

    /// Waits until the text was shown since the last wait.
    pub fn wait_for(&mut self, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !String::from_utf8_lossy(&self.shown).contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            let more = self.incoming.recv_timeout(left);
            self.shown.extend(more.unwrap_or_else(|_| panic!("never shown: {text}")));
        }
        // Echo is off once the prompt stands for a moment: what is typed before is flushed.
        std::thread::sleep(Duration::from_millis(100));
    }

    /// What was shown since the last typing.
    pub fn seen(&self) -> Vec<u8> {
        self.shown.clone()
    }

    pub fn type_line(&mut self, text: &str) {
        self.shown.clear();
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{text}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Everything shown since the last typing, and the exit status.
    pub fn end(mut self) -> (String, i32) {
        let status = self.child.wait().unwrap().code().unwrap();
        while let Ok(more) = self.incoming.recv_timeout(Duration::from_secs(2)) {
            self.shown.extend(more);
        }
        (String::from_utf8_lossy(&self.shown).into_owned(), status)
    }
}

/// Copies a program by another process: a child that a second test starts meanwhile would inherit
/// our descriptor, and nobody could run what is open for writing.
pub fn install(program: &Path, place: &Path) {
    assert!(Command::new("cp").arg(program).arg(place).status().unwrap().success());
}
