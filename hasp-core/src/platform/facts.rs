//! What the systems are asked for, in words that none of them has made.

use std::path::PathBuf;

use rustix::fs::{Mode, RawMode, Stat};

/// What can be seen of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Its number.
    pub pid: u32,
    /// What it calls itself, as it is.
    pub name: Vec<u8>,
    /// Its parent; 0 if that cannot be seen.
    pub parent: u32,
    /// The session that it belongs to; 0 if its leader cannot be seen.
    pub session: u32,
    /// Its controlling terminal.
    pub terminal: Option<PathBuf>,
    /// When it started, since boot, in a unit of the system's own.
    pub start: u64,
    /// Whether it still runs: one that has ended may not have been waited for.
    pub alive: bool,
    /// Whether a signal has stopped it.
    pub stopped: bool,
}

/// A pipe, a file or a terminal behind a descriptor, as others that hold it can be told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    /// The device that it is on.
    pub dev: u64,
    /// Its number there.
    pub ino: u64,
    /// The terminal that it leads, by the number of its device.
    pub terminal: Option<u64>,
}

impl FileId {
    /// Of what was looked at.
    pub fn of(stat: &Stat, terminal: Option<u64>) -> FileId {
        let (dev, ino) = identity(stat);
        FileId { dev, ino, terminal }
    }
}

/// Device and inode, which tell one file of a machine from every other.
#[allow(clippy::unnecessary_cast, reason = "the width of a device number is the system's")]
pub fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

/// A mode by its bits, as they are written down.
#[allow(clippy::cast_possible_truncation, reason = "the width of a mode is the system's")]
pub fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode(bits as RawMode)
}

/// The bits of a mode, to be written down.
#[allow(clippy::useless_conversion, reason = "the width of a mode is the system's")]
pub fn mode_bits(mode: Mode) -> u32 {
    mode.as_raw_mode().into()
}

/// A place to which memory is written when it is short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Swap {
    /// The device or file.
    pub path: PathBuf,
    /// What becomes of memory that is written there.
    pub keeping: Keeping,
}

/// What becomes of memory that is swapped out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It stays in memory, compressed.
    Memory,
    /// It is encrypted.
    Encrypted,
    /// Nothing says that it is encrypted.
    Plain,
}

/// Something that the system does for hasp, or does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about, in a word or two.
    pub topic: &'static str,
    /// Whether it is as it should be.
    pub good: bool,
    /// How it is.
    pub text: String,
    /// What to type to make it better.
    pub fix: Vec<String>,
}

impl Finding {
    /// As it should be.
    pub fn good(topic: &'static str, text: impl Into<String>) -> Finding {
        Finding { topic, good: true, text: text.into(), fix: Vec::new() }
    }

    /// It works, and could be better.
    pub fn note(topic: &'static str, text: impl Into<String>, fix: &[&str]) -> Finding {
        let fix = fix.iter().map(|line| (*line).to_owned()).collect();
        Finding { topic, good: false, text: text.into(), fix }
    }
}
