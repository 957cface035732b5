//! Many texts: files of a tree, on all processors, and blobs of a repository as git gives them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hasp_core::{Error, Result};
use indicatif::ProgressBar;
use rustix::fs::{CWD, Mode, OFlags};

use super::archive;
use super::finder::{Finder, Hit, Wanted};
use super::report::{Finding, Report, bytes};
use crate::git::{Entry, Git, each_blob};

/// A thread is not worth its start for fewer files.
const FILES: usize = 32;

/// What came of one text.
struct Looked {
    hits: Vec<Hit>,
    size: u64,
    archive: Option<&'static str>,
}

fn look(finder: &mut Finder<'_>, text: impl std::io::Read) -> Result<Looked> {
    let mut archive = None;
    let (hits, size) = finder.look(text, |beginning| archive = archive::sort(beginning))?;
    Ok(Looked { hits, size, archive })
}

/// Looks through files; what is gone or may not be read by now is an error.
pub(crate) fn files(wanted: &Wanted, paths: &[PathBuf], bar: &ProgressBar) -> Result<Report> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(paths.len()));
    let work = || -> Result<()> {
        let mut finder = Finder::new(wanted);
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let looked = match open(path)? {
                Some(file) => look(&mut finder, file).map_err(|e| {
                    Error::new(
                        e.kind(),
                        e.code(),
                        format!("{}: {}", hasp_core::text::printable_path(path), e.message()),
                    )
                })?,
                None => continue,
            };
            bar.inc(1);
            let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            done.push((path, looked));
        }
        Ok(())
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(paths.len() / FILES + 1);
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut outcome = work();
        for other in others {
            let ended = other.join().unwrap_or_else(|_| Err(Error::bug("a thread of the scan ended early")));
            outcome = outcome.and(ended);
        }
        outcome
    })?;
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by(|a, b| a.0.cmp(b.0));
    let mut report = Report::default();
    done.into_iter().for_each(|(path, looked)| report.add(bytes(path), looked));
    Ok(report)
}

/// Opens a file, `None` if by now it is none: NONBLOCK so that a FIFO that took its place cannot hang us.
fn open(path: &Path) -> Result<Option<File>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
        Ok(fd) => File::from(fd),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(e) => return Err(Error::io("read", path, e)),
    };
    let is_file = file.metadata().is_ok_and(|m| m.is_file());
    Ok(is_file.then_some(file))
}

/// Looks through blobs.
pub(crate) fn blobs(wanted: &Wanted, git: &Git, list: &[Entry], bar: &ProgressBar) -> Result<(Report, Vec<usize>)> {
    let (mut report, mut places) = (Report::default(), Vec::new());
    let mut finder = Finder::new(wanted);
    report.missing = each_blob(git, list, |blob| {
        let looked = look(&mut finder, blob.content)?;
        debug_assert_eq!(looked.size, blob.size, "all of a blob is looked at");
        bar.inc(1);
        places.extend(looked.hits.iter().map(|_| blob.index));
        report.add(list[blob.index].path.clone(), looked);
        Ok(())
    })?;
    Ok((report, places))
}

impl Report {
    fn add(&mut self, file: Vec<u8>, looked: Looked) {
        self.files += 1;
        self.bytes += looked.size;
        self.archives.extend(looked.archive.map(|sort| (file.clone(), sort)));
        let findings = looked.hits.into_iter().map(|hit| Finding { file: file.clone(), commit: None, hit });
        self.findings.extend(findings);
    }
}
