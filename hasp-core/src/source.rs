//! Where a value, a token or a passphrase comes from: a word that names a source, never the thing
//! itself, so that nothing secret travels in argv.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::code;
use crate::environ::Environ;
use crate::error::{Error, Kind, Result};
use crate::platform::{self, DESCRIPTOR_PREFIXES};
use crate::secret::Secret;
use crate::text::printable_os;

/// `-`, `fd:N`, `env:VAR` or a path; `/dev/stdin` and the names that the system has for
/// descriptors mean these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `-`.
    Stdin,
    /// `fd:N`.
    Fd(RawFd),
    /// `env:VAR`.
    Env(OsString),
    /// Anything else; links are followed, since the user named it.
    Path(PathBuf),
}

impl Source {
    /// Reads a source's word.
    ///
    /// # Errors
    /// `[bad-source]` for `fd:` without a number, `env:` without a name, or an empty word.
    pub fn parse(word: &OsStr) -> Result<Source> {
        let bytes = word.as_bytes();
        if bytes == b"-" || bytes == b"/dev/stdin" {
            return Ok(Source::Stdin);
        }
        let mut spellings = DESCRIPTOR_PREFIXES.iter().chain(&["fd:"]);
        if let Some(digits) = spellings.find_map(|s| bytes.strip_prefix(s.as_bytes())) {
            return descriptor(digits).ok_or_else(|| bad_source(word));
        }
        match bytes.strip_prefix(b"env:") {
            Some(name) if name.is_empty() || name.contains(&b'=') => Err(bad_source(word)),
            Some(name) => Ok(Source::Env(OsStr::from_bytes(name).to_owned())),
            None if bytes.is_empty() => Err(bad_source(word)),
            None => Ok(Source::Path(PathBuf::from(word))),
        }
    }

    /// Reads all of it, at most `limit` bytes, exactly as it is.
    ///
    /// A descriptor is read to its end, it or a variable is claimed so that no child sees it, a
    /// path must be a regular file, a FIFO or a character device.
    pub fn read(&self, env: &mut Environ, limit: usize) -> Result<Secret> {
        match self {
            Source::Stdin => read_descriptor(env, 0, limit),
            Source::Fd(fd) => read_descriptor(env, *fd, limit),
            Source::Env(name) => read_variable(env, name, limit),
            Source::Path(path) => {
                if path.is_dir() {
                    return Err(no_file(path, "is a directory"));
                }
                let mut file = File::open(path).map_err(|e| unreadable(path, &e))?;
                Secret::read_from(&mut file, limit)
            }
        }
    }
}

fn descriptor(digits: &[u8]) -> Option<Source> {
    let text = std::str::from_utf8(digits).ok()?;
    let number = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<RawFd>().ok())??;
    Some(if number == 0 { Source::Stdin } else { Source::Fd(number) })
}

/// Whether somebody could read again what was read there: a file, not a pipe or a terminal.
pub fn can_be_read_again(number: RawFd) -> bool {
    let opened = platform::duplicate(number).ok();
    let kind = opened.and_then(|descriptor| rustix::fs::fstat(&descriptor).ok());
    let kind = kind.map(|stat| FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Some(FileType::RegularFile | FileType::BlockDevice))
}

fn read_descriptor(env: &mut Environ, fd: RawFd, limit: usize) -> Result<Secret> {
    env.claim_descriptor(fd);
    // Our streams become a child's, which could read the file again.
    if matches!(fd, 1 | 2) && can_be_read_again(fd) {
        return Err(Error::new(
            Kind::Usage,
            code::BAD_SOURCE,
            format!("descriptor {fd} is for output"),
        )
        .hint("open the file under another number: 3<FILE after the command"));
    }
    let owned = platform::duplicate(fd).map_err(|_| {
        Error::new(Kind::Usage, code::FD_CLOSED, format!("descriptor {fd} is not open"))
            .hint(format!("open it in the shell, for example: {fd}<FILE after the command"))
    })?;
    Secret::read_from(&mut File::from(owned), limit)
}

fn read_variable(env: &mut Environ, name: &OsStr, limit: usize) -> Result<Secret> {
    let value = env.claim(name).ok_or_else(|| {
        let shown = printable_os(name);
        Error::new(Kind::Usage, code::ENV_UNSET, format!("the environment has no variable {shown}"))
            .hint(format!("set it for this one command: {shown}=... before the command's name"))
    })?;
    let value = Secret::from_vec(value.into_encoded_bytes())?;
    if value.len() > limit {
        return Err(Error::new(
            Kind::Data,
            code::VALUE_TOO_LARGE,
            format!("the value is longer than {limit} bytes"),
        ));
    }
    Ok(value)
}

