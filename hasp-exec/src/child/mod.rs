//! The child process: exactly the approved program, words, directory and environment, and no
//! descriptor that was not meant for it.

pub mod ending;
pub mod environment;
pub mod reap;
pub mod signals;
pub mod stdin;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::fs::Mode;

use hasp_core::descriptors::Sources;
use hasp_core::system::{self, BeforeExec, Image};
use hasp_core::text::printable_path;
use hasp_core::{Environ, Error, Kind, Result, Secret, cause_text, memory};
use hasp_grant::inherited_jobserver;

use crate::cli::Cli;

/// Everything that decides what the child is.
pub struct Plan<'a> {
    /// The absolute program.
    pub program: &'a Path,
    /// Its words, `argv[0]` first.
    pub argv: &'a [OsString],
    /// Where it runs.
    pub dir: &'a Path,
    /// Its environment, but for the values.
    pub vars: BTreeMap<OsString, OsString>,
    /// Variables with values: `NAME=VALUE` and a NUL byte each, in one place that is erased when
    /// the child has started.
    pub values: Option<Secret>,
    /// Descriptors that it inherits besides 0 to 2.
    pub pass: Vec<RawFd>,
    /// Whether it may gain privileges.
    pub no_new_privs: bool,
    /// Its umask.
    pub umask: Mode,
}

/// The command of the plan with our own standard streams, which the caller may replace. Its words
/// and its environment are those of the image that [`spawn`] makes: std would keep copies.
pub fn command(plan: &Plan<'_>) -> Command {
    let mut command = Command::new(plan.program);
    command.current_dir(plan.dir).env_clear();
    command
}

/// Starts the child with exactly the descriptors of the plan.
///
/// # Errors
/// `[cannot-execute]` (126) for what only execve can find: a broken ELF, a missing interpreter, too
/// many words. `[fd-closed]`.
pub fn spawn(mut command: Command, mut plan: Plan<'_>, before: BeforeExec) -> Result<Child> {
    let values = plan.values.take();
    let words = plan.argv.iter().map(OsString::as_os_str);
    let vars = plan.vars.iter().map(|(n, v)| (n.as_os_str(), v.as_os_str()));
    let image = Image::new(plan.program.as_os_str(), words, vars, values);
    let image = Some(image.ok_or_else(|| Error::bug("a word or a variable holds a NUL byte"))?);
    let before = BeforeExec {
        image,
        umask: Some(plan.umask),
        no_new_privileges: plan.no_new_privs,
        ..before
    };
    before.install(&mut command);
    pass_only(&plan.pass)?;
    let child = command.spawn();
    // The values go with it, and then what the work on them has left on the stack.
    drop(command);
    memory::wipe_stack();
    child.map_err(|e| refused(&plan, &e))
}

/// Drops what is inherited under the name of a delivered value: of a name that is given twice,
/// getenv(3) sees the first.
pub fn drop_named(vars: &mut BTreeMap<OsString, OsString>, values: Option<&Secret>) {
    let block = values.map(Secret::expose).unwrap_or_default();
    for entry in block.split(|b| *b == 0) {
        let name = entry.split(|b| *b == b'=').next().unwrap_or_default();
        vars.remove(OsStr::from_bytes(name));
    }
}

/// Lets a child inherit these descriptors and 0 to 2, and nothing else that is open, whoever opened
/// it.
pub fn pass_only(descriptors: &[RawFd]) -> Result<()> {
    system::withhold_descriptors();
    for descriptor in descriptors {
        system::set_inherited(*descriptor, true).map_err(|_| fd_closed(*descriptor))?;
    }
    Ok(())
}

fn fd_closed(number: RawFd) -> Error {
    Error::new(Kind::Usage, "fd-closed", format!("descriptor {number} is not open"))
        .hint(format!("open it in the shell: {number}<FILE after the command"))
}

