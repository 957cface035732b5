//! The child process: exactly the approved program, words, directory and environment, and no descriptor that was not meant for it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::fs::Mode;

use hasp_core::system::{self, BeforeExec, Image};
use hasp_core::text::printable_path;
use hasp_core::{Environ, Error, Kind, Result, cause_text};

/// Everything that decides what the child is.
pub struct Plan<'a> {
    /// The absolute program.
    pub program: &'a Path,
    /// Its words, `argv[0]` first.
    pub argv: &'a [OsString],
    /// Where it runs.
    pub dir: &'a Path,
    /// Its whole environment.
    pub vars: BTreeMap<OsString, OsString>,
    /// Descriptors that it inherits besides 0 to 2.
    pub pass: Vec<RawFd>,
    /// Whether it may gain privileges.
    pub no_new_privs: bool,
    /// Its umask.
    pub umask: Mode,
}

/// The command of the plan with our own standard streams, which the caller may replace.
pub fn command(plan: &Plan<'_>) -> Command {
    let mut command = Command::new(plan.program);
    command.arg0(&plan.argv[0]).args(&plan.argv[1..]).current_dir(plan.dir).env_clear().envs(&plan.vars);
    command
}

/// Starts the child with exactly the descriptors of the plan.
///
/// # Errors
/// `[cannot-execute]` (126) for what only execve can find: a broken ELF, a missing interpreter, too many words. `[fd-closed]`.
pub fn spawn(mut command: Command, plan: &Plan<'_>, before: BeforeExec) -> Result<Child> {
    let words = plan.argv.iter().map(OsString::as_os_str);
    let vars = plan.vars.iter().map(|(n, v)| (n.as_os_str(), v.as_os_str()));
    let image = Image::new(plan.program.as_os_str(), words, vars);
    let image = Some(image.ok_or_else(|| Error::bug("a word or a variable holds a NUL byte"))?);
    let before = BeforeExec { image, umask: Some(plan.umask), no_new_privileges: plan.no_new_privs, ..before };
    before.install(&mut command);
    pass_only(&plan.pass)?;
    command.spawn().map_err(|e| refused(plan, &e))
}

/// Lets a child inherit these descriptors and 0 to 2, and nothing else that is open, whoever opened it.
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

/// The descriptors that our caller meant for the child: asked before anything of ours is open, so that a number names what the caller
/// opened and nothing else.
///
/// # Errors
/// `[fd-closed]` for a number of `--pass-fd` that is not open.
pub fn passed(asked: &[RawFd], env: &Environ) -> Result<Vec<RawFd>> {
    let closed = asked.iter().find(|n| system::duplicate(**n).is_err());
    match closed {
        Some(number) => Err(fd_closed(*number)),
        None => Ok(asked.iter().copied().chain(jobserver(env)).collect()),
    }
}

/// The descriptors of make's jobserver that MAKEFLAGS names and that are open (GNU make manual, "POSIX Jobserver").
fn jobserver(env: &Environ) -> Vec<RawFd> {
    let flags = env.get("MAKEFLAGS").map(|f| f.to_string_lossy().into_owned()).unwrap_or_default();
    let auth = flags.split_whitespace().rev().find_map(|w| {
        w.strip_prefix("--jobserver-auth=").or_else(|| w.strip_prefix("--jobserver-fds=")).map(str::to_owned)
    });
    let numbers = auth.map(|a| a.split(',').filter_map(|n| n.parse().ok()).collect::<Vec<RawFd>>()).unwrap_or_default();
    let ours = |n: &RawFd| *n > 2 && system::duplicate(*n).is_ok();
    numbers.into_iter().filter(ours).collect()
}

fn refused(plan: &Plan<'_>, cause: &std::io::Error) -> Error {
    let program = printable_path(plan.program);
    if !plan.dir.is_dir() {
        let dir = printable_path(plan.dir);
        return Error::new(Kind::Denied, "dir-missing", format!("the approved directory {dir} is not there"));
    }
    let why = match rustix::io::Errno::from_io_error(cause) {
        Some(rustix::io::Errno::TOOBIG) => "its words and environment are too long for this kernel".to_owned(),
        Some(rustix::io::Errno::NOEXEC) => "it is not a program that this machine can run".to_owned(),
        Some(rustix::io::Errno::NOENT) => "the interpreter or loader that it names is missing".to_owned(),
        _ => cause_text(cause),
    };
    Error::new(Kind::NotExecutable, "cannot-execute", format!("cannot execute {program}: {why}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn the_jobserver_of_make_is_found() {
        let (read, write) = rustix::pipe::pipe().unwrap();
        let flags = format!(" -j4 --jobserver-auth={},{} -- X=1", read.as_raw_fd(), write.as_raw_fd());
        let environ =
            |flags: &str| [(OsString::from("MAKEFLAGS"), OsString::from(flags))].into_iter().collect::<Environ>();
        assert_eq!(passed(&[], &environ(&flags)).unwrap(), [read.as_raw_fd(), write.as_raw_fd()]);
        assert!(passed(&[], &environ("-j4 --jobserver-auth=fifo:/tmp/x")).unwrap().is_empty());
        assert!(passed(&[], &environ("-j4 --jobserver-auth=98,99")).unwrap().is_empty());
        assert_eq!(passed(&[-1], &environ("")).unwrap_err().code(), "fd-closed");
        assert_eq!(passed(&[987], &environ("")).unwrap_err().code(), "fd-closed");
    }
}