fn unreadable(path: &Path, cause: &std::io::Error) -> Error {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => no_file(path, "may not be read by you"),
        _ => no_file(path, "is not there"),
    }
}

/// Somebody may have typed the value, the token or the passphrase itself where its source belongs:
/// a word is shown only if it leads into a directory that exists.
fn no_file(path: &Path, why: &str) -> Error {
    let leads =
        path.as_os_str().as_bytes().contains(&b'/') && path.parent().is_some_and(Path::is_dir);
    let shown = if leads {
        crate::text::printable_path(path)
    } else {
        "the named file (not shown)".to_owned()
    };
    Error::new(Kind::Missing, code::NO_SUCH_FILE, format!("{shown} {why}"))
        .hint("a source is - (stdin), fd:N, env:VAR or a path; a value itself is never an argument")
}

/// The word is not shown: somebody may have typed the value itself.
fn bad_source(_word: &OsStr) -> Error {
    Error::new(Kind::Usage, code::BAD_SOURCE, "that is not a source")
        .hint("a source is - (stdin), fd:N, env:VAR or a path")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(word: &str) -> Result<Source> {
        Source::parse(OsStr::new(word))
    }

    #[test]
    fn words() {
        assert_eq!(parse("-").unwrap(), Source::Stdin);
        assert_eq!(parse("/dev/stdin").unwrap(), Source::Stdin);
        assert_eq!(parse("fd:0").unwrap(), Source::Stdin);
        assert_eq!(parse("fd:7").unwrap(), Source::Fd(7));
        assert_eq!(parse("/dev/fd/7").unwrap(), Source::Fd(7));
        for prefix in DESCRIPTOR_PREFIXES {
            assert_eq!(parse(&format!("{prefix}7")).unwrap(), Source::Fd(7));
        }
        assert_eq!(parse("env:TOKEN").unwrap(), Source::Env("TOKEN".into()));
        assert_eq!(parse("./fd:x").unwrap(), Source::Path("./fd:x".into()));
        for bad in ["", "fd:", "fd:-1", "fd:x", "fd:99999999999", "env:", "env:A=B"] {
            assert_eq!(parse(bad).unwrap_err().code(), code::BAD_SOURCE);
        }
    }

    #[test]
    fn a_variable_is_claimed_and_limited() {
        let mut env: Environ = [("T".into(), "12345".into())].into_iter().collect();
        assert!(Source::Env("T".into()).read(&mut env, 5).unwrap().expose() == b"12345");
        assert!(env.withheld().contains(OsStr::new("T")));
        assert_eq!(
            Source::Env("T".into()).read(&mut env, 4).unwrap_err().code(),
            code::VALUE_TOO_LARGE
        );
        assert_eq!(Source::Env("U".into()).read(&mut env, 4).unwrap_err().code(), code::ENV_UNSET);
    }

    #[test]
    fn a_descriptor_is_claimed_and_no_program_inherits_it() {
        use std::os::fd::AsRawFd;
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        drop(writer);
        let (mut env, number) = (Environ::default(), reader.as_raw_fd());
        assert!(Source::Fd(number).read(&mut env, 9).unwrap().is_empty());
        assert!(env.has_read(number) && !env.has_read(0));
        assert!(rustix::io::fcntl_getfd(&reader).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn closed_descriptors_and_missing_files_are_named() {
        let mut env = Environ::default();
        assert_eq!(Source::Fd(987).read(&mut env, 9).unwrap_err().code(), code::FD_CLOSED);
        assert_eq!(
            Source::Path("/no/such".into()).read(&mut env, 9).unwrap_err().code(),
            code::NO_SUCH_FILE
        );
        assert_eq!(
            Source::Path("/etc".into()).read(&mut env, 9).unwrap_err().code(),
            code::NO_SUCH_FILE
        );
        for word in ["hunter2", "hun/ter2", "/hun/ter2", &"hunter2".repeat(100)] {
            let error = Source::Path(word.into()).read(&mut env, 9).unwrap_err();
            assert!(!error.message().contains("ter2"), "{}", error.code());
        }
        assert!(
            Source::Path("/etc/no-such".into())
                .read(&mut env, 9)
                .unwrap_err()
                .message()
                .contains("/etc/no-such")
        );
    }
}
