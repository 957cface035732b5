//! Many texts: files of a tree, on all processors, and blobs of a repository as git gives them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_core::{Error, Result};
use indicatif::ProgressBar;
use rustix::fs::{CWD, FileType, Mode, OFlags, Stat};

use super::archive;
use super::finder::{Finder, Hit, Wanted};
use super::report::{Finding, Report, bytes};
use crate::git::{Entry, Git, each_blob};

/// A thread is not worth its start for fewer files.
const FILES: usize = 32;

/// The progress bar moves by so many files, since it looks at the clock each time.
const TELL: usize = 16;

/// What came of one text.
struct Looked {
    hits: Vec<Hit>,
    size: u64,
    archive: Option<&'static str>,
}

fn look(finder: &mut Finder<'_>, text: impl Read) -> Result<Looked> {
    let mut archive = None;
    let (hits, size) = finder.look(text, |beginning| archive = archive::kind(beginning))?;
    Ok(Looked { hits, size, archive })
}

/// Looks through files; what is gone by now is passed over, what may not be read is an error.
pub(crate) fn files(wanted: &Wanted, paths: &[PathBuf], bar: &ProgressBar) -> Result<Report> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Report> {
        let (mut finder, mut report, mut told) = (Finder::new(wanted), Report::default(), 0);
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let path = plain(path);
            if let Some((file, size)) = open(path)? {
                report.add(
                    || bytes(path),
                    of_file(&mut finder, file, size).map_err(|e| at(path, &e))?,
                );
            }
            if report.files >= told + TELL {
                bar.inc((report.files - told) as u64);
                told = report.files;
            }
        }
        Ok(report)
    };
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(paths.len() / FILES + 1);
    let mut report = std::thread::scope(|scope| {
        // Where no more threads may be made, those that are there do it all.
        let other = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads).filter_map(other).collect();
        let mut all = work();
        for other in others {
            let one = other
                .join()
                .unwrap_or_else(|_| Err(Error::bug("a thread of the scan ended early")));
            all = all.and_then(|all| one.map(|one| all.with(one)));
        }
        all
    })?;
    // In the order of paths; what is in one file stays in its own.
    report.findings.sort_by(|a, b| path(&a.file).cmp(path(&b.file)));
    report.archives.sort_by(|a, b| path(&a.0).cmp(path(&b.0)));
    Ok(report)
}

/// A path as a person would write it.
fn plain(path: &Path) -> &Path {
    path.as_os_str()
        .as_bytes()
        .strip_prefix(b"./")
        .filter(|p| !p.starts_with(b"/"))
        .map_or(path, self::path)
}

fn path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn at(path: &Path, e: &Error) -> Error {
    Error::new(
        e.kind(),
        e.code(),
        format!("{}: {}", hasp_core::text::printable_path(path), e.message()),
    )
}

/// Looks through as much of a file as it had when it was opened, which saves a call that says that
/// it ended. What tells no size, as in /proc, is read to its end.
fn of_file(finder: &mut Finder<'_>, file: File, size: u64) -> Result<Looked> {
    if size == 0 { look(finder, file) } else { look(finder, file.take(size)) }
}

/// Opens a file and tells its size, `None` if by now it is none: NONBLOCK so that a FIFO that took
/// its place cannot hang us.
fn open(path: &Path) -> Result<Option<(File, u64)>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let fd = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let is_file = |stat: &Stat| FileType::from_raw_mode(stat.st_mode).is_file();
    let stat = rustix::fs::fstat(&fd).ok().filter(is_file);
    Ok(stat.map(|stat| (File::from(fd), stat.st_size as u64)))
}

/// Looks through blobs.
pub(crate) fn blobs(
    wanted: &Wanted,
    git: &Git,
    list: &[Entry],
    bar: &ProgressBar,
) -> Result<(Report, Vec<usize>)> {
    let (mut report, mut places) = (Report::default(), Vec::new());
    let mut finder = Finder::new(wanted);
    report.missing = each_blob(git, list, |blob| {
        let looked = look(&mut finder, blob.content)?;
        debug_assert_eq!(looked.size, blob.size, "all of a blob is looked at");
        bar.inc(1);
        places.extend(looked.hits.iter().map(|_| blob.index));
        report.add(|| list[blob.index].path.clone(), looked);
        Ok(())
    })?;
    Ok((report, places))
}

impl Report {
    fn add(&mut self, file: impl Fn() -> Vec<u8>, looked: Looked) {
        self.files += 1;
        self.bytes += looked.size;
        self.archives.extend(looked.archive.map(|sort| (file(), sort)));
        let findings =
            looked.hits.into_iter().map(|hit| Finding { file: file(), commit: None, hit });
        self.findings.extend(findings);
    }

    /// This and what another thread saw.
    fn with(mut self, other: Report) -> Report {
        self.files += other.files;
        self.bytes += other.bytes;
        self.archives.extend(other.archives);
        self.findings.extend(other.findings);
        self
    }
}
