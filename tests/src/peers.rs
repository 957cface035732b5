//! Programs we did not write, and what tests need of the machine: missing, they fail in CI and
//! skip, saying so, elsewhere.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whether a peer program is there. Its absence fails in CI and skips, saying so, elsewhere.
///
/// # Panics
/// In CI, if it is missing.
pub fn peer(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", "command -v \"$1\"", "sh", program])
        .stdout(Stdio::null())
        .status();
    let found = found.is_ok_and(|s| s.success());
    found || skip(&format!("{program} is not installed"))
}

/// Says why a test is skipped: false.
///
/// # Panics
/// In CI, where nothing may be missing.
pub fn skip(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none(), "{why}: .ci/run installs what the tests need");
    say(&format!("skipped: {why}"));
    false
}

/// Whether this test may mount, add users and change owners.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A Python that may have packages which the system's does not.
pub fn python() -> String {
    std::env::var("HASP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// A program with words, its output caught.
pub fn command(program: &str, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Polls until it is so.
///
/// # Panics
/// If it is not so after the given time.
#[track_caller]
pub fn wait_until(limit: Duration, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < limit, "still not so after {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Prints a line for whoever runs the tests.
pub fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
