//! What a program prints, until it ends. What it leaves running may hold its output open for ever,
//! and is not waited for.

use std::os::fd::AsFd;
use std::process::{Child, ChildStdout, ExitStatus};
use std::time::Duration;

use hasp_core::platform;
use hasp_core::text::printable;
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
    /// What it left running, if that still holds its output.
    pub left: Option<Left>,
}

/// Processes that outlive a program and hold its output.
#[derive(Debug, PartialEq, Eq)]
pub struct Left(Vec<(u32, String)>);

/// The most that are named.
const NAMED: usize = 4;

impl Left {
    /// Those that hold the other end of this pipe, as far as they can be seen.
    fn holders(pipe: &ChildStdout) -> Left {
        let pids =
            platform::file_id(pipe).map_or_else(|_| Vec::new(), |id| platform::holders(&[id]));
        let name = |pid| platform::process(pid).map_or_else(String::new, |p| printable(&p.name));
        Left(pids.into_iter().map(|pid| (pid, name(pid))).collect())
    }
}

impl std::fmt::Display for Left {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let named = self.0.iter().take(NAMED).map(|(pid, name)| match name.is_empty() {
            true => format!("process {pid}"),
            false => format!("{name} (process {pid})"),
        });
        let mut named: Vec<String> = named.collect();
        match self.0.len() {
            0 => return f.write_str("something that cannot be seen"),
            count if count > NAMED => named.push(format!("{} more", count - NAMED)),
            _ => {}
        }
        f.write_str(&named.join(", "))
    }
}

/// Reads what a program with a piped stdout prints, at most `limit` bytes, and waits for its end.
///
/// # Errors
/// `[value-too-large]`, after which it is killed, and those of reading.
pub fn capture(mut child: Child, limit: usize) -> Result<Captured> {
    let out = child.stdout.take().ok_or_else(|| Error::bug("a piped child has no stdout"))?;
    let mut tail = Tail::of(&mut child, &out);
    let output = Secret::read_from(&mut tail, limit);
    let Tail { ended, left, .. } = tail;
    if output.is_err() {
        let _ = child.kill();
    }
    let waited = || child.wait().map_err(|e| Error::system("wait for a program", e));
    let status = ended.map_or_else(waited, Ok)?;
    Ok(Captured { output: output?, status, left })
}

/// The output of a program up to its end, as a reader.
pub struct Tail<'a> {
    child: &'a mut Child,
    out: &'a ChildStdout,
    ended: Option<ExitStatus>,
    left: Option<Left>,
}

impl<'a> Tail<'a> {
    /// What this child prints from now on, whose stdout this is.
    pub fn of(child: &'a mut Child, out: &'a ChildStdout) -> Tail<'a> {
        Tail { child, out, ended: None, left: None }
    }

    /// Whether something is there to be read, its end included, within this time.
    fn ready(&self, within: Duration) -> std::io::Result<bool> {
        let within = Timespec::try_from(within).map_err(std::io::Error::other)?;
        let mut fds = [PollFd::new(self.out, PollFlags::IN)];
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
                self.left = Some(Left::holders(self.out));
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
        assert!(captured.status.code() == Some(3) && captured.left.is_none());
        let large = run("head -c 300000 /dev/zero", 300_000).unwrap();
        assert_eq!(large.output.len(), 300_000);
        assert!(run("head -c 300 /dev/zero; sleep 60", 100).is_err());
    }

    #[test]
    fn what_it_leaves_running_is_not_waited_for() {
        let began = Instant::now();
        let captured = run("printf value; sleep 60 & exec sleep 0.1", 100).unwrap();
        assert!(captured.output.expose() == b"value");
        let left = captured.left.unwrap();
        let (pid, name) = &left.0[0];
        assert!(left.0.len() == 1 && name == "sleep", "{left}");
        assert_eq!(left.to_string(), format!("sleep (process {pid})"));
        let pid = rustix::process::Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
