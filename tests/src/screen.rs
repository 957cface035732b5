//! A shell in a terminal of its own, driven through tmux as a person would.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::{DB_URL, World, tools, wait_until};

/// How long a screen may take to show what is expected.
const PATIENCE: Duration = Duration::from_secs(20);

/// A shell in a terminal, with a kept grant for any command that holds `db/url` in `DB`.
pub struct Screen {
    /// Its home and project.
    pub world: World,
    socket: String,
}

impl Screen {
    /// Opens one; the name tells it from others of this process.
    pub fn open(name: &str) -> Screen {
        let world = World::new();
        world.store("db/url", DB_URL);
        world.sh("hasp-bind add db/url").ok();
        let screen = Screen { socket: format!("hasp-{name}-{}", std::process::id()), world };
        let shell = format!(
            "cd {}; env -i PATH={}:$PATH HOME=$HOME TERM=screen LANG=C.UTF-8 HASP_HOME={} \
             HASP_RUNTIME={} PS1='ready> ' bash --norc",
            screen.world.project().display(),
            tools().display(),
            screen.world.home().display(),
            screen.world.runtime().display()
        );
        screen.tmux(&["new-session", "-d", "-s", "t", "-x", "100", "-y", "30", &shell]);
        screen.see("ready>");
        screen.enter("hasp-grant --for 1h --keep -e DB=db/url --any-command");
        screen.see("hasp-grant: kept as");
        screen.enter("clear");
        screen
    }

    /// Runs tmux on it.
    pub fn tmux(&self, args: &[&str]) -> String {
        // A client that waits for ever is a failure, not a hang.
        let mut command = Command::new("timeout");
        command.args(["30", "tmux", "-f", "/dev/null", "-L", &self.socket]);
        let output = command.args(args).output().expect("tmux");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Types a line.
    pub fn enter(&self, line: &str) {
        // A last semicolon would end tmux's own command.
        let line = line.strip_suffix(';').map_or(line.to_owned(), |rest| format!("{rest}\\;"));
        self.tmux(&["send-keys", "-t", "t", "-l", &line]);
        self.key("Enter");
    }

    /// Types a line, again after a while, until this text is on a line of its own beginning: a
    /// login flushes what was typed before it had its terminal.
    #[track_caller]
    pub fn enter_until(&self, line: &str, text: &str) {
        for _ in 0..5 {
            self.enter(line);
            if self.seen(text, Duration::from_secs(4)).is_ok() {
                return;
            }
        }
        self.see(text);
    }

    /// Presses a key by tmux's name for it.
    pub fn key(&self, key: &str) {
        self.tmux(&["send-keys", "-t", "t", key]);
    }

    /// Waits until keys are no longer made into signals there: a program reads each one itself. The
    /// shell's own editing of a line leaves them on.
    #[track_caller]
    pub fn until_raw(&self) {
        let tty = self.tmux(&["display", "-p", "-t", "t", "#{pane_tty}"]);
        let tty = std::fs::File::open(tty.trim()).expect("a terminal");
        wait_until(PATIENCE, || {
            let modes = rustix::termios::tcgetattr(&tty).expect("modes").local_modes;
            !modes.contains(rustix::termios::LocalModes::ISIG)
        });
    }

    /// What it shows now.
    pub fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-t", "t"])
    }

    /// Waits until it shows this text on a line of its own beginning.
    #[track_caller]
    pub fn see(&self, text: &str) -> String {
        let seen = self.seen(text, PATIENCE);
        seen.unwrap_or_else(|shown| panic!("no line '{text}' on the screen:\n{shown}"))
    }

    /// What is shown once the text is there, or else after this time.
    fn seen(&self, text: &str, within: Duration) -> Result<String, String> {
        let began = Instant::now();
        loop {
            let shown = self.shown();
            if shown.lines().any(|l| l.trim_start().starts_with(text)) {
                return Ok(shown);
            }
            if began.elapsed() > within {
                return Err(shown);
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
    }
}
