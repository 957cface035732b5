//! The child process: exactly the approved program, words, directory and environment, and no
//! descriptor that was not meant for it.

pub(crate) mod ending;
pub(crate) mod environment;
pub(crate) mod reap;
pub(crate) mod signals;
pub(crate) mod stdin;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::fs::Mode;

use hasp_core::descriptors::Sources;
use hasp_core::platform::{self, BeforeExec, Image};
use hasp_core::text::printable_path;
use hasp_core::{Environ, Error, Kind, Result, Secret, cause_text};
use hasp_grant::inherited_jobserver;

use crate::cli::Cli;
use crate::code;

/// Everything that decides what the child is.
pub(crate) struct ChildSpec<'a> {
    /// The absolute program.
    pub(crate) program: &'a Path,
    /// Its words, `argv[0]` first.
    pub(crate) argv: &'a [OsString],
    /// Where it runs.
    pub(crate) dir: &'a Path,
    /// Its environment, but for the values.
    pub(crate) vars: BTreeMap<OsString, OsString>,
    /// Variables with values: `NAME=VALUE` and a NUL byte each, in one place that is erased when
    /// the child has started.
    pub(crate) values: Option<Secret>,
    /// Descriptors that it inherits besides 0 to 2.
    pub(crate) pass: Vec<RawFd>,
    /// Whether it may gain privileges.
    pub(crate) no_new_privs: bool,
    /// Its umask.
    pub(crate) umask: Mode,
}

/// The command of the spec with our own standard streams, which the caller may replace. Its words
/// and its environment are those of the image that [`spawn`] makes: std would keep copies.
pub(crate) fn command(spec: &ChildSpec<'_>) -> Command {
    let mut command = Command::new(spec.program);
    command.current_dir(spec.dir).env_clear();
    command
}

/// Starts the child with exactly the descriptors of the spec.
///
/// # Errors
/// `[cannot-execute]` (126) for what only execve can find: a broken ELF, a missing interpreter, too
/// many words. `[fd-closed]`.
pub(crate) fn spawn(
    mut command: Command,
    mut spec: ChildSpec<'_>,
    before: BeforeExec,
) -> Result<Child> {
    let values = spec.values.take();
    let words = spec.argv.iter().map(OsString::as_os_str);
    let vars = spec.vars.iter().map(|(n, v)| (n.as_os_str(), v.as_os_str()));
    let image = Image::new(spec.program.as_os_str(), words, vars, values);
    let image = Some(image.ok_or_else(|| Error::bug("a word or a variable holds a NUL byte"))?);
    let before = BeforeExec {
        image,
        umask: Some(spec.umask),
        no_new_privileges: spec.no_new_privs,
        ..before
    };
    before.install(&mut command).map_err(|e| refused(&spec, &e))?;
    pass_only(&spec.pass)?;
    let child = command.spawn();
    // The values go with it, and then what the work on them has left on the stack.
    drop(command);
    platform::wipe_stack();
    child.map_err(|e| refused(&spec, &e))
}

/// Drops what is inherited under the name of a delivered value: of a name that is given twice,
/// getenv(3) sees the first.
pub(crate) fn drop_named(vars: &mut BTreeMap<OsString, OsString>, values: Option<&Secret>) {
    let block = values.map(Secret::expose).unwrap_or_default();
    for entry in block.split(|b| *b == 0) {
        let name = entry.split(|b| *b == b'=').next().unwrap_or_default();
        vars.remove(OsStr::from_bytes(name));
    }
}

/// Lets a child inherit these descriptors and 0 to 2, and nothing else that is open, whoever opened
/// it.
pub(crate) fn pass_only(descriptors: &[RawFd]) -> Result<()> {
    platform::withhold_descriptors();
    for descriptor in descriptors {
        platform::set_inherited(*descriptor, true).map_err(|_| fd_closed(*descriptor))?;
    }
    Ok(())
}

fn fd_closed(number: RawFd) -> Error {
    Error::new(Kind::Usage, hasp_core::code::FD_CLOSED, format!("descriptor {number} is not open"))
        .hint(format!("open it in the shell: {number}<FILE after the command"))
}

/// The descriptors that our caller meant for the child: asked before anything of ours is open, so
/// that a number names what the caller opened and nothing else. None of them holds what a source of
/// ours names.
///
/// # Errors
/// `[fd-closed]` for a number of `--pass-fd` that is not open, `[fd-source]` for one that a source
/// names.
pub(crate) fn passed(cli: &Cli, env: &Environ) -> Result<Vec<RawFd>> {
    let mut sources = Sources::of(env);
    cli.grant.iter().for_each(|word| sources.add_word(word));
    cli.status_fd.iter().for_each(|number| sources.add(*number));
    for number in &cli.pass_fd {
        platform::duplicate(*number).map_err(|_| fd_closed(*number))?;
        if sources.hold(*number) {
            return Err(fd_source(*number));
        }
    }
    Ok(cli.pass_fd.iter().copied().chain(inherited_jobserver(env, &sources)).collect())
}

fn fd_source(number: RawFd) -> Error {
    let message = format!(
        "descriptor {number} is one that hasp-exec itself uses: the token's, another source's or \
         the status's"
    );
    Error::new(Kind::Usage, code::FD_SOURCE, message).hint(format!(
        "leave out --pass-fd {number}, or open what the command is to have under another number"
    ))
}

fn refused(spec: &ChildSpec<'_>, cause: &std::io::Error) -> Error {
    let program = printable_path(spec.program);
    if !spec.dir.is_dir() {
        let dir = printable_path(spec.dir);
        return Error::new(
            Kind::Denied,
            hasp_grant::code::DIR_MISSING,
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
    Error::new(
        Kind::NotExecutable,
        code::CANNOT_EXECUTE,
        format!("cannot execute {program}: {why}"),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;
    use hasp_core::Code;
    use std::os::fd::AsRawFd;

    fn asked(words: &[&str], flags: &str) -> std::result::Result<Vec<RawFd>, Code> {
        let environ: Environ =
            [(OsString::from("MAKEFLAGS"), OsString::from(flags))].into_iter().collect();
        let cli = Cli::try_parse_from(["hasp-exec"].iter().chain(words)).unwrap();
        passed(&cli, &environ).map_err(|e| e.code())
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
        assert_eq!(asked(&["--pass-fd=-1"], ""), Err(hasp_core::code::FD_CLOSED));
        assert_eq!(asked(&["--pass-fd", "987"], ""), Err(hasp_core::code::FD_CLOSED));
        for spelling in platform::DESCRIPTOR_PREFIXES.iter().chain(&["fd:"]) {
            for end in [&read, &write] {
                let source = format!("{spelling}{}", end.as_raw_fd());
                assert_eq!(asked(&["--pass-fd", &number, "-g", &source], ""), Err(code::FD_SOURCE));
            }
        }
        assert_eq!(
            asked(&["--pass-fd", &number, "--status-fd", &number], ""),
            Err(code::FD_SOURCE)
        );
    }
}
