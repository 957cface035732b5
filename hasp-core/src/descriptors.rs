//! Which descriptors hold what a source of ours names: none of them reaches a program that we
//! start, whatever else names it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::fd::RawFd;
use std::path::Path;

use rustix::fs::{FileType, Stat};

use crate::environ::Environ;
use crate::error::{Error, Result};
use crate::platform::{self, identity};
use crate::source::Source;

/// Descriptors of sources, by number and by the file that is open there: the same pipe or file may
/// be open under another number, and a path may lead to it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    numbers: BTreeSet<RawFd>,
    files: BTreeSet<(u64, u64)>,
}

impl Sources {
    /// What all `HASP_*` variables name, whether or not it will be read.
    pub fn of(env: &Environ) -> Sources {
        let mut sources = Sources::default();
        env.words().for_each(|(_, word)| sources.add_word(word));
        sources
    }

    /// What an option names; a word that is no source names nothing.
    pub fn add_word(&mut self, word: &OsStr) {
        match Source::parse(word) {
            Ok(Source::Stdin) => self.add(0),
            Ok(Source::Fd(number)) => self.add(number),
            Ok(Source::Path(path)) => self.files.extend(file_at(&path)),
            Ok(Source::Env(_)) | Err(_) => {}
        }
    }

    /// A descriptor.
    pub fn add(&mut self, number: RawFd) {
        self.numbers.insert(number);
        // Streams of ours may be the same terminal or log as much else.
        if number > 2 {
            self.files.extend(file_on(number));
        }
    }

    /// Whether a source names this descriptor, or another one of the same file.
    pub fn hold(&self, number: RawFd) -> bool {
        self.numbers.contains(&number) || self.hold_file(number)
    }

    /// Whether the file on this descriptor is one that a source names by another number or by a
    /// path.
    pub fn hold_file(&self, number: RawFd) -> bool {
        file_on(number).is_some_and(|file| self.files.contains(&file))
    }
}

/// Lets a tool of ours that we start inherit the sources that its environment names, and this one.
/// Nothing else that our caller left open is inherited (see [`crate::tool::main`]).
pub fn lend(env: &Environ, word: Option<&OsStr>) {
    let words = env.words().map(|(_, word)| word).chain(word);
    for number in words.filter_map(|w| Source::parse(w).ok()) {
        if let Source::Fd(number) = number
            && !env.has_read(number)
        {
            // Where it is not open, whoever reads it says so.
            let _ = platform::set_inherited(number, true);
        }
    }
}

/// The pipe or FIFO that is open there, by device and inode.
pub fn fifo(number: RawFd) -> Option<(u64, u64)> {
    stat(number)
        .filter(|s| FileType::from_raw_mode(s.st_mode) == FileType::Fifo)
        .map(|s| identity(&s))
}

/// Puts /dev/null in place of a standard input that holds what we have read from it.
pub fn close_stdin() -> Result<()> {
    let null = std::fs::File::open("/dev/null").map_err(|e| Error::system("open /dev/null", e))?;
    rustix::stdio::dup2_stdin(&null).map_err(|e| Error::system("leave standard input", e))
}

fn file_on(number: RawFd) -> Option<(u64, u64)> {
    stat(number).and_then(|s| file(&s))
}

fn file_at(path: &Path) -> Option<(u64, u64)> {
    rustix::fs::stat(path).ok().and_then(|s| file(&s))
}

/// What can hold a secret and is told apart by its inode: neither terminals nor /dev/null nor what
/// has no file at all.
fn file(stat: &Stat) -> Option<(u64, u64)> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    matches!(kind, FileType::RegularFile | FileType::Fifo | FileType::Socket)
        .then(|| identity(stat))
}

fn stat(number: RawFd) -> Option<Stat> {
    platform::duplicate(number).ok().and_then(|descriptor| rustix::fs::fstat(&descriptor).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::fd::AsRawFd;

    fn named(word: &str) -> Sources {
        let env: Environ =
            [(OsString::from("HASP_PASSPHRASE"), OsString::from(word))].into_iter().collect();
        Sources::of(&env)
    }

    #[test]
    fn a_source_is_known_in_every_spelling_and_under_every_number() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let twin = reader.try_clone().unwrap();
        let (other, _end) = rustix::pipe::pipe().unwrap();
        for spelling in platform::DESCRIPTOR_PREFIXES.iter().chain(&["fd:", "/dev/../dev/fd/"]) {
            let sources = named(&format!("{spelling}{}", reader.as_raw_fd()));
            assert!(
                [&reader, &twin, &writer].iter().all(|d| sources.hold(d.as_raw_fd())),
                "{spelling}"
            );
            assert!(!sources.hold(other.as_raw_fd()), "{spelling}");
        }
    }

    #[test]
    fn a_file_named_by_its_path_is_known_on_a_descriptor() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pw");
        std::fs::write(&path, "x").unwrap();
        std::os::unix::fs::symlink(&path, dir.path().join("link")).unwrap();
        let file = std::fs::File::open(&path).unwrap();
        assert!(named(dir.path().join("link").to_str().unwrap()).hold(file.as_raw_fd()));
        assert!(!named(dir.path().to_str().unwrap()).hold(file.as_raw_fd()));
        assert!(fifo(file.as_raw_fd()).is_none());
    }

    #[test]
    fn what_has_no_file_of_its_own_is_known_by_its_number_only() {
        let null = std::fs::File::open("/dev/null").unwrap();
        let twin = std::fs::File::open("/dev/null").unwrap();
        let sources = named(&format!("fd:{}", null.as_raw_fd()));
        assert!(sources.hold(null.as_raw_fd()) && !sources.hold(twin.as_raw_fd()));
        assert!(!named("fd:987654").hold(twin.as_raw_fd()) && named("fd:987654").hold(987_654));
    }
}
