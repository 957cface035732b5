//! A person at a terminal, played by a program: what is shown there, byte for byte, when keys come
//! at a given moment.

use crate::World;

/// What the player types and waits for.
const PLAYER: &str = include_str!("../tests/data/typist.py");

/// What was shown on a terminal, and how the line ended.
#[derive(Debug)]
pub struct Shown {
    /// Everything, also what was echoed.
    pub text: String,
    /// The status of the line.
    pub status: i64,
}

impl World {
    /// Runs a line of bash, with job control, on a terminal of its own; the steps are those that
    /// the player's file explains.
    ///
    /// # Panics
    /// If a step did not come about.
    #[track_caller]
    pub fn type_at(&self, line: &str, steps: &[&str]) -> Shown {
        std::fs::write(self.beside("typist.py"), PLAYER).expect("a file");
        let mut command = self.command("timeout");
        command.args(["--kill-after=1", "150", "python3", "../typist.py", line]).args(steps);
        let output = command.output().expect("python3");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}: {said}");
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        Shown {
            text: object["shown"].as_str().unwrap_or_default().to_owned(),
            status: object["status"].as_i64().unwrap_or(-1),
        }
    }
}

impl Shown {
    /// Checks that this was shown.
    ///
    /// # Panics
    /// If it was not.
    #[track_caller]
    pub fn has(&self, text: &str) -> &Shown {
        assert!(self.text.contains(text), "no '{text}' in:\n{}", self.text);
        self
    }

    /// Checks that this was not shown.
    ///
    /// # Panics
    /// If it was.
    #[track_caller]
    pub fn has_not(&self, text: &str) -> &Shown {
        assert!(!self.text.contains(text), "'{text}' in:\n{}", self.text);
        self
    }
}
