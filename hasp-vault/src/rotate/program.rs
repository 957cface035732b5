//! The programs of a rotation. Each gets a value on descriptor 3, in a sealed memory file, and a
//! small environment without anything of hasp's: the name of the secret travels in it, a value
//! never.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;

use hasp_core::output::write_all;
use hasp_core::platform::{self, BeforeExec, Image};
use hasp_core::secret::MAX_VALUE;
use hasp_core::{Code, Environ, Error, Kind, Result, Secret, SecretName, cause_text};

use crate::captured::{Left, capture};
use crate::code;
use crate::format::rotation::Program;
use crate::trusted;

/// The descriptor of the value.
const VALUE: i32 = 3;
/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Gets the old value, writes the new one to stdout.
    Run,
    /// Gets the new value and says whether it works.
    Test,
    /// Gets the old value and takes it back at the provider.
    Retire,
}

impl Step {
    /// The word in options, records and the program's environment.
    pub fn as_str(self) -> &'static str {
        match self {
            Step::Run => "run",
            Step::Test => "test",
            Step::Retire => "retire",
        }
    }

    fn failed(self) -> Code {
        match self {
            Step::Run => code::PROGRAM_FAILED,
            Step::Test => code::TEST_FAILED,
            Step::Retire => code::RETIRE_FAILED,
        }
    }
}

/// One run of a program.
pub struct Job<'a> {
    /// What for.
    pub step: Step,
    /// Which.
    pub program: &'a Program,
    /// For which secret.
    pub name: &'a SecretName,
    /// The version whose value it gets.
    pub version: u32,
}

/// What a program made.
pub struct Made {
    /// The new value.
    pub value: Secret,
    /// What it left running, if that still holds its output.
    pub left: Option<Left>,
}

impl Job<'_> {
    /// Refuses a program that others can change, or that is not there.
    ///
    /// # Errors
    /// `[program-untrusted]`.
    pub fn check(&self) -> Result<()> {
        self.find().map(drop)
    }

    /// What is run: the path that was looked at, and not the name, which may lead elsewhere a
    /// moment later.
    fn find(&self) -> Result<PathBuf> {
        trusted::find(self.program.path()).map_err(|why| {
            Error::new(
                Kind::Denied,
                code::PROGRAM_UNTRUSTED,
                format!("{} is not run: {why}", self.program),
            )
            .hint(
                "only you or root may be able to change the program and every directory and \
                 link on the way to it",
            )
        })
    }

    /// Runs it with this value on descriptor 3; what it prints goes to our stderr.
    ///
    /// # Errors
    /// `[test-failed]`, `[retire-failed]`, `[program-untrusted]`, `[program-unusable]`,
    /// `[no-memfd]`.
    pub fn tell(&self, value: &Secret, env: &Environ) -> Result<()> {
        let stderr = platform::duplicate(2).map_err(|e| Error::system("run a program", e))?;
        let mut child = self.spawn(value, Stdio::from(stderr), env)?;
        let status = child.wait().map_err(|e| Error::system("wait for a program", e))?;
        self.judge(status)
    }

    /// As [`Job::tell`], and reads a new value from what it prints. Nothing is taken from a program
    /// that failed.
    ///
    /// # Errors
    /// `[program-failed]`, `[value-too-large]`.
    pub fn ask(&self, value: &Secret, env: &Environ) -> Result<Made> {
        let child = self.spawn(value, Stdio::piped(), env)?;
        // Two bytes more than a value may have: the newline that may be dropped.
        let captured = capture(child, MAX_VALUE + 2)?;
        self.judge(captured.status).map(|()| Made { value: captured.output, left: captured.left })
    }

    fn spawn(&self, value: &Secret, stdout: Stdio, env: &Environ) -> Result<Child> {
        let found = self.find()?;
        // What our caller left open (a passphrase, a token) is not for the program.
        platform::withhold_descriptors();
        // Made last, it has the lowest free number: 3 is it, or was taken before.
        let sealed = readable(value)?;
        let mut command = Command::new(&found);
        command.stdin(Stdio::null()).stdout(stdout);
        // Executed by ourselves: std's execvp would run a file that is no program as a script of
        // sh.
        let image = Some(self.image(&found, env)?);
        let descriptor = Some((sealed, VALUE));
        // Without our terminal, into which it could type. ^C reaches us alone then, and our end is
        // its end.
        let parent_death = Some(Signal::TERM);
        BeforeExec { image, descriptor, own_session: true, parent_death, ..BeforeExec::default() }
            .install(&mut command)
            .map_err(|e| Error::system("run a program", e))?;
        command.spawn().map_err(|e| {
            let why = cause_text(&e);
            Error::new(
                Kind::Denied,
                code::PROGRAM_UNUSABLE,
                format!("{} cannot be run: {why}", self.program),
            )
            .hint("it must be executable, and begin with #! if it is a script")
        })
    }

    /// The program, the name it was given as its only word, and its environment.
    fn image(&self, found: &Path, env: &Environ) -> Result<Image> {
        let version = self.version.to_string();
        let own = [
            ("ROTATE_NAME", self.name.as_str()),
            ("ROTATE_STEP", self.step.as_str()),
            ("ROTATE_VERSION", &version),
        ];
        let kept = trusted::KEPT
            .iter()
            .filter_map(|n| env.raw(OsStr::new(n)).map(|v| (OsStr::new(*n), v)));
        let vars = kept.chain(own.iter().map(|(n, v)| (OsStr::new(*n), OsStr::new(*v))));
        Image::new(found.as_os_str(), [self.program.as_ref()], vars, None::<Secret>)
            .ok_or_else(|| Error::bug("a path or a variable holds a NUL byte"))
    }

    fn judge(&self, status: ExitStatus) -> Result<()> {
        let how = match (status.code(), status.signal()) {
            (Some(0), _) => return Ok(()),
            (Some(code), _) => format!("ended with status {code}"),
            (None, Some(signal)) => format!("was killed by signal {signal}"),
            (None, None) => "did not end well".to_owned(),
        };
        Err(Error::new(
            Kind::Io,
            self.step.failed(),
            format!("{}: {} {how}", self.name, self.program),
        ))
    }
}

/// What the program reads the value from: a memory file, or a pipe where there are none.
fn readable(value: &Secret) -> Result<OwnedFd> {
    let made = platform::memory_file(value.expose());
    if let Some(file) = made.map_err(|e| Error::system("make a memory file", e))? {
        return Ok(file);
    }
    let (reader, writer) = platform::pipe().map_err(|e| Error::system("make a pipe", e))?;
    let value = Secret::copy_of(value.expose())?;
    // It ends when the value is read, or when nobody reads it any more.
    let write = move || drop(write_all(&writer, value.expose()));
    let thread = std::thread::Builder::new().spawn(write);
    thread.map_err(|e| Error::system("start a thread", e))?;
    Ok(reader)
}