/// The descriptors that our caller meant for the child: asked before anything of ours is open, so
/// that a number names what the caller opened and nothing else. None of them holds what a source of
/// ours names.
///
/// # Errors
/// `[fd-closed]` for a number of `--pass-fd` that is not open, `[fd-source]` for one that a source
/// names.
pub fn passed(cli: &Cli, env: &Environ) -> Result<Vec<RawFd>> {
    let mut sources = Sources::of(env);
    cli.grant.iter().for_each(|word| sources.add_word(word));
    cli.status_fd.iter().for_each(|number| sources.add(*number));
    for number in &cli.pass_fd {
        system::duplicate(*number).map_err(|_| fd_closed(*number))?;
        if sources.hold(*number) {
            return Err(fd_source(*number));
        }
    }
    Ok(cli.pass_fd.iter().copied().chain(inherited_jobserver(env, &sources)).collect())
}

fn fd_source(number: RawFd) -> Error {
    let message = format!(
        "descriptor {number} is one that hasp-exec itself uses: the token's, another source's or the status's"
    );
    Error::new(Kind::Usage, "fd-source", message).hint(format!(
        "leave out --pass-fd {number}, or open what the command is to have under another number"
    ))
}

fn refused(plan: &Plan<'_>, cause: &std::io::Error) -> Error {
    let program = printable_path(plan.program);
    if !plan.dir.is_dir() {
        let dir = printable_path(plan.dir);
        return Error::new(
            Kind::Denied,
            "dir-missing",
            format!("the approved directory {dir} is not there"),
        );
    }
    let why = match rustix::io::Errno::from_io_error(cause) {
        Some(rustix::io::Errno::TOOBIG) => {
            "its words and environment are too long for this kernel".to_owned()
        }
        Some(rustix::io::Errno::NOEXEC) => {
            "it is not a program that this machine can run".to_owned()
        }
        Some(rustix::io::Errno::NOENT) => {
            "the interpreter or loader that it names is missing".to_owned()
        }
        _ => cause_text(cause),
    };
    Error::new(Kind::NotExecutable, "cannot-execute", format!("cannot execute {program}: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::os::fd::AsRawFd;

    fn asked(words: &[&str], flags: &str) -> std::result::Result<Vec<RawFd>, &'static str> {
        let environ: Environ =
            [(OsString::from("MAKEFLAGS"), OsString::from(flags))].into_iter().collect();
        let cli = Cli::try_parse_from(["hasp-exec"].iter().chain(words)).unwrap();
        passed(&cli, &environ).map_err(|e| e.code().as_str())
    }

    #[test]
    fn the_jobserver_of_make_is_passed_and_no_source() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let (read, write) = (read.as_raw_fd(), write.as_raw_fd());
        let flags = format!(" -j4 --jobserver-auth={read},{write} -- X=1");
        assert_eq!(asked(&[], &flags), Ok(vec![read, write]));
        assert_eq!(asked(&["-g", &format!("fd:{read}")], &flags), Ok(vec![]));
        assert_eq!(asked(&["--status-fd", &write.to_string()], &flags), Ok(vec![]));
    }

    #[test]
    fn what_is_asked_for_is_open_and_no_source() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let number = read.as_raw_fd().to_string();
        assert_eq!(asked(&["--pass-fd", &number], ""), Ok(vec![read.as_raw_fd()]));
        assert_eq!(asked(&["--pass-fd=-1"], ""), Err("fd-closed"));
        assert_eq!(asked(&["--pass-fd", "987"], ""), Err("fd-closed"));
        for spelling in ["fd:", "/dev/fd/", "/proc/self/fd/"] {
            for end in [&read, &write] {
                let source = format!("{spelling}{}", end.as_raw_fd());
                assert_eq!(asked(&["--pass-fd", &number, "-g", &source], ""), Err("fd-source"));
            }
        }
        assert_eq!(asked(&["--pass-fd", &number, "--status-fd", &number], ""), Err("fd-source"));
    }
}
