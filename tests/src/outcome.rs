//! What a shell line did, with the judgements that tests make of it.

use std::process::Output;

/// What a shell line did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit status as a shell sees it: 128 + n for signal n.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
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

    /// Checks that it was refused with this status and this code.
    ///
    /// # Panics
    /// If it was not, with what it said.
    #[track_caller]
    pub fn refused(&self, status: i32, code: &str) -> &Outcome {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert!(self.stderr.contains(&format!("[{code}]")), "no [{code}] in: {}", self.stderr);
        self.civil()
    }

    /// As [`Outcome::refused`], and it says what to type next.
    #[track_caller]
    pub fn refused_with_hint(&self, status: i32, code: &str) -> &Outcome {
        self.refused(status, code);
        assert!(self.stderr.contains("hint: "), "no hint in: {}", self.stderr);
        self
    }

    /// Checks that nothing panicked, whatever else happened.
    #[track_caller]
    pub fn civil(&self) -> &Outcome {
        for sign in ["panicked at", "RUST_BACKTRACE", "[bug]"] {
            assert!(!self.stderr.contains(sign), "{}", self.stderr);
        }
        assert!(self.status != 70 && self.status != 101, "{}", self.stderr);
        self
    }

    /// The code in brackets that ends the error, which may show an excerpt of a file before.
    pub fn code(&self) -> &str {
        let mut lines = self.stderr.lines().skip_while(|l| !l.contains(": error: "));
        let is_code = |code: &&str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let ended = lines.find_map(|l| {
            l.strip_suffix(']')?.rsplit_once(" [").map(|(_, code)| code).filter(is_code)
        });
        ended.unwrap_or_default()
    }

    /// Its standard output as JSON, one object a line.
    #[track_caller]
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.ok()
            .lines()
            .map(|l| serde_json::from_str(l).expect("one JSON object a line"))
            .collect()
    }
}
