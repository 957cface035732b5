//! Servers that tests start and that end with them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{World, is_root, python, wait_until};

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of this test alone. Dropping it ends it.
pub struct Server {
    process: Child,
    stop: Signal,
}

impl Server {
    /// Starts it with its output thrown away.
    pub fn start(command: &mut Command) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server { process: command.spawn().expect("a server"), stop: Signal::TERM }
    }

    /// The same, ended by another signal.
    pub fn stopped_by(mut self, stop: Signal) -> Server {
        self.stop = stop;
        self
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), self.stop);
        let began = Instant::now();
        while began.elapsed() < PATIENCE && !matches!(self.process.try_wait(), Ok(Some(_))) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port of this machine that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

/// Waits until somebody listens at the port.
#[track_caller]
pub fn wait_for_port(port: u16) {
    wait_until(PATIENCE, || TcpStream::connect(("127.0.0.1", port)).is_ok());
}

/// A web server that opens only to a bearer token and to `user:password`, and its port (see
/// tests/data/doors.py); it serves the directory `served` beside the project.
pub fn doors(world: &World, bearer: &str, basic: &str) -> (Server, u16) {
    let served = world.beside("served");
    std::fs::create_dir_all(&served).expect("a directory");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/doors.py");
    let mut command = Command::new(python());
    command.arg(script).current_dir(served).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("python");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(format!("{bearer}\n{basic}\n").as_bytes()).expect("a reader");
    let mut port = String::new();
    BufReader::new(process.stdout.take().expect("a pipe")).read_line(&mut port).expect("a port");
    (Server { process, stop: Signal::TERM }, port.trim().parse().expect("a port"))
}

/// A daemon that lets the user of this test in with this key.
pub fn sshd(world: &World, public: &str) -> (Server, u16) {
    let port = free_port();
    let base = world.base().display();
    std::fs::write(world.beside("authorized"), format!("{public}\n")).expect("a writable place");
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {base}/host\nAuthorizedKeysFile \
         {base}/authorized\n\
         StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
    );
    std::fs::write(world.beside("sshd.conf"), config).expect("a writable place");
    world.sh("ssh-keygen -q -t ed25519 -N '' -f ../host").ok();
    if is_root() {
        // Where it leaves its privileges.
        std::fs::create_dir_all("/run/sshd").expect("a writable place");
    }
    let server = Server::start(
        Command::new("/usr/sbin/sshd").args(["-D", "-f"]).arg(world.beside("sshd.conf")),
    );
    wait_for_port(port);
    (server, port)
}

/// A PostgreSQL server with the superuser `app`, in memory: it listens at a port of this machine
/// and in a directory.
pub struct Postgres {
    _server: Server,
    directory: tempfile::TempDir,
    /// Its port.
    pub port: u16,
}

impl Postgres {
    /// Debian keeps the server's programs off PATH, one directory a version.
    fn programs() -> Option<PathBuf> {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut found: Vec<PathBuf> =
            versions.filter_map(|v| Some(v.ok()?.path().join("bin"))).collect();
        found.retain(|bin| bin.join("initdb").exists());
        found.sort();
        found.pop()
    }

    /// Whether this machine has one.
    pub fn installed() -> bool {
        Postgres::programs().is_some() || crate::skip("postgresql is not installed")
    }

    /// Starts one. It refuses to run as root, and becomes nobody then.
    pub fn start(password: &str) -> Postgres {
        let programs = Postgres::programs().expect("a server");
        let directory = tempfile::TempDir::new_in("/dev/shm").expect("a directory in memory");
        let place = directory.path().display().to_string();
        std::fs::write(directory.path().join("password"), password).expect("a file");
        if is_root() {
            let owner = Command::new("chown").args(["-R", "nobody", &place]).status();
            assert!(owner.expect("chown").success());
        }
        let data = format!("{place}/data");
        let mut make = Postgres::command(&programs.join("initdb"));
        make.args(["--no-sync", "-U", "app", "-A", "scram-sha-256", "-D", &data]);
        let made = make.args(["--pwfile", &format!("{place}/password")]).output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let mut serve = Postgres::command(&programs.join("postgres"));
        serve.args(["-D", &data, "-k", &place, "-h", "127.0.0.1", "-F", "-p", &port.to_string()]);
        let server = Server::start(&mut serve).stopped_by(Signal::QUIT);
        wait_until(PATIENCE, || {
            std::fs::read_to_string(format!("{data}/postmaster.pid"))
                .is_ok_and(|t| t.contains("ready"))
        });
        Postgres { _server: server, directory, port }
    }

    /// Where its socket is.
    pub fn socket(&self) -> String {
        self.directory.path().display().to_string()
    }

    fn command(program: &std::path::Path) -> Command {
        let mut command = Command::new("setpriv");
        if is_root() {
            command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]);
        }
        command.arg(program).current_dir("/").env("LC_ALL", "C.UTF-8");
        command
    }
}
