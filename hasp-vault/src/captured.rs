//! What a program prints, until it ends. What it leaves running may hold its output open for ever,
//! and is not waited for.

use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, ExitStatus};
use std::time::Duration;

use hasp_core::{Error, Result, Secret};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long nothing may come before it is asked whether the program still runs.
const GLANCE: Duration = Duration::from_millis(20);
/// How long after its end something may still be on its way: as hasp-exec has it.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a program printed.
pub struct Captured {
    /// Its output.
    pub output: Secret,
    /// How it ended.
    pub status: ExitStatus,
    /// Whether something that it left running still holds its output.
    pub held: bool,
}

/// Reads what a program with a piped stdout prints, at most `limit` bytes, and waits for its end.
///
/// # Errors
/// `[value-too-large]`, after which it is killed, and those of reading.
pub fn capture(mut child: Child, limit: usize) -> Result<Captured> {
    let out = child.stdout.take().ok_or_else(|| Error::bug("a piped child has no stdout"))?;
    let mut tail = Tail { child: &mut child, out, ended: None, held: false };
    let output = Secret::read_from(&mut tail, limit);
    let Tail { ended, held, .. } = tail;
    if output.is_err() {
        let _ = child.kill();
    }
    let waited = || child.wait().map_err(|e| Error::system("wait for a program", e));
    let status = ended.map_or_else(waited, Ok)?;
    Ok(Captured { output: output?, status, held })
}

/// The output of a program up to its end, as a reader.
struct Tail<'a> {
    child: &'a mut Child,
    out: ChildStdout,
    ended: Option<ExitStatus>,
    held: bool,
}

impl Tail<'_> {
    /// Whether something is there to be read, its end included, within this time.
    fn ready(&self, within: Duration) -> std::io::Result<bool> {
        let within = Timespec::try_from(within).map_err(std::io::Error::other)?;
        let mut fds = [PollFd::new(&self.out, PollFlags::IN)];
        match poll(&mut fds, Some(&within)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

impl std::io::Read for Tail<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while !self.ready(if self.ended.is_some() { PATIENCE } else { GLANCE })? {
            if self.ended.is_some() {
                self.held = true;
                return Ok(0);
            }
            self.ended = self.child.try_wait()?;
        }
        Ok(rustix::io::read(self.out.as_fd(), buffer)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    fn run(script: &str, limit: usize) -> Result<Captured> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped());
        capture(command.spawn().unwrap(), limit)
    }

    #[test]
    fn a_program_that_ends_is_read_to_its_end() {
        let captured = run("printf one; sleep 0.1; printf two; exit 3", 100).unwrap();
        assert_eq!(captured.output.expose(), b"onetwo");
        assert!(captured.status.code() == Some(3) && !captured.held);
        let large = run("head -c 300000 /dev/zero", 300_000).unwrap();
        assert_eq!(large.output.len(), 300_000);
        assert!(run("head -c 300 /dev/zero; sleep 60", 100).is_err());
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        let began = Instant::now();
        let captured = run("printf value; sleep 60 & echo $! >&2", 100).unwrap();
        assert!(captured.held && captured.output.expose() == b"value");
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
