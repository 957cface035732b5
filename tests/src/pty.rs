//! A terminal of our own making, with a session on it, that a test can read byte for byte and
//! close; and the processes that are left of it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hasp_core::platform::BeforeExec;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::World;

/// How long a terminal may take to show what is expected.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal, and a process that leads a session on it.
pub struct Pty {
    leader: File,
    seen: Vec<u8>,
    /// Who leads the session.
    pub child: Child,
}

impl Pty {
    /// A new terminal with this program in the world's project.
    pub fn start(world: &World, program: &str, words: &[&str]) -> Pty {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let leader = openpt(flags).expect("a terminal");
        grantpt(&leader).and_then(|()| unlockpt(&leader)).expect("a terminal");
        rustix::io::ioctl_fionbio(&leader, true).expect("a terminal that does not block");
        let follower = ioctl_tiocgptpeer(&leader, flags).expect("a terminal");
        resize(&leader, 100, 30);
        let mut command = world.command(program);
        let stream = || Stdio::from(follower.try_clone().expect("a descriptor"));
        command.args(words).env("TERM", "xterm").stdin(stream()).stdout(stream()).stderr(stream());
        BeforeExec { terminal: Some(follower), ..BeforeExec::default() }
            .install(&mut command)
            .expect("a start");
        let child = command.spawn().expect("a program");
        Pty { leader: File::from(leader), seen: Vec::new(), child }
    }

    /// All that was written to it so far.
    pub fn shown(&mut self) -> String {
        let mut chunk = [0; 65536];
        while let Ok(count @ 1..) = self.leader.read(&mut chunk) {
            self.seen.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Waits until this text was written to it.
    #[track_caller]
    pub fn see(&mut self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let shown = self.shown();
            if shown.contains(text) {
                return shown;
            }
            assert!(began.elapsed() < PATIENCE, "no {text:?} in {shown:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.leader.write_all(keys.as_bytes()).expect("a terminal that takes keys");
    }

    /// Gives it another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        resize(&self.leader, columns, rows);
    }

    /// Reads until the session's leader has ended: its status, and all that was written.
    #[track_caller]
    pub fn end(mut self) -> (i32, String) {
        let began = Instant::now();
        loop {
            let shown = self.shown();
            if let Some(status) = self.child.try_wait().expect("a child") {
                let rest = self.shown();
                return (status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)), rest);
            }
            assert!(began.elapsed() < PATIENCE, "it does not end: {shown:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Closes the terminal; the leader of its session may still run.
    pub fn close(self) -> Child {
        self.child
    }
}

fn resize(leader: impl std::os::fd::AsFd, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(leader, size).expect("a size");
}

/// The processes that run in this directory, by number and words.
pub fn running_in(directory: &Path) -> Vec<(i32, String)> {
    processes()
        .filter(|(path, _)| path.join("cwd").read_link().is_ok_and(|d| d == directory))
        .filter_map(runs)
        .collect()
}

/// Every process: its directory below /proc and its number.
pub fn processes() -> impl Iterator<Item = (PathBuf, i32)> {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries.filter_map(|e| Some((e.path(), e.file_name().to_str()?.parse().ok()?)))
}

/// Its number and words, unless it has ended and only waits to be reaped.
fn runs((path, number): (PathBuf, i32)) -> Option<(i32, String)> {
    let stat = std::fs::read_to_string(path.join("stat")).ok()?;
    let ended = stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with(['Z', 'X']));
    let words = std::fs::read(path.join("cmdline")).ok()?;
    (!ended).then(|| (number, String::from_utf8_lossy(&words).replace('\0', " ")))
}

/// A number below this one that differs from run to run.
pub fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("random bytes");
    u64::from_ne_bytes(bytes) % below
}
