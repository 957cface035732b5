//! Where the child's two outputs go: to its terminal where ours go to ours, else through pipes;
//! through one pipe where both are one file, so that the order stays as it was written and a value
//! that is split over both is found.

use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;
use rustix::stdio::{stderr, stdout};
use rustix::termios::tcgetpgrp;

use hasp_core::{Error, Result, platform};
use hasp_redact::Patterns;

use crate::relay::Relay;

/// The pipes of a child that is to start.
pub(crate) struct Outputs {
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
}

impl Outputs {
    /// Gives the command its outputs; `terminal` is what it sees in the place of ours.
    pub(crate) fn arrange(command: &mut Command, terminal: Option<&OwnedFd>) -> Result<Outputs> {
        let terminal = |ours: bool| terminal.filter(|_| ours);
        let (first, second) =
            (terminal(leads_to_our_terminal(stdout())), terminal(leads_to_our_terminal(stderr())));
        let mut outputs = Outputs { stdout: None, stderr: None };
        if first.is_none() && second.is_none() && are_one_file(stdout(), stderr()) {
            let (read, write) = pipe()?;
            command.stdout(copy(&write)?).stderr(write);
            outputs.stdout = Some(read);
            return Ok(outputs);
        }
        let (out, read) = output(first)?;
        let (err, read_err) = output(second)?;
        command.stdout(out).stderr(err);
        Ok(Outputs { stdout: read, stderr: read_err })
    }

    /// Relays them once the command has started.
    pub(crate) fn relay(self, patterns: &Arc<Patterns>, relay: &mut Relay) -> Result<()> {
        if let Some(from) = self.stdout {
            relay.stream(from, stdout(), patterns)?;
        }
        match self.stderr {
            Some(from) => relay.stream(from, stderr(), patterns),
            None => Ok(()),
        }
    }
}

/// One output: the terminal, or a pipe with its reading end.
fn output(terminal: Option<&OwnedFd>) -> Result<(Stdio, Option<OwnedFd>)> {
    match terminal {
        Some(terminal) => Ok((copy(terminal)?.into(), None)),
        None => pipe().map(|(read, write)| (write.into(), Some(read))),
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    platform::pipe().map_err(|e| Error::system("make a pipe", e))
}

fn copy(descriptor: &OwnedFd) -> Result<OwnedFd> {
    descriptor.try_clone().map_err(|e| Error::system("open the command's output", e))
}

/// Whether a descriptor leads to our controlling terminal, whose foreground is ours to ask for; it
/// may be outside of our pid namespace.
pub(crate) fn leads_to_our_terminal(descriptor: impl AsFd) -> bool {
    matches!(tcgetpgrp(descriptor), Ok(_) | Err(Errno::OPNOTSUPP))
}

/// Whether two descriptors lead to one file, opened once or twice. A device may have several names.
fn are_one_file(one: impl AsFd, other: impl AsFd) -> bool {
    let device = |s: &Stat| {
        (FileType::from_raw_mode(s.st_mode) == FileType::CharacterDevice).then_some(s.st_rdev)
    };
    let (Ok(one), Ok(other)) = (fstat(one), fstat(other)) else { return false };
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
        || device(&one).is_some() && device(&one) == device(&other)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn one_file_is_recognised_however_it_was_opened() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| {
            File::options().append(true).create(true).open(dir.path().join(name)).unwrap()
        };
        let (log, again, other) = (open("log"), open("log"), open("other"));
        std::fs::hard_link(dir.path().join("log"), dir.path().join("link")).unwrap();
        let (read, write) = pipe().unwrap();
        let (_, foreign) = pipe().unwrap();
        let null = || File::open("/dev/null").unwrap();
        assert!(
            are_one_file(&log, &again)
                && are_one_file(&log, &log)
                && are_one_file(&log, open("link"))
        );
        assert!(are_one_file(&write, copy(&write).unwrap()) && are_one_file(null(), null()));
        assert!(
            !are_one_file(&log, &other)
                && !are_one_file(&write, &foreign)
                && !are_one_file(&write, &log)
        );
        assert!(!are_one_file(null(), File::open("/dev/zero").unwrap()));
        drop(read);
    }
}
