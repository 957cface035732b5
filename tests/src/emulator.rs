//! A terminal emulator with a shell in it: what a person would see, cell by cell, so that two runs
//! of a program can be compared.

use std::io::Write as _;
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// How long a screen may take to show what is expected.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a screen must be silent to count as drawn.
const QUIET: Duration = Duration::from_millis(400);
/// How often it is looked at.
const PAUSE: Duration = Duration::from_millis(10);

/// Columns and rows.
pub type Size = (u16, u16);

/// A shell on a terminal that is emulated here. Dropping it hangs the terminal up.
pub struct Emulator {
    master: OwnedFd,
    drawn: Arc<Mutex<Drawn>>,
    shell: Child,
}

/// What has arrived so far.
struct Drawn {
    terminal: vt100::Parser,
    changed: Instant,
}

impl Emulator {
    /// Starts `program`, with its words and its environment, as the leader of a new terminal of
    /// this size.
    ///
    /// # Panics
    /// If there is no terminal to be had.
    pub fn start(program: &Command, (columns, rows): Size) -> Emulator {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name").into_string().expect("a path");
        let terminal = vt100::Parser::new(cells(rows), cells(columns), 0);
        let emulator = Emulator {
            drawn: Arc::new(Mutex::new(Drawn { terminal, changed: Instant::now() })),
            shell: leader(program, &name),
            master,
        };
        emulator.set_size((columns, rows));
        emulator.listen();
        emulator
    }

    /// Draws what arrives, until the terminal is hung up.
    fn listen(&self) {
        let from = self.master.try_clone().expect("a descriptor");
        let drawn = Arc::downgrade(&self.drawn);
        std::thread::spawn(move || {
            let mut bytes = [0; 64 * 1024];
            while let Ok(read @ 1..) =
                rustix::io::retry_on_intr(|| rustix::io::read(&from, &mut bytes))
            {
                let Some(drawn) = drawn.upgrade() else { return };
                let mut drawn = drawn.lock().expect("no panic holds it");
                drawn.terminal.process(&bytes[..read]);
                drawn.changed = Instant::now();
            }
        });
    }

    fn set_size(&self, (columns, rows): Size) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).expect("a size");
    }

    /// Gives the window another size.
    pub fn resize(&self, (columns, rows): Size) {
        let mut drawn = self.drawn();
        drawn.terminal.screen_mut().set_size(cells(rows), cells(columns));
        drawn.changed = Instant::now();
        self.set_size((columns, rows));
    }

    /// Types these bytes.
    pub fn keys(&self, keys: &str) {
        // What was silent before says nothing of what these keys lead to.
        self.drawn().changed = Instant::now();
        let mut rest = keys.as_bytes();
        while !rest.is_empty() {
            let written = rustix::io::retry_on_intr(|| rustix::io::write(&self.master, rest))
                .expect("a terminal");
            rest = &rest[written..];
        }
    }

    /// The lines of the screen, without blanks at their ends.
    pub fn shown(&self) -> Vec<String> {
        let drawn = self.drawn();
        let columns = drawn.terminal.screen().size().1;
        drawn
            .terminal
            .screen()
            .rows(0, columns.get())
            .map(|row| row.trim_end().to_owned())
            .collect()
    }

    /// Waits until the screen shows this text and then stays as it is for a while.
    ///
    /// # Errors
    /// What is shown when patience ends.
    pub fn settled(&self, text: &str) -> Result<Vec<String>, Vec<String>> {
        self.wait(|shown, silent| silent >= QUIET && shown.iter().any(|line| line.contains(text)))
    }

    /// Waits until the line with the cursor is this one, and then stays as it is for a while.
    ///
    /// # Errors
    /// What is shown when patience ends.
    pub fn at_prompt(&self, prompt: &str) -> Result<Vec<String>, Vec<String>> {
        let row = || usize::from(self.drawn().terminal.screen().cursor_position().0);
        self.wait(|shown, silent| {
            silent >= QUIET && shown.get(row()).is_some_and(|line| line == prompt)
        })
    }

    /// Waits until the screen is so.
    ///
    /// # Errors
    /// What is shown when patience ends.
    pub fn becomes(&self, so: impl Fn(&[String]) -> bool) -> Result<Vec<String>, Vec<String>> {
        self.wait(|shown, _| so(shown))
    }

    fn wait(&self, so: impl Fn(&[String], Duration) -> bool) -> Result<Vec<String>, Vec<String>> {
        let began = Instant::now();
        loop {
            let silent = self.drawn().changed.elapsed();
            let shown = self.shown();
            if so(&shown, silent) {
                return Ok(shown);
            }
            if began.elapsed() > PATIENCE {
                return Err(shown);
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn drawn(&self) -> MutexGuard<'_, Drawn> {
        self.drawn.lock().expect("no panic holds it")
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn cells(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).expect("a terminal has rows and columns")
}

/// The program as leader of a session with the terminal of this name.
fn leader(program: &Command, terminal: &str) -> Child {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::open(terminal, flags, Mode::empty()).expect("the terminal's other side");
    let side = || Stdio::from(file.try_clone().expect("a descriptor"));
    let mut command = Command::new("setsid");
    command.arg("--ctty").arg(program.get_program()).args(program.get_args());
    command.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(program.get_current_dir().expect("a directory"));
    command.stdin(side()).stdout(side()).stderr(side()).spawn().expect("setsid")
}

/// Two screens side by side where they differ, for a failed test.
pub fn difference(one: &[String], other: &[String]) -> String {
    let mut text = Vec::new();
    let empty = String::new();
    for row in 0..one.len().max(other.len()) {
        let (left, right) = (one.get(row).unwrap_or(&empty), other.get(row).unwrap_or(&empty));
        if left != right {
            let _ = writeln!(text, "  row {row}\n    {left:?}\n    {right:?}");
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}
